"""What happened to a payment, from its rows and operations alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.exceptions import HeldForReview, OutcomeUnknown
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.models.standing import Tone
from django_dinero.services.payments.story import Story
from django_dinero.services.payments.timeline import timeline
from tests.support.recording import RecordingGateway, lose_request

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def row(pk: int, kind: str = "charge", status: str = "approved", **values: Any) -> Transaction:
    given = {"price": Decimal("12.50"), "currency": "USD", "operation_key": f"K{pk}"}
    moment = NOON + timedelta(minutes=pk)
    times = {"created_at": moment, "updated_at": moment + timedelta(hours=1)}
    return Transaction(pk=pk, kind=kind, status=status, **{**given, **times, **values})


def titles(*rows: Transaction, operations: tuple[Operation, ...] = ()) -> list[str]:
    return [event.title for event in timeline(rows, operations)]


# -- Without a database ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("charge", "approved", ["Charged"]),
        ("authorization", "approved", ["Authorized"]),
        ("capture", "approved", ["Captured"]),
        ("void", "approved", ["Voided"]),
        ("refund", "approved", ["Refunded"]),
        ("charge", "declined", ["Charge declined"]),
        ("refund", "failed", ["Refund failed"]),
        ("charge", "held", ["Charge held for review"]),
        ("charge", "requires_action", ["Charge waits for the card's holder"]),
        ("charge", "settled", ["Charged", "Settled by the bank"]),
        ("charge", "returned", ["Charged", "Returned by the bank"]),
        ("charge", "charged_back", ["Charged", "Charged back"]),
        ("authorization", "expired", ["Authorized", "Expired"]),
        ("charge", "voided", ["Charged", "Voided at the gateway"]),
    ],
)
def test_one_row(kind: str, status: str, expected: list[str]) -> None:
    assert titles(row(1, kind, status)) == expected


def test_the_void_of_a_refund_is_no_void_of_the_payment() -> None:
    rows = (
        row(1),
        row(2, "refund", "voided", parent_id=1),
        row(3, "void", parent_id=2),
    )
    assert titles(*rows) == ["Charged", "Refunded", "Refund cancelled"]


def test_a_return_comes_after_the_settlement() -> None:
    settled = NOON + timedelta(minutes=30)
    events = timeline([row(1, status="returned", settled_at=settled, batch_id="B7")], [])
    assert [event.title for event in events] == [
        "Charged",
        "Settled by the bank",
        "Returned by the bank",
    ]
    assert (events[1].at, events[1].answer) == (settled, "Batch B7")
    assert [event.tone for event in events] == [Tone.GOOD, Tone.GOOD, Tone.BAD]


def test_a_void_of_ours_is_told_once() -> None:
    assert titles(row(1, status="voided"), row(2, "void", parent_id=1)) == ["Charged", "Voided"]
    refused = row(2, "void", "failed", parent_id=1)
    assert titles(row(1, status="voided"), refused) == [
        "Charged",
        "Void failed",
        "Voided at the gateway",
    ]


def test_a_void_at_the_gateway_is_told_beside_a_void_of_ours() -> None:
    first = row(1, "authorization", transaction_id="A")
    ours = row(2, "capture", "voided", parent_id=1, transaction_id="C1")
    theirs = row(3, "capture", "voided", parent_id=1, transaction_id="C2")
    void = row(4, "void", parent_id=2, transaction_id="V")
    told = ["Authorized", "Captured", "Captured", "Voided", "Voided at the gateway"]
    assert titles(first, ours, theirs, void) == told
    # Where all rows of a payment have one id, one void is that of all of them.
    rows = [
        row(1, "authorization", "voided", transaction_id="A"),
        row(2, "capture", "voided", parent_id=1, transaction_id="A"),
        row(3, "void", parent_id=2, transaction_id="V"),
    ]
    assert titles(*rows) == ["Authorized", "Captured", "Voided"]


def test_an_approval_shows_its_code_and_a_refusal_its_reason() -> None:
    (good,) = timeline([row(1, auth_code="8Z3X", gateway_text="Thank you!")], [])
    assert good.answer == "Authorization code 8Z3X"
    refused = row(
        1, status="declined", gateway_text="No.", gateway_code="2", reason="card_declined"
    )
    (bad,) = timeline([refused], [])
    assert (bad.answer, bad.tone) == ("No. (gateway code 2)", Tone.BAD)
    refused.gateway_text = ""
    assert timeline([refused], [])[0].answer == "card_declined"


def test_the_reason_of_a_refund_is_shown_and_not_what_was_sold() -> None:
    events = timeline(
        [row(1, description="Two beers"), row(2, "refund", description="They were warm")], []
    )
    assert [event.note for event in events] == ["", ""]
    events = timeline(
        [row(1, description="Two beers"), row(2, "refund", description="warm", parent_id=1)], []
    )
    assert [event.note for event in events] == ["", "warm"]


def operation(kind: str, state: str, first: Transaction, **values: Any) -> Operation:
    given = {"key": "OTHER", "lock_name": first.lock_name, "created_at": NOON + timedelta(days=1)}
    return Operation(kind=kind, state=state, currency="USD", **{**given, **values})


@pytest.mark.parametrize(
    ("state", "outcome", "title", "answer", "tone"),
    [
        (
            "unknown",
            {"lookup": "not found yet"},
            "Refund: outcome unknown",
            "not found yet",
            "open",
        ),
        ("sent", {}, "Refund: sent", "", "open"),
        ("failed", {"error": "refused"}, "Refund: failed", "refused", "neutral"),
        (
            "closed",
            {"closed_by": "eve", "note": "no."},
            "Refund: closed by hand",
            "no. (eve)",
            "neutral",
        ),
    ],
)
def test_an_operation_without_a_row(
    state: str, outcome: dict[str, Any], title: str, answer: str, tone: str
) -> None:
    first = row(1)
    other = operation("refund", state, first, outcome=outcome, amount=Decimal(5))
    last = timeline([first], [other])[-1]
    assert (last.title, last.answer, last.tone) == (title, answer, tone)
    assert (last.amount, last.row) == (Decimal(5), first)


@pytest.mark.parametrize(
    ("kind", "title", "tone"),
    [
        ("approve_held", "Approved in review", Tone.GOOD),
        ("decline_held", "Declined in review", Tone.BAD),
    ],
)
def test_a_decision(kind: str, title: str, tone: Tone) -> None:
    first = row(1, reason="held_for_review")
    decision = operation(kind, "succeeded", first, intent={"made_by": "anna"}, scope="admin:1")
    events = timeline([first], [decision])
    assert [event.title for event in events] == ["Charge held for review", title]
    assert (events[1].tone, events[1].made_by) == (tone, "anna, in the admin")


@pytest.mark.parametrize(
    ("reason", "status", "expected"),
    [
        ("held_for_review", "approved", ["Charge held for review", "Approved at the gateway"]),
        ("held_for_review", "declined", ["Charge held for review", "Declined at the gateway"]),
        ("held_for_review", "expired", ["Charge held for review", "Expired"]),
        ("held_for_review", "held", ["Charge held for review"]),
        (
            "action_required",
            "settled",
            [
                "Charge waits for the card's holder",
                "Confirmed by the card's holder",
                "Settled by the bank",
            ],
        ),
        (
            "action_required",
            "declined",
            ["Charge waits for the card's holder", "Not confirmed by the card's holder"],
        ),
    ],
)
def test_what_was_decided_elsewhere(reason: str, status: str, expected: list[str]) -> None:
    settled = NOON + timedelta(minutes=30) if status == "settled" else None
    assert titles(row(1, status=status, reason=reason, settled_at=settled)) == expected


# -- Read from the database ------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_long_payment_is_the_same_from_each_of_its_rows(
    customer: Customer, gateway: RecordingGateway, django_assert_max_num_queries: Any
) -> None:
    first = customer.charge("50.00", settle=False, by="anna")
    capture = first.capture("40.00", by="berta")
    gateway.bank.settle_batch()
    refund = capture.refund("15.00", by="carla", description="one was broken")
    gateway.faults["refund"] = lose_request
    with pytest.raises(OutcomeUnknown):
        capture.refund("5.00", by="dora")
    told = [
        (event.title, str(event.amount), event.made_by, event.note)
        for event in Story.of(first).events()
        if event.title != "Settled by the bank"  # which nobody has asked for
    ]
    assert told == [
        ("Authorized", "50.00", "anna", ""),
        ("Captured", "40.00", "berta", ""),
        ("Refunded", "15.00", "carla", "one was broken"),
        ("Refund: outcome unknown", "5.00", "dora", ""),
    ]
    for start in (first, capture, refund):
        fresh = Transaction.objects.get(pk=start.pk)
        with django_assert_max_num_queries(7):
            story = Story.of(fresh)
        assert (story.row, story.root) == (start, first)
        assert [each.pk for each in story.rows] == [first.pk, capture.pk, refund.pk]
        assert len(story.events()) == len(Story.of(first).events())
        assert story.family_of(capture).left_to_refund == Decimal("25.00")
        assert story.family_of(first).captured == Decimal("40.00")


@pytest.mark.django_db
def test_a_held_payment_that_was_approved(customer: Customer, gateway: RecordingGateway) -> None:
    gateway.bank.hold_next()
    with pytest.raises(HeldForReview) as caught:
        customer.charge("5.00")
    held = caught.value.transaction
    assert held is not None
    assert Story.of(held).events()[0].tone == Tone.OPEN
    held.approve(by="anna")
    assert [event.title for event in Story.of(held).events()] == [
        "Charge held for review",
        "Approved in review",
    ]


def test_what_was_captured_settles_and_not_what_was_authorized() -> None:
    first, capture = row(1, "authorization", "settled"), row(2, "capture", "settled", parent_id=1)
    assert titles(first, capture) == ["Authorized", "Captured", "Settled by the bank"]
    assert titles(first) == ["Authorized", "Settled by the bank"]
