"""What staff do over the API: reviews, refreshes, differences, webhook events."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from django_dinero.exceptions import HeldForReview
from django_dinero.models import CreditCard, Customer, Difference, Transaction
from django_dinero.models.difference import DifferenceKind
from django_dinero.services.reconcile import differences
from django_dinero.services.reconcile.differences import Found
from tests.integration.api.calling import NUMBER, OTHER_NUMBER, Caller, json_of
from tests.support.recording import RecordingGateway, lose_reply
from tests.support.webhooks import notice, receive

pytestmark = pytest.mark.django_db

Staff = Callable[..., Caller]


@pytest.fixture
def held(gateway: RecordingGateway, customer: Customer) -> Transaction:
    """A charge that the gateway holds for review."""
    gateway.bank.hold_next()
    with pytest.raises(HeldForReview) as caught:
        Transaction.create("10.00", customer=customer)
    row: Transaction = caught.value.transaction
    return row


@pytest.mark.parametrize(("verb", "status"), [("approve", "approved"), ("decline", "declined")])
def test_a_review_is_decided_once_for_each_key(
    held: Transaction, staff: Staff, gateway: RecordingGateway, verb: str, status: str
) -> None:
    caller, path = staff("review_transaction"), f"transactions/{held.public_id}/{verb}/"
    assert json_of(caller.post(path, key=None), 400)["errors"]["Idempotency-Key"]
    shown = json_of(caller.post(path, key="review-1"), 200)
    assert (shown["id"], shown["status"]) == (str(held.public_id), status)
    mark = gateway.mark
    again = caller.post(path, key="review-1")
    assert json_of(again, 200)["status"] == status
    assert again.headers["Idempotency-Replayed"] == "true"
    assert gateway.since(mark) == []


def test_what_was_settled_is_seen_by_a_refresh(
    gateway: RecordingGateway, customer: Customer, staff: Staff
) -> None:
    charge = Transaction.create("10.00", customer=customer)
    gateway.bank.settle_batch()
    caller, path = staff("change_transaction"), f"transactions/{charge.public_id}/refresh/"
    assert json_of(caller.post(path), 200)["status"] == "settled"
    errors = json_of(caller.post(path, {"status": "voided"}), 400)["errors"]
    assert errors == {"status": ["Unknown field. This takes none."]}
    gateway.faults["retrieve_transaction"] = lose_reply
    assert json_of(caller.post(path), 502)["code"] == "gateway_error"


def test_a_transaction_tells_what_is_left(
    gateway: RecordingGateway, customer: Customer, staff: Staff
) -> None:
    authorization = Transaction.create("10.00", customer=customer, settle=False)
    caller, path = staff("view_transaction"), f"transactions/{authorization.public_id}/"
    names = ("captured_amount", "refunded_amount", "left_to_capture", "left_to_refund")

    def sums() -> tuple[str, ...]:
        return tuple(json_of(caller.get(path), 200)[name] for name in names)

    assert sums() == ("0.00", "0.00", "10.00", "0.00")
    capture = authorization.capture("8.00")
    assert sums() == ("8.00", "0.00", "0.00", "8.00")
    gateway.bank.settle_batch()
    authorization.refresh_from_gateway()
    refund = Transaction.objects.get(pk=capture.pk).refund("3.00")
    assert sums() == ("8.00", "3.00", "0.00", "5.00")
    children = json_of(caller.get(path), 200)["children"]
    assert children == [str(capture.public_id), str(refund.public_id)]
    listed = json_of(caller.get("transactions/?kind=authorization"), 200)["results"]
    assert listed[0]["children"] == children
    Transaction.objects.filter(pk=capture.pk).update(status="charged_back")
    assert sums() == ("0.00", "3.00", "0.00", "0.00")
    path = f"transactions/{capture.public_id}/"
    assert sums() == ("0.00", "3.00", "0.00", "0.00")


def test_a_difference_is_read_and_closed(gateway: RecordingGateway, staff: Staff) -> None:
    found = Found(kind=DifferenceKind.STATUS, subject="1", text="voided here", transaction_id="600")
    row = differences.record(gateway, found)
    caller = staff("view_difference", "close_difference")
    (listed,) = json_of(caller.get("differences/?state=open&kind=status"), 200)["results"]
    assert (listed["id"], listed["text"], listed["transaction_id"]) == (
        *(row.pk, "voided here"),
        "600",
    )
    path = f"differences/{row.pk}/"
    assert json_of(caller.post(f"{path}close/", {}), 400)["errors"]["note"]
    assert json_of(caller.post(f"{path}close/", {"note": NUMBER}), 400)["errors"]["note"]
    closed = json_of(caller.post(f"{path}close/", {"note": "voided by phone"}), 200)
    assert (closed["state"], closed["closed_by"]) == ("closed", "staff")
    assert json_of(caller.post(f"{path}close/", {"note": "again"}), 400)["code"] == "invalid_input"
    assert json_of(caller.get("differences/?state=open"), 200)["results"] == []
    assert Difference.objects.get().note == "voided by phone"


def test_a_webhook_event_is_read_and_applied_again(
    gateway: RecordingGateway, customer: Customer, staff: Staff
) -> None:
    charge = Transaction.create("10.00", customer=customer)
    gateway.faults["retrieve_transaction"] = lose_reply
    event = receive(gateway, notice("transaction", charge.transaction_id or ""))
    assert event is not None
    caller = staff("view_webhookevent", "replay_webhookevent")
    (listed,) = json_of(caller.get("webhook-events/?state=parked"), 200)["results"]
    assert (listed["id"], listed["object_id"]) == (event.pk, charge.transaction_id)
    assert "body" not in listed
    gateway.bank.settle_batch()
    shown = json_of(caller.post(f"webhook-events/{event.pk}/replay/"), 200)
    assert (shown["state"], shown["error"]) == ("applied", "")
    charge.refresh_from_db()
    assert charge.status == "settled"


def test_another_card_becomes_the_default(owner: Caller, card: CreditCard) -> None:
    second = card.customer.add_card(number=OTHER_NUMBER, month=12, year=2060, zip="1")
    shown = json_of(owner.post(f"cards/{second.public_id}/default/"), 200)
    assert shown["is_default"] is True
    assert json_of(owner.get(f"cards/{card.public_id}/"), 200)["is_default"] is False


def test_a_card_is_validated(owner: Caller, card: CreditCard, declining: CreditCard) -> None:
    answer = json_of(owner.post(f"cards/{card.public_id}/validate/", {"cvv": "900"}), 402)
    assert answer["code"] == "card_declined"
    card.zip = "46201"
    card.save()
    assert json_of(owner.post(f"cards/{card.public_id}/validate/"), 200)["id"]
    assert not Transaction.objects.exists()
