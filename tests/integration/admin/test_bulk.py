"""Many transactions at once: what will happen, what has happened, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, localcontext
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from django_dinero.admin.views.bulk import BulkPage
from django_dinero.models import CreditCard, Operation, Transaction
from tests.integration.admin.pages import confirm, messages, text, url
from tests.support.recording import RecordingGateway, lose_request, refuse_connection

pytestmark = pytest.mark.django_db

PERMISSIONS = {
    "capture": "capture_transaction",
    "void": "void_transaction",
    "refund": "refund_transaction",
    "refresh": "change_transaction",
}


@pytest.fixture
def paid(card: CreditCard) -> list[Transaction]:
    """Three charges."""
    return [Transaction.create(price, card=card) for price in ("1.00", "2.00", "3.50")]


def choose(client: Client, verb: str, rows: list[Transaction], **given: Any) -> Any:
    """Choose rows in the list, and a verb in its menu."""
    chosen = [str(row.pk) for row in rows]
    posted = {"action": f"dinero_{verb}", "_selected_action": chosen, **given}
    return client.post(url("transaction_changelist"), posted)


def sent(rows: list[Transaction], **given: str) -> dict[str, Any]:
    """What the page posts."""
    return {**confirm(**given), "row": [str(row.pk) for row in rows]}


def states(response: Any) -> list[str]:
    return [line.state for line in response.context["lines"]]


def test_what_many_come_to_is_exact_whatever_the_threads_context_is(
    root: Client, card: CreditCard
) -> None:
    rows = [Transaction.create("1234567.89", card=card) for _number in range(2)]
    with localcontext(Context(prec=6)):
        page = root.get(choose(root, "void", rows)["Location"])
    assert "2 rows 2,469,135.78 USD" in text(page)


def test_a_refund_counts_exactly_whatever_the_threads_context_is(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    settled = Transaction.create("1234567.89", card=card)
    gateway.bank.settle_batch()
    refund, paid = settled.refund("1234567.88"), Transaction.create("1234567.89", card=card)
    with localcontext(Context(prec=6)):
        page = root.get(choose(root, "void", [refund, paid])["Location"])
    assert "2 rows 0.01 USD" in text(page)


def test_a_refund_that_is_voided_counts_against_the_payments_that_are(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    settled = Transaction.create("60.00", card=card)
    gateway.bank.settle_batch()
    refund, paid = settled.refund("10.00"), Transaction.create("12.50", card=card)
    page = root.get(choose(root, "void", [refund, paid])["Location"])
    assert "2 rows 2.50 USD" in text(page)


def test_the_list_leads_to_a_page_that_says_what_will_happen(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    rows = [Transaction.create("1.50", card=card), Transaction.create("2.00", card=card)]
    gone = Transaction.create("4.00", card=card)
    gone.void()
    mark = gateway.mark
    response = choose(root, "void", [*rows, gone])
    page = root.get(response["Location"])
    assert states(page) == ["planned", "planned", "skipped"]
    assert "2 rows 1 left out 3.50 USD" in text(page)
    assert "This was voided before." in text(page)
    assert "Void (2)" in page.content.decode()
    assert f'name="row" value="{gone.pk}"' not in page.content.decode()
    assert gateway.since(mark) == []


def test_each_is_voided_once_however_often_the_page_is_sent(
    root: Client, paid: list[Transaction], gateway: RecordingGateway
) -> None:
    posted = sent(paid)
    first = root.post(url("transaction_bulk_void"), posted)
    assert states(first) == ["done"] * 3
    assert "Done: void, 3.50 USD" in text(first)
    second = root.post(url("transaction_bulk_void"), posted)
    assert states(second) == ["before"] * 3
    assert gateway.verbs.count("void") == 3
    assert LogEntry.objects.count() == 6  # of the payments, and of their voids
    assert {row.status for row in Transaction.objects.filter(kind="charge")} == {"voided"}
    assert b"data-send-once" not in second.content


def test_each_row_has_a_key_of_its_own_and_of_this_user(
    root: Client, paid: list[Transaction], gateway: RecordingGateway
) -> None:
    root.post(url("transaction_bulk_void"), sent(paid))
    found = Operation.objects.filter(kind="void")
    assert len(set(found.values_list("idempotency_key", flat=True))) == 3
    user = LogEntry.objects.values_list("user_id", flat=True)[0]
    assert set(found.values_list("scope", flat=True)) == {f"admin:{user}"}


def test_captures_and_refunds(root: Client, card: CreditCard, gateway: RecordingGateway) -> None:
    rows = [Transaction.create("9.00", card=card, settle=False) for _each in range(2)]
    captured = root.post(url("transaction_bulk_capture"), sent(rows))
    assert states(captured) == ["done", "done"]
    gateway.bank.settle_batch()
    rows[0].refund("4.00")
    page = root.get(choose(root, "refund", rows)["Location"])
    # Of an authorization, what its capture took is given back; and what is left of it.
    assert "2 rows 14.00 USD" in text(page)
    refunded = root.post(url("transaction_bulk_refund"), sent(rows))
    assert states(refunded) == ["done", "done"]
    assert "Done: refund, 5.00 USD" in text(refunded)


def test_an_authorization_and_its_capture_are_one_refund(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    row = Transaction.create("9.00", card=card, settle=False)
    rows = [row, row.capture()]
    gateway.bank.settle_batch()
    page = root.get(choose(root, "refund", rows)["Location"])
    assert states(page) == ["planned", "skipped"]
    assert "1 row 1 left out 9.00 USD" in text(page)
    assert "Another of these rows is the same money." in text(page)
    assert states(root.post(url("transaction_bulk_refund"), sent(rows))) == ["done", "refused"]


def test_one_that_fails_keeps_no_other_from_being_done(
    root: Client, paid: list[Transaction], gateway: RecordingGateway
) -> None:
    gateway.faults["void"] = lose_request
    response = root.post(url("transaction_bulk_void"), sent(paid))
    assert states(response) == ["open", "done", "done"]
    assert "Do not do it again" in text(response)
    operation = Operation.objects.get(state="unknown")
    assert url("operation_change", operation.pk) in response.content.decode()


def test_what_was_not_sent_may_be_sent_with_the_same_page(
    root: Client, paid: list[Transaction], gateway: RecordingGateway
) -> None:
    gateway.faults["void"] = refuse_connection
    posted = sent(paid)
    assert states(root.post(url("transaction_bulk_void"), posted)) == ["refused", "done", "done"]
    assert states(root.post(url("transaction_bulk_void"), posted)) == ["done", "before", "before"]


def test_a_slow_gateway_lets_the_same_page_go_on_later(
    root: Client,
    paid: list[Transaction],
    gateway: RecordingGateway,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    posted = sent(paid)
    monkeypatch.setattr(BulkPage, "seconds", -1)
    response = root.post(url("transaction_bulk_void"), posted)
    assert states(response) == ["waiting"] * 3
    assert "Go on: Void (3)" in response.content.decode()
    assert response.context["form"]["key"].value() == posted["key"]
    monkeypatch.undo()
    assert states(root.post(url("transaction_bulk_void"), posted)) == ["done"] * 3


@pytest.mark.parametrize("way", ["list", "page", "post"])
def test_too_many_are_refused(
    root: Client,
    paid: list[Transaction],
    gateway: RecordingGateway,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    monkeypatch.setattr(BulkPage, "limit", 2)
    if way == "list":
        response = choose(root, "void", paid[:1], select_across="1")
    elif way == "page":
        rows = "&".join(f"row={row.pk}" for row in paid)
        response = root.get(f"{url('transaction_bulk_void')}?{rows}")
    else:
        response = root.post(url("transaction_bulk_void"), sent(paid))
    assert response["Location"] == url("transaction_changelist")
    assert messages(response) == ["At most 2 rows can be chosen at once. Nothing was done."]
    assert "void" not in gateway.verbs


@pytest.mark.parametrize("row", ["", "x", "9" * 30, "-1", "\u0664", "0"])
def test_what_is_no_row_is_not_looked_for(
    root: Client, gateway: RecordingGateway, row: str
) -> None:
    response = root.get(url("transaction_bulk_void"), {"row": row})
    assert response["Location"] == url("transaction_changelist")
    assert messages(response) == ["Choose rows in the list first."]


def test_a_page_without_its_key_does_nothing(
    root: Client, paid: list[Transaction], gateway: RecordingGateway
) -> None:
    response = root.post(url("transaction_bulk_void"), sent(paid, key=""))
    assert states(response) == ["planned"] * 3
    assert "This page is out of date; open it again." in text(response)
    assert "void" not in gateway.verbs


@pytest.mark.parametrize("verb", PERMISSIONS)
def test_each_has_its_own_permission(
    staff: Callable[..., Client],
    paid: list[Transaction],
    gateway: RecordingGateway,
    verb: str,
) -> None:
    others = PERMISSIONS.keys() - {verb}
    client = staff("view_transaction", *(PERMISSIONS[name] for name in others))
    page = client.get(url("transaction_changelist")).content.decode()
    assert f'value="dinero_{verb}"' not in page
    assert all(f'value="dinero_{other}"' in page for other in others)
    mark = gateway.mark
    address = url(f"transaction_bulk_{verb}")
    assert client.get(address, {"row": paid[0].pk}).status_code == 403
    assert client.post(address, sent(paid)).status_code == 403
    assert gateway.since(mark) == []


def test_refreshing(root: Client, paid: list[Transaction], gateway: RecordingGateway) -> None:
    gateway.bank.settle_batch()
    response = root.post(url("transaction_bulk_refresh"), sent(paid))
    assert states(response) == ["done"] * 3
    assert "Refreshed: it was approved, and is settled." in text(response)
    assert set(Transaction.objects.values_list("status", flat=True)) == {"settled"}
    again = root.post(url("transaction_bulk_refresh"), sent(paid))
    assert "Nothing has changed: settled." in text(again)


def test_the_plan_of_many_rows_asks_the_database_no_more_often(
    root: Client, card: CreditCard, gateway: RecordingGateway, django_assert_max_num_queries: Any
) -> None:
    def queries(rows: list[Transaction]) -> int:
        address = choose(root, "refund", rows)["Location"]
        with django_assert_max_num_queries(30) as found:
            root.get(address)
        return len(found)

    rows = [Transaction.create("1.00", card=card, order_reference=str(n)) for n in range(6)]
    assert queries(rows) <= queries(rows[:2])


@pytest.mark.parametrize(("verb", "kind"), [("refund", "refund"), ("void", "void")])
def test_one_reason_lands_on_each(
    root: Client, paid: list[Transaction], gateway: RecordingGateway, verb: str, kind: str
) -> None:
    if verb == "refund":
        gateway.bank.settle_batch()
    page = root.get(url(f"transaction_bulk_{verb}"), {"row": [row.pk for row in paid]})
    assert "Reason" in text(page)
    posted = sent(paid, description="closed on the day")
    assert states(root.post(url(f"transaction_bulk_{verb}"), posted)) == ["done"] * 3
    made = Transaction.objects.filter(kind=kind)
    assert [row.description for row in made] == ["closed on the day"] * 3
    assert states(root.post(url(f"transaction_bulk_{verb}"), posted)) == ["before"] * 3


def test_a_card_number_is_no_reason(
    root: Client, paid: list[Transaction], gateway: RecordingGateway
) -> None:
    gateway.bank.settle_batch()
    posted = sent(paid, description="4111 1111 1111 1111")
    page = root.post(url("transaction_bulk_refund"), posted)
    assert states(page) == ["planned"] * 3
    assert "like a card number and was removed" in text(page)
    assert "4111" not in page.content.decode()
    assert gateway.verbs.count("refund") == 0
