"""What an operation keeps, in the words that other pages have for it."""

from __future__ import annotations

import pytest

from django_dinero.admin.operation_facts import answered, asked
from django_dinero.models import Operation


def operation(state: str, reason: str) -> Operation:
    return Operation(
        kind="charge",
        state=state,
        intent={"initiator": "customer"},
        outcome={"reasons": [reason]},
    )


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        ("declined", "card_declined", "Declined by the card's bank"),
        ("declined", "held_for_review", "Declined after a review"),
        ("held", "held_for_review", "Held for review"),
        ("succeeded", "action_required", "Waits for the card's holder"),
        ("declined", "one_of_theirs", "one_of_theirs"),
    ],
)
def test_a_reason_is_told_in_words(state: str, reason: str, expected: str) -> None:
    assert dict(answered(operation(state, reason)))["Reason"] == expected


def test_who_has_started_it() -> None:
    assert dict(asked(operation("held", ""), with_email=True))["Initiated by"] == "the cardholder"
