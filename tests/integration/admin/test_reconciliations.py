"""Runs of reconcile and differences: to look at, to search, to close with an explanation."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from django_dinero.models import CreditCard, Difference, Operation, Reconciliation, Transaction
from django_dinero.models.difference import DifferenceKind
from django_dinero.services.reconcile import differences
from django_dinero.services.reconcile.differences import Found
from tests.integration.admin.pages import confirm, key_of, messages, text, url
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

NOTE = "Made by hand in the gateway's own pages."


@pytest.fixture
def books(gateway: RecordingGateway) -> Difference:
    """The books of a day that differ."""
    found = Found(
        kind=DifferenceKind.BOOKS,
        subject="2026-11-28 USD",
        text="The gateway has 13.00 more.",
        day=date(2026, 11, 28),
        currency="USD",
        amount_here=Decimal("12.00"),
        amount_there=Decimal("25.00"),
    )
    return differences.record(gateway, found)


@pytest.fixture
def ghost(gateway: RecordingGateway, card: CreditCard) -> Difference:
    """A payment that the gateway does not have."""
    paid = Transaction.create("12.50", card=card)
    found = Found(
        kind=DifferenceKind.MISSING_THERE,
        subject=str(paid.transaction_id),
        text="Not in its list.",
        operation_key=paid.operation_key or "",
        transaction_id=str(paid.transaction_id),
        customer_id=card.customer_id,
        card_id=card.card_id,
    )
    return differences.record(gateway, found)


def run_of(**values: Any) -> Reconciliation:
    given = {"gateway_name": "default", "state": "finished", "since": "2026-11-26T04:00:00Z"}
    return Reconciliation.objects.create(**{**given, **values})


def close(note: str = NOTE, **given: str) -> dict[str, str]:
    return confirm(note=note, **given)


# -- Looking ---------------------------------------------------------------------------------------


def test_a_run_shows_what_was_counted_and_why_it_broke_off(
    root: Client, gateway: RecordingGateway
) -> None:
    counts = {"looked_up": 3, "orphans": 0, "open_differences": 2}
    row = run_of(
        state="broken", counts=counts, error="sweep: page 2 is missing", phases_done=["orphans"]
    )
    listed = text(root.get(url("reconciliation_changelist")))
    assert "broken off" in listed and "3 operations looked up 2 open differences" in listed
    shown = text(root.get(url("reconciliation_change", row.pk)))
    assert "sweep: page 2 is missing" in shown and "Phases done: orphans" in shown
    assert "Nov. 26, 2026" in shown


def test_a_run_is_named_by_its_local_minute(root: Client, settings: Any) -> None:
    settings.TIME_ZONE = "America/New_York"
    row = run_of()
    Reconciliation.objects.filter(pk=row.pk).update(started_at="2026-12-01T10:11:03.684Z")
    row.refresh_from_db()
    assert str(row) == "default Dec. 1, 2026, 5:11 a.m. (finished)"
    assert str(row) in text(root.get(url("reconciliation_change", row.pk)))
    assert str(Reconciliation(gateway_name="default")) == "default  (running)"


def test_runs_are_found_by_state_and_gateway(root: Client, gateway: RecordingGateway) -> None:
    run_of(error="one")
    run_of(state="broken", gateway_name="other")
    assert "1 reconciliation" in text(
        root.get(url("reconciliation_changelist"), {"state__exact": "broken"})
    )
    assert "1 reconciliation" in text(root.get(url("reconciliation_changelist"), {"q": "other"}))


def test_a_difference_shows_both_sides(root: Client, books: Difference) -> None:
    listed = text(root.get(url("difference_changelist")))
    assert "the books of a day differ" in listed
    assert "12.00 USD" in listed and "25.00 USD" in listed
    shown = text(root.get(url("difference_change", books.pk)))
    assert "The gateway has 13.00 more." in shown
    assert "Did money move? That depends on the payments behind it. The gateway has" in shown
    assert "The gateway has 13.00 USD more than the books." in shown
    assert "What to do Look at the other differences of that day first" in shown


def test_a_difference_leads_to_what_it_concerns(
    root: Client, card: CreditCard, ghost: Difference
) -> None:
    page = root.get(url("difference_change", ghost.pk)).content.decode()
    operation = Operation.objects.get(key=ghost.operation_key)
    assert url("transaction_change", Transaction.objects.get().pk) in page
    assert url("operation_change", operation.pk) in page
    assert url("customer_change", card.customer_pk) in page


def test_a_difference_that_is_closed_needs_nobody(root: Client, ghost: Difference) -> None:
    address = url("difference_change", ghost.pk)
    assert "the customer has not paid" in text(root.get(address))
    ghost.close(note=NOTE, by="Ann")
    assert "What to do Nothing to do." in text(root.get(address))


def test_a_difference_leads_to_nothing_of_another_account(
    root: Client, card: CreditCard, ghost: Difference
) -> None:
    Difference.objects.update(live=not ghost.live)
    page = root.get(url("difference_change", ghost.pk)).content.decode()
    assert ghost.transaction_id in page
    assert url("transaction_change", Transaction.objects.get().pk) not in page
    assert url("customer_change", card.customer_pk) not in page


def test_ids_that_nothing_here_has_are_plain_text(root: Client, ghost: Difference) -> None:
    Difference.objects.update(transaction_id="T1", operation_key="KEY", customer_id="C1")
    shown = text(root.get(url("difference_change", ghost.pk)))
    assert "Transaction: T1" in shown and "Operation: KEY" in shown and "Customer: C1" in shown


#: How the list says that there is one; some releases of Django say it last on the page.
ONE = re.compile(r"\b1 difference\b")


@pytest.mark.parametrize(
    "name", ["subject", "operation_key", "transaction_id", "customer_id", "card_id"]
)
def test_a_difference_is_found_by_each_of_its_ids(
    root: Client, ghost: Difference, books: Difference, name: str
) -> None:
    found = text(root.get(url("difference_changelist"), {"q": getattr(ghost, name)}))
    assert ONE.search(found) and ghost.subject in found
    assert "0 differences" in text(root.get(url("difference_changelist"), {"q": "nonsense"}))


def test_differences_are_filtered(root: Client, ghost: Difference, books: Difference) -> None:
    books.close(note="explained", by="Ann")
    for query in ({"state__exact": "closed"}, {"kind__exact": "books"}):
        assert "2026-11-28 USD" in text(root.get(url("difference_changelist"), query))
        assert ONE.search(text(root.get(url("difference_changelist"), query)))
    assert "0 differences" in text(root.get(url("difference_changelist"), {"live": "1"}))


def test_no_page_asks_the_gateway(
    root: Client, ghost: Difference, gateway: RecordingGateway
) -> None:
    mark = gateway.mark
    root.get(url("difference_change", ghost.pk))
    root.get(url("difference_close", ghost.pk))
    root.post(url("difference_close", ghost.pk), close())
    assert gateway.since(mark) == []


# -- Closing ---------------------------------------------------------------------------------------


def test_it_is_closed_with_a_note_and_a_name(
    staff: Callable[..., Client], books: Difference
) -> None:
    client = staff("close_difference", "view_difference", name="ann")
    assert (
        url("difference_close", books.pk)
        in client.get(url("difference_change", books.pk)).content.decode()
    )
    shown = text(client.get(url("difference_close", books.pk)))
    assert "The gateway has 13.00 more." in shown and "nothing else is changed" in shown
    response = client.post(url("difference_close", books.pk), close())
    assert response["Location"] == url("difference_change", books.pk)
    books.refresh_from_db()
    assert (books.state, books.note, books.closed_by) == ("closed", NOTE, "ann")
    assert "Closed. [" in LogEntry.objects.get().get_change_message()
    assert (
        url("difference_close", books.pk)
        not in client.get(url("difference_change", books.pk)).content.decode()
    )


def test_one_button_alone_is_called_close(root: Client, books: Difference) -> None:
    address = url("difference_change", books.pk)
    assert "closelink" not in root.get(address).content.decode()
    root.post(url("difference_close", books.pk), close())
    assert "closelink" in root.get(address).content.decode()


def test_a_double_click_closes_it_once_and_is_told_so_both_times(
    root: Client, books: Difference
) -> None:
    posted = close(key=key_of(root, url("difference_close", books.pk)))
    for _click in range(2):
        response = root.post(url("difference_close", books.pk), posted)
        assert response.status_code == 302
        assert "Closed: the books of a day differ" in messages(response)[0]
    assert LogEntry.objects.count() == 1


def test_what_somebody_else_has_closed_is_not_closed_again(root: Client, books: Difference) -> None:
    books.close(note="explained", by="Ann")
    page = text(root.post(url("difference_close", books.pk), close()))
    assert "Only an open difference can be closed; this one is: closed by hand." in page
    books.refresh_from_db()
    assert (books.note, books.closed_by) == ("explained", "Ann")
    response = root.get(url("difference_close", books.pk))
    assert messages(response) == ["There is nothing to close: this difference is closed by hand."]
    assert response["Location"] == url("difference_change", books.pk)


@pytest.mark.parametrize(
    ("note", "told"),
    [
        ("", "This field is required."),
        ("  ", "This field is required."),
        ("x" * 501, "at most 500 characters"),
        ("paid with 4111 1111 1111 1111", "looked like a card number"),
    ],
)
def test_a_wrong_note_is_told_and_nothing_is_closed(
    root: Client, books: Difference, note: str, told: str
) -> None:
    response = root.post(url("difference_close", books.pk), close(note))
    assert told in text(response)
    assert "4111" not in response.content.decode()
    books.refresh_from_db()
    assert books.state == "open"


def test_one_of_a_former_test_account_can_be_closed(root: Client, books: Difference) -> None:
    Difference.objects.update(live=True)
    assert root.get(url("difference_close", books.pk)).status_code == 200
    root.post(url("difference_close", books.pk), close())
    books.refresh_from_db()
    assert books.state == "closed"
