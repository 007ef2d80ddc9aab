"""Push, pull, look up, replay and close many rows at once, with a word about each."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from django_dinero.exceptions import OutcomeUnknown
from django_dinero.models import CreditCard, Customer, Difference, Operation
from django_dinero.models.difference import DifferenceKind
from django_dinero.services.reconcile import differences
from django_dinero.services.reconcile.differences import Found
from tests.integration.admin.pages import confirm, text, url
from tests.support.recording import RecordingGateway, lose_reply, refuse_connection
from tests.support.webhooks import notice, receive

pytestmark = pytest.mark.django_db


def sent(rows: list[Any], **given: str) -> dict[str, Any]:
    """What the page posts."""
    return {**confirm(**given), "row": [str(row.pk) for row in rows]}


def states(response: Any) -> list[str]:
    return [line.state for line in response.context["lines"]]


@pytest.fixture
def customers(customer: Customer, gateway: RecordingGateway) -> list[Customer]:
    """Three: the first is synced, the others wait."""
    others = [Customer.create(f"{name}@example.com") for name in ("a", "b")]
    Customer.objects.filter(pk__in=[row.pk for row in others]).update(last_name="Lee")
    return [customer, *others]


def test_the_list_leads_to_the_page(
    root: Client, customers: list[Customer], gateway: RecordingGateway
) -> None:
    mark = gateway.mark
    chosen = [str(row.pk) for row in customers]
    posted = {"action": "dinero_push", "_selected_action": chosen}
    response = root.post(url("customer_changelist"), posted)
    page = root.get(response["Location"])
    assert states(page) == ["skipped", "planned", "planned"]
    assert "There is nothing to push: it is synced." in text(page)
    assert gateway.since(mark) == []


def test_each_is_pushed_once_and_told(
    root: Client, customers: list[Customer], gateway: RecordingGateway
) -> None:
    gateway.faults["update_customer"] = refuse_connection
    mark, posted = gateway.mark, sent(customers[1:])
    first = root.post(url("customer_bulk_push"), posted)
    assert states(first) == ["refused", "done"]
    assert "Pushed: b@example.com is synced." in text(first)
    second = root.post(url("customer_bulk_push"), posted)
    assert states(second) == ["done", "before"]
    assert gateway.since(mark) == ["update_customer"] * 3
    assert LogEntry.objects.count() == 2


def test_cards_are_pushed_and_pulled(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    CreditCard.objects.filter(pk=card.pk).update(city="Bern")
    mark = gateway.mark
    assert states(root.post(url("creditcard_bulk_push"), sent([card]))) == ["done"]
    assert states(root.post(url("creditcard_bulk_pull"), sent([card]))) == ["done"]
    assert gateway.since(mark) == ["update_card", "retrieve_customer"]


def test_operations_are_looked_up(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    card.charge("1.00")
    for price in ("2.00", "3.00"):
        gateway.faults["charge"] = lose_reply
        with suppress(OutcomeUnknown):
            card.charge(price)
    rows = list(Operation.objects.filter(kind="charge").order_by("pk"))
    assert states(root.get(url("operation_bulk_look_up"), {"row": [r.pk for r in rows]})) == [
        *("skipped", "planned", "planned")
    ]
    done = root.post(url("operation_bulk_look_up"), sent(rows[1:]))
    assert states(done) == ["done", "done"]
    assert set(Operation.objects.values_list("state", flat=True)) == {"succeeded"}


def test_what_is_still_open_is_told_so(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    gateway.faults["charge"] = lose_reply
    with suppress(OutcomeUnknown):
        card.charge("2.00")
    row = Operation.objects.get(state="unknown")
    gateway.faults["find_operation"] = refuse_connection
    done = root.post(url("operation_bulk_look_up"), sent([row]))
    assert states(done) == ["open"]
    assert "is still open" in text(done)


def test_events_are_applied_again(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    paid = card.charge("1.00")
    rows = [receive(gateway, notice("transaction", str(paid.transaction_id)))]
    rows.append(receive(gateway, notice("transaction", "60012345")))
    done = root.post(url("webhookevent_bulk_replay"), sent(rows))
    assert len(states(done)) == 2
    assert states(done)[0] == "done"


@pytest.fixture
def found(gateway: RecordingGateway) -> list[Difference]:
    """Two differences."""
    kinds = (DifferenceKind.STATUS, DifferenceKind.AMOUNT)
    return [differences.record(gateway, Found(kind=k, subject="1", text="found")) for k in kinds]


def test_differences_are_closed_with_one_explanation(root: Client, found: list[Difference]) -> None:
    address = url("difference_bulk_close")
    page = root.get(address, {"row": [row.pk for row in found]})
    assert b'name="note"' in page.content
    posted = sent(found, note="The gateway's own test.")
    assert states(root.post(address, posted)) == ["done", "done"]
    assert states(root.post(address, posted)) == ["before", "before"]
    notes = set(Difference.objects.values_list("state", "note", "closed_by"))
    assert notes == {("closed", "The gateway's own test.", "root")}
    assert LogEntry.objects.count() == 2


@pytest.mark.parametrize("note", ["", "4111 1111 1111 1111"])
def test_without_an_explanation_none_is_closed(
    root: Client, found: list[Difference], note: str
) -> None:
    response = root.post(url("difference_bulk_close"), sent(found, note=note))
    assert list(response.context["form"].errors) == ["note"]
    assert states(response) == ["planned", "planned"]
    assert "4111 1111" not in response.content.decode()
    assert set(Difference.objects.values_list("state", flat=True)) == {"open"}


def test_the_menu_offers_what_one_may_do(
    staff: Callable[..., Client], customer: Customer, gateway: RecordingGateway
) -> None:
    looking = staff("view_customer", "view_operation")
    for name in ("customer", "operation"):
        assert (
            b"dinero_" not in looking.get(url(f"{name}_changelist")).content.split(b"<select")[-1]
        )
    changing = staff("change_customer", name="changing")
    page = changing.get(url("customer_changelist")).content
    assert b"dinero_push" in page
    assert b"dinero_pull" in page
