"""What a card's holder has to do next: carried by every result that needs it, shown by none."""

from __future__ import annotations

import copy
import datetime
import pickle
import traceback
from dataclasses import FrozenInstanceError, replace
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.enums import (
    NextActionKind,
    ReasonKind,
    RemoteStatus,
    ResultStatus,
    TransactionKind,
)
from django_dinero.gateways.types import (
    NextAction,
    Reason,
    RemoteCard,
    RemoteCustomer,
    RemoteTransaction,
    TransactionResult,
)
from django_dinero.redaction import Secret

SECRET = "pi_1_secret_abc"
ADDRESS = "https://bank.example/3ds?client_secret=abc"
ACTION = NextAction(NextActionKind.CLIENT_SECRET, Secret(SECRET))
REDIRECT = NextAction(NextActionKind.REDIRECT, Secret(ADDRESS))

CARD = RemoteCard("10", "20", "1111", next_action=ACTION)
PAYMENT = RemoteTransaction(
    "60",
    TransactionKind.CHARGE,
    RemoteStatus.REQUIRES_ACTION,
    Decimal(5),
    "USD",
    next_action=ACTION,
)
RESULT = TransactionResult(ResultStatus.REQUIRES_ACTION, "60", next_action=ACTION)
CARRIERS = [CARD, RemoteCustomer("10", cards=(CARD,)), PAYMENT, RESULT]


@pytest.mark.parametrize("action", [ACTION, REDIRECT])
def test_the_value_is_shown_nowhere(action: NextAction) -> None:
    for shown in (
        repr(action),
        str(action),
        f"{action}",
        repr(replace(RESULT, next_action=action)),
    ):
        assert action.value.reveal() not in shown
        assert "abc" not in shown


@pytest.mark.parametrize("carrier", CARRIERS, ids=lambda each: type(each).__name__)
def test_what_carries_it_does_not_show_it_either(carrier: object) -> None:
    assert SECRET not in repr(carrier)
    assert "next_action=NextAction" in repr(carrier)


def test_a_plain_text_becomes_a_secret() -> None:
    action = NextAction(NextActionKind.REDIRECT, ADDRESS)  # type: ignore[arg-type]
    assert isinstance(action.value, Secret)
    assert action == REDIRECT
    assert ADDRESS not in repr(action)


def test_a_value_that_is_no_text_is_refused_without_showing_it() -> None:
    value: Any = 4242424242424242
    try:
        NextAction(NextActionKind.CLIENT_SECRET, value)
    except TypeError as error:
        shown = "".join(traceback.format_exception(error))
        assert "4242424242424242" not in str(error)
        assert "A secret is a str." in shown
    else:
        pytest.fail("it was taken")


@pytest.mark.parametrize("leave", [pickle.dumps, copy.deepcopy])
def test_it_leaves_the_process_by_no_back_door(leave: Any) -> None:
    with pytest.raises(TypeError, match="secret"):
        leave(ACTION)


def test_it_is_a_value() -> None:
    later = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
    same = NextAction(NextActionKind.CLIENT_SECRET, Secret(SECRET))
    assert (ACTION, hash(ACTION)) == (same, hash(same))
    assert ACTION not in (REDIRECT, replace(ACTION, expires_at=later))
    with pytest.raises(FrozenInstanceError):
        ACTION.kind = NextActionKind.REDIRECT  # type: ignore[misc]


# -- What a backend takes from JSON as it was ------------------------------------------------------


def test_null_is_no_text_and_an_id_may_be_a_number() -> None:
    given: dict[str, Any] = {"transaction_id": 60, "avs": None, "auth_code": None, "brand": None}
    result = replace(RESULT, **given)
    told = replace(PAYMENT, **given)
    for each in (result, told):
        assert (each.transaction_id, each.avs, each.auth_code) == ("60", "", "")
    code: Any = 2
    assert Reason(ReasonKind.CARD_DECLINED, code).code == "2"
    customer: Any = RemoteCustomer(**{"customer_id": 10, "first_name": None})  # type: ignore[arg-type]
    assert (customer.customer_id, customer.first_name) == ("10", "")


@pytest.mark.parametrize("value", [True, 1.5, b"60", ["60"]])
def test_something_else_is_no_text(value: Any) -> None:
    with pytest.raises(TypeError, match="transaction_id is a "):
        replace(RESULT, transaction_id=value)


@pytest.mark.parametrize(
    "amount", ["5.00", 5, 5.0, Decimal("NaN"), Decimal("sNaN"), Decimal("inf")]
)
@pytest.mark.parametrize(
    ("carrier", "name"), [(RESULT, "amount"), (PAYMENT, "amount"), (PAYMENT, "settled_amount")]
)
def test_what_is_no_amount_is_refused(carrier: Any, name: str, amount: Any) -> None:
    with pytest.raises(TypeError, match="finite Decimal"):
        replace(carrier, **{name: amount})


def test_nothing_needs_one_unless_it_says_so() -> None:
    assert RemoteCard("10", "20", "1111").next_action is None
    assert TransactionResult(ResultStatus.APPROVED).next_action is None
    assert replace(PAYMENT, next_action=None).next_action is None
    assert ACTION.expires_at is None


def test_its_words_are_one_in_result_and_books() -> None:
    assert ResultStatus.REQUIRES_ACTION.value == RemoteStatus.REQUIRES_ACTION.value
    assert {kind.value for kind in NextActionKind} == {"redirect", "client_secret"}
