"""Where both sides differ is told, and neither is touched."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_dinero.exceptions import DineroError, GatewayError
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.services.sync.comparing import Drift, Side
from django_dinero.services.sync.drift import find_drift
from django_dinero.services.sync.reading import Pace
from tests.support.aging import grow_old
from tests.support.cards import PAST, SECOND, Make
from tests.support.recording import RecordingGateway, refuse_connection
from tests.unit.services.sync.conftest import Stored

pytestmark = pytest.mark.django_db

READS = {"iter_customers"}


def found(gateway: RecordingGateway) -> list[Drift]:
    """Compare; hold that nothing is written here or sent there."""
    mark = gateway.mark
    with CaptureQueriesContext(connection) as context:
        drifts = list(find_drift(gateway, Pace()))
    assert {query["sql"].split()[0] for query in context.captured_queries} == {"SELECT"}
    assert set(gateway.since(mark)) == READS
    return drifts


def test_what_is_the_same_is_not_told(gateway: RecordingGateway, make_customer: Make) -> None:
    make_customer().add_card(**SECOND)
    assert found(gateway) == []


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"email": "new@example.com"}, {"email": ("bill@example.com", "new@example.com")}),
        ({"first_name": "Bo"}, {"first_name": ("", "Bo")}),
    ],
)
def test_a_customer_that_differs(
    gateway: RecordingGateway, make_customer: Make, values: dict[str, str], told: dict[str, Any]
) -> None:
    customer = make_customer()
    given = {"key": customer.customer_key, "email": customer.email, "last_name": ""}
    gateway.bank.update_customer(
        customer.customer_id or "", **{"first_name": "", **given, **values}
    )
    (drift,) = found(gateway)
    assert drift == Drift(
        side=Side.BOTH,
        customer_id=customer.customer_id or "",
        customer_pk=customer.pk,
        fields=told,
    )


def test_a_card_that_differs(gateway: RecordingGateway, make_customer: Make) -> None:
    card = make_customer().cards[0]
    CreditCard.objects.update_without_push(
        last_4="0000", month=1, year=2040, zip="1", default_of=None
    )
    (drift,) = found(gateway)
    assert (drift.side, drift.card_id) == (Side.BOTH, card.card_id)
    assert drift.fields == {
        "last_4": ("0000", "1111"),
        "month": (1, 12),
        "year": (2040, 2030),
        "zip": ("1", "12345"),
        "is_default": (False, True),
    }


def test_an_edit_that_waits_is_told_as_waiting(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    make_customer()
    Customer.objects.update(email="new@example.com")
    (drift,) = found(gateway)
    assert drift.waits
    assert drift.fields == {"email": ("new@example.com", "bill@example.com")}


def test_who_is_on_one_side_only(
    gateway: RecordingGateway, make_customer: Make, stored_there: Stored
) -> None:
    both, here = make_customer(), make_customer(email="here@example.com")
    there = stored_there("there@example.com").customer_id
    gateway.bank.delete_customer(here.customer_id or "")
    Customer.objects.bulk_create([Customer(email="never@example.com")])
    lost = both.add_card(**SECOND)
    CreditCard.objects.filter(pk=lost.pk)._raw_delete("default")
    card = both.cards[0]
    gateway.bank.delete_card(card.customer_id, card.card_id)
    grow_old()
    Operation.objects.update(updated_at=PAST)
    never = Customer.objects.get(email="never@example.com")
    assert [(d.side, d.customer_id, d.card_id, d.customer_pk, d.waits) for d in found(gateway)] == [
        (Side.HERE, both.customer_id, card.card_id, both.pk, False),
        (Side.THERE, both.customer_id, lost.card_id, both.pk, False),
        (Side.THERE, there, "", None, False),
        (Side.HERE, here.customer_id, "", here.pk, False),
        (Side.HERE, "", "", never.pk, True),
    ]


def test_a_delete_that_waits_is_told_as_waiting(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer, other = make_customer(), make_customer(email="b@example.com")
    gateway.faults["delete_customer"] = gateway.faults["delete_card"] = refuse_connection
    for row in (customer, other.cards[0]):
        with pytest.raises(DineroError):
            row.delete()
    assert [(drift.side, drift.waits) for drift in found(gateway)] == [(Side.THERE, True)] * 2


def test_rows_that_are_marked_or_new_or_of_another_account_are_left_out(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    rows = [make_customer(email=f"c{number}@example.com") for number in range(3)]
    for row in rows:
        gateway.bank.delete_customer(row.customer_id or "")
    Customer.objects.filter(pk=rows[0].pk).update_without_push(sync_state="missing")
    Customer.objects.filter(pk=rows[1].pk).update_without_push(live=True)
    assert [drift.customer_pk for drift in found(gateway)] == [rows[2].pk]
    grow_old(10)
    assert found(gateway) == []


def test_what_is_pushed_while_the_gateway_is_asked_is_left_out(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_customer()
    told = list(gateway.iter_customers())

    def walk() -> Any:
        yield from told
        row = Customer.objects.get()
        row.email = "new@example.com"
        row.save()

    monkeypatch.setattr(gateway, "iter_customers", walk)
    assert list(find_drift(gateway, Pace())) == []


def test_an_incomplete_list_proves_nothing_absent(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_customer()

    def walk() -> Any:
        raise GatewayError("page 1 failed")
        yield

    monkeypatch.setattr(gateway, "iter_customers", walk)
    drifts = []
    with pytest.raises(GatewayError, match="page 1"):
        for drift in find_drift(gateway, Pace()):
            drifts.append(drift)
    assert drifts == []
