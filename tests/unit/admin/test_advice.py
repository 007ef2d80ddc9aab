"""What to do about what came to nothing: for every kind and every reason, something that helps."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import pytest

from django_dinero.admin.advice import REFUSED, advice_on
from django_dinero.admin.stories import story_of
from django_dinero.enums import ReasonKind
from django_dinero.models import Operation, journal_notes
from django_dinero.models.operation import (
    CHARGES,
    DELETES,
    MONEY_KINDS,
    OperationKind,
    OperationState,
)

R, K, S = ReasonKind, OperationKind, OperationState

ANOTHER_CARD, AGAIN, LATER = "another card", "can be done again, if", "again in some minutes"
CORRECT, SETTINGS, LOOK_FIRST = "once that is corrected", "dinero_check", "Look at the latest"
PULL, REFRESH, NEW_PAYMENT = "“Pull now” on the customer's page", "“Refresh”", "customer anew"
OTHER_WAY, TYPE, SAVE = "in another way", "has to be typed again", "save it; that pushes"
GONE, REVIEW = "Saving or pushing it is of no use", "refused in a review"

#: By reason; "" stands for all others, and for none.
MONEY: dict[str, str] = {
    "": CORRECT,
    R.AUTHENTICATION: SETTINGS,
    R.NOT_PERMITTED: SETTINGS,
    R.UNAVAILABLE: LATER,
    R.DUPLICATE_TRANSACTION: LOOK_FIRST,
    R.HELD: REVIEW,
}
STORED: dict[str, str] = {R.AUTHENTICATION: SETTINGS, R.NOT_PERMITTED: SETTINGS}
CHARGE: dict[str, str] = {
    **MONEY,
    R.CARD_DECLINED: ANOTHER_CARD,
    R.AVS: "the billing address or the card code",
    R.CVV: "the billing address or the card code",
    R.INVALID_CARD: "or for another one",
    R.EXPIRY: "is changed on its page",
    R.INVALID_AMOUNT: "that the gateway takes",
    R.ACTION_REQUIRED: "Let the holder pay again",
    R.CUSTOMER_NOT_FOUND: "a new card needs a new customer",
    R.CARD_NOT_FOUND: "add the card again",
}
OF_CARD = (R.AVS, R.CVV, R.INVALID_CARD, R.EXPIRY, R.CUSTOMER_NOT_FOUND, R.CARD_NOT_FOUND)
OF_PAYMENT = (R.INVALID_TRANSACTION, R.REFUND)
REVIEWED: dict[str, str] = {
    **MONEY,
    **dict.fromkeys((*OF_CARD, *OF_PAYMENT, R.CARD_DECLINED, R.HELD), REFRESH),
}
UPDATE: dict[str, str] = {**STORED, "": SAVE, R.UNAVAILABLE: "“Push now”"}
UPDATE |= {R.CUSTOMER_NOT_FOUND: GONE, R.CARD_NOT_FOUND: GONE}
EXPECTED: Mapping[str, Mapping[str, str]] = {
    K.CHARGE: CHARGE,
    K.AUTHORIZE: CHARGE,
    K.CAPTURE: {
        **MONEY,
        **dict.fromkeys((*OF_CARD, R.CARD_DECLINED), NEW_PAYMENT),
        **dict.fromkeys(OF_PAYMENT, "has expired is charged anew"),
        R.INVALID_AMOUNT: "no more than was authorized",
    },
    K.VOID: {
        **MONEY,
        **dict.fromkeys((*OF_CARD, *OF_PAYMENT, R.INVALID_AMOUNT), "has settled is refunded"),
        R.CARD_DECLINED: AGAIN,
    },
    K.REFUND: {
        **MONEY,
        **dict.fromkeys((*OF_CARD, R.CARD_DECLINED), OTHER_WAY),
        **dict.fromkeys((*OF_PAYMENT, R.INVALID_AMOUNT), "how much is left"),
    },
    K.APPROVE_HELD: REVIEWED,
    K.DECLINE_HELD: REVIEWED,
    K.CREATE_CUSTOMER: {
        **STORED,
        "": "Otherwise nothing was stored",
        R.DUPLICATE_CUSTOMER: "--cust",
    },
    K.UPDATE_CUSTOMER: UPDATE,
    K.ADD_CARD: {
        **STORED,
        "": TYPE,
        R.DUPLICATE_CARD: "changed on the card's own page",
        R.CARD_LIMIT: "Delete one",
        R.CUSTOMER_NOT_FOUND: "a new card needs a new customer",
    },
    K.UPDATE_CARD: UPDATE,
}
#: What may be repeated as it is, or once something has been corrected elsewhere.
REPEATED = ("can be done again", "pushes it again", "sends it again", "done again by itself")


def refused(
    kind: OperationKind, reason: str, state: OperationState = S.FAILED, **intent: str
) -> Operation:
    """An operation that the gateway has refused for this reason."""
    told = {"reasons": [reason]} if kind in MONEY_KINDS else {"code": reason}
    return Operation(kind=kind, state=state, outcome=told, intent=intent)


def test_the_table_has_every_kind() -> None:
    assert set(EXPECTED) == set(OperationKind) - set(DELETES)


@pytest.mark.parametrize("kind", EXPECTED)
def test_the_reason_says_what_helps(kind: OperationKind) -> None:
    vault_reasons = (R.AUTHENTICATION, R.NOT_PERMITTED, R.UNAVAILABLE)
    for reason in ReasonKind:
        is_declined = kind not in MONEY_KINDS and reason not in vault_reasons
        state = S.DECLINED if is_declined else S.FAILED
        words = EXPECTED[kind].get(reason, EXPECTED[kind][""])
        assert words in str(story_of(refused(kind, reason, state)).todo), reason


@pytest.mark.parametrize("kind", [K.ADD_CARD, K.CREATE_CUSTOMER, K.UPDATE_CARD])
def test_a_number_that_was_sent_is_never_pushed_again(kind: OperationKind) -> None:
    for state, reason in product(REFUSED, [*ReasonKind, "", "not_sent"]):
        operation = refused(kind, reason, state, last_4="1111")
        todo = str(story_of(operation).todo)
        assert todo, (state, reason)
        assert not any(words in todo for words in REPEATED), (state, reason)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (K.VOID, R.INVALID_TRANSACTION),
        (K.CAPTURE, R.INVALID_TRANSACTION),
        (K.REFUND, R.INVALID_TRANSACTION),
        *(
            (kind, reason)
            for kind in CHARGES
            for reason in (R.CUSTOMER_NOT_FOUND, R.CARD_NOT_FOUND)
        ),
        (K.UPDATE_CUSTOMER, R.CUSTOMER_NOT_FOUND),
        (K.UPDATE_CARD, R.CARD_NOT_FOUND),
        (K.CHARGE, "unsupported_feature"),
    ],
)
def test_what_can_never_succeed_is_not_to_be_repeated(kind: OperationKind, reason: str) -> None:
    todo = str(advice_on(refused(kind, reason)))
    assert todo
    assert not any(words in todo for words in REPEATED)


@pytest.mark.parametrize("reason", ["", "not_sent"])
@pytest.mark.parametrize("kind", MONEY_KINDS)
def test_money_that_was_not_sent_can_be_sent_again(kind: OperationKind, reason: str) -> None:
    assert AGAIN in str(advice_on(refused(kind, reason)))
    assert AGAIN in str(advice_on(refused(kind, reason, S.ABSENT)))


@pytest.mark.parametrize("kind", [K.UPDATE_CUSTOMER, K.UPDATE_CARD])
def test_what_was_changed_here_is_pushed_once_more(kind: OperationKind) -> None:
    assert "“Push now” on its page" in str(advice_on(refused(kind, "not_sent")))
    assert "by itself" in str(advice_on(refused(kind, "", S.ABSENT)))


@pytest.mark.parametrize("kind", OperationKind)
def test_what_is_not_wanted_any_more_needs_nothing(kind: OperationKind) -> None:
    notes = (
        journal_notes.DELETED_MEANWHILE,
        journal_notes.EXISTS_ALREADY,
        journal_notes.STORED_AGAIN,
        journal_notes.NOTHING_LEFT_TO_PUSH,
    )
    outcomes = [{"error": note} for note in notes] + [{"note": journal_notes.ONLY_A_LOCK}]
    for outcome in outcomes:
        operation = Operation(kind=kind, state=S.FAILED, outcome=outcome)
        assert str(story_of(operation).todo) == "Nothing to do."


@pytest.mark.parametrize("state", set(OperationState) - set(REFUSED))
def test_what_may_still_happen_has_no_advice_of_a_refusal(state: OperationState) -> None:
    operation = refused(K.CHARGE, R.CARD_DECLINED, state)
    assert advice_on(operation) == ""
    assert "another card" not in str(story_of(operation).todo)


@pytest.mark.parametrize("kind", CHARGES)
@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("order_paid", "paid by another charge. Do not charge for it again."),
        ("operation_in_progress", "See how that one ended before it is done again."),
    ],
)
def test_an_order_is_not_paid_twice(kind: str, code: str, words: str) -> None:
    """What was refused right before it was sent has the code of our own exception."""
    advice = str(advice_on(Operation(kind=kind, state=S.FAILED, outcome={"code": code})))
    assert advice.endswith(words)
    assert AGAIN not in advice
