"""Idempotency keys: what is accepted as one, and what an earlier operation answers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from django_dinero.enums import ResultStatus
from django_dinero.exceptions import (
    CardDeclinedError,
    DineroError,
    GatewayError,
    GatewayUnavailableError,
    HeldForReview,
    IdempotencyKeyReused,
    InvalidInput,
    NeedsAttention,
    NotSent,
    OperationClosed,
    OperationInProgress,
    OutcomeUnknown,
)
from django_dinero.gateways.types import TransactionResult
from django_dinero.models import Operation, Transaction
from django_dinero.models.records import RecordedOutcome
from django_dinero.redaction import Secret
from django_dinero.services.recovery import idempotency
from django_dinero.testing.factories import OperationFactory
from django_dinero.validation import CallerKey
from tests.support.racing import before_statement
from tests.support.recording import RecordingGateway, answer, lose_reply, refuse_connection

pytestmark = pytest.mark.django_db

KEY = "order-1001"


def read(key: Any, scope: Any = "") -> CallerKey:
    """Read a key as a verb does."""
    return CallerKey.read({"idempotency_key": key, "scope": scope})


# -- What a key is ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    ["", "k" * 65, "with blank", "tab\tinside", "käse-1001"],
)
def test_what_is_no_key(key: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(key, "")
    assert caught.value.errors == {
        "idempotency_key": ["Use 1 to 64 visible ASCII characters, without blanks."]
    }


@pytest.mark.parametrize(("key", "kind"), [(12345678, "int"), (b"order-1001", "bytes")])
def test_a_key_is_a_text(key: Any, kind: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(key)
    assert caught.value.errors == {"idempotency_key": [f"Pass a str, not {kind}."]}


@pytest.mark.parametrize("key", ["7", "~" * 64])
def test_what_is_a_key(key: str) -> None:
    assert read(key) == CallerKey(key)


def test_no_key_belongs_to_no_scope() -> None:
    assert read(None, "shop") == CallerKey()


def test_a_scope_fits_its_column() -> None:
    assert read(KEY, 7) == CallerKey(KEY, "7")
    assert read(KEY, "s" * 100).scope == "s" * 100
    with pytest.raises(InvalidInput) as caught:
        read(KEY, "s" * 101)
    assert caught.value.errors == {"scope": ["At most 100 characters."]}


@pytest.mark.parametrize("scope", ["a\x00b", "a\ud800b"])
def test_what_is_no_scope(scope: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(KEY, scope)
    assert list(caught.value.errors) == ["scope"]


def test_a_secret_is_no_key_and_is_not_told() -> None:
    with pytest.raises(InvalidInput) as caught:
        read(Secret("4111111111111111"), "")
    assert list(caught.value.errors) == ["idempotency_key"]
    assert "4111111111111111" not in str(caught.value)


@pytest.mark.parametrize("key", ["4111111111111111", "7e966520-6587-4370-9904-00b97fd029b8"])
def test_a_key_is_never_taken_for_a_card_number(
    key: str, gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    row = Transaction.create(5, idempotency_key=key, **card)
    assert Transaction.create(5, idempotency_key=key, **card) == row
    assert Operation.objects.get().idempotency_key == key


# -- What it answers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("new", OperationInProgress),
        ("sent", OperationInProgress),
        ("unknown", OutcomeUnknown),
        ("needs_attention", NeedsAttention),
        ("closed", OperationClosed),
        ("failed", NotSent),
        ("absent", NotSent),
    ],
)
def test_an_operation_without_a_result_says_how_it_stands(
    state: str, error: type[DineroError]
) -> None:
    operation = Operation(state=state, key="k-1")
    found = idempotency.unfinished_error(operation)
    assert type(found) is error
    assert found.operation is operation
    assert "k-1" in str(found)


@pytest.mark.parametrize("state", ["failed", "declined"])
def test_a_refusal_that_did_nothing_is_told_as_it_was(state: str) -> None:
    outcome = RecordedOutcome.of_error(GatewayUnavailableError("out of order", gateway_code="E9"))
    operation = Operation(state=state, key="k-1", gateway_name="eu", outcome=outcome.to_json())
    found = idempotency.unfinished_error(operation)
    assert type(found) is GatewayUnavailableError
    assert (str(found), found.gateway_code, found.gateway_name) == ("out of order", "E9", "eu")
    assert found.operation is operation


def test_an_end_of_which_nothing_is_known_here_is_not_told_as_running() -> None:
    found = idempotency.unfinished_error(Operation(state="succeeded", key="k-1"))
    assert type(found) is OutcomeUnknown


def test_a_key_that_is_held_is_told_again(gateway: RecordingGateway, card: dict[str, Any]) -> None:
    gateway.bank.hold_next()
    for _time in range(2):
        with pytest.raises(HeldForReview) as caught:
            Transaction.create(5, idempotency_key=KEY, **card)
        assert caught.value.transaction == Transaction.objects.get()
        assert str(caught.value)
    assert gateway.verbs == ["charge"]


def test_a_hold_without_a_text_has_one(gateway: RecordingGateway, card: dict[str, Any]) -> None:
    gateway.faults["charge"] = answer(TransactionResult(ResultStatus.HELD, "9001"))
    with pytest.raises(HeldForReview, match="holds this payment for review"):
        Transaction.create(5, **card)


@pytest.mark.parametrize(
    ("outcome", "error"),
    [(ResultStatus.DECLINED, CardDeclinedError), (ResultStatus.FAILED, GatewayError)],
)
def test_a_refusal_without_a_reason_is_of_its_kind(
    gateway: RecordingGateway,
    card: dict[str, Any],
    outcome: ResultStatus,
    error: type[GatewayError],
) -> None:
    gateway.faults["charge"] = answer(TransactionResult(outcome))
    with pytest.raises(GatewayError) as caught:
        Transaction.create(5, **card)
    assert type(caught.value) is error
    assert caught.value.transaction.status == outcome.value


def test_a_key_whose_charge_never_left_is_free_again(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    gateway.faults["charge"] = refuse_connection
    with pytest.raises(DineroError):
        Transaction.create(5, idempotency_key=KEY, **card)
    row = Transaction.create(5, idempotency_key=KEY, **card)
    assert list(Operation.objects.order_by("id").values_list("state", "idempotency_key")) == [
        ("failed", None),
        ("succeeded", KEY),
    ]
    assert row.status == "approved"


# -- A rival between our look and our insert ------------------------------------------------------


def rival(card: dict[str, Any], problem: type[DineroError] | None = None) -> Callable[[], None]:
    """Another worker's charge of the same key, with what it is told."""

    def charge() -> None:
        with pytest.raises(problem) if problem else nullcontext():
            Transaction.create(5, idempotency_key=KEY, **card)

    return charge


def test_the_rivals_charge_is_ours_too(gateway: RecordingGateway, card: dict[str, Any]) -> None:
    with before_statement("SAVEPOINT", rival(card)):
        row = Transaction.create(5, idempotency_key=KEY, **card)
    assert row == Transaction.objects.get()
    assert gateway.verbs == ["charge"]


def test_a_rival_whose_reply_was_lost_is_looked_up(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    gateway.faults["charge"] = lose_reply
    with before_statement("SAVEPOINT", rival(card, OutcomeUnknown)):
        row = Transaction.create(5, idempotency_key=KEY, **card)
    assert row.status == "approved"
    assert gateway.verbs == ["charge", "find_operation"]


def test_a_rival_that_sent_nothing_frees_the_key_for_the_next_attempt(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    gateway.faults["charge"] = refuse_connection
    with (
        before_statement("SAVEPOINT", rival(card, NotSent)),
        pytest.raises(NotSent, match=r"has failed .* sent nothing. Repeat it") as caught,
    ):
        Transaction.create(5, idempotency_key=KEY, **card)
    assert caught.value.operation == Operation.objects.get(state="failed")
    assert Transaction.create(5, idempotency_key=KEY, **card).status == "approved"
    assert gateway.verbs == ["charge", "charge"]


# -- Another call under the same key ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ({"kind": "charge", "amount": "12.5", "currency": "USD"}, "charge 12.50 USD"),
        ({"kind": "authorize", "amount": "500", "currency": "JPY"}, "authorize 500 JPY"),
        ({"kind": "delete_card"}, "delete card"),
    ],
)
def test_another_call_is_told_what_the_first_one_was(asked: dict[str, Any], first: str) -> None:
    row = OperationFactory(idempotency_key=KEY, **{"amount": None, "currency": "", **asked})
    with pytest.raises(IdempotencyKeyReused) as caught:
        idempotency.earlier(read(KEY), {"verb": "charge"})
    assert f"with other parameters ({first}, operation {row.key})." in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"SECRET_KEY": "another"}, "something else was different in that call"),
        ({}, "used before with other parameters (charge 5.00 USD, operation "),
    ],
    ids=["the secret", "the price"],
)
def test_what_nobody_can_read_is_not_called_another_price(
    gateway: RecordingGateway,
    card: dict[str, Any],
    settings: Any,
    changed: dict[str, str],
    text: str,
) -> None:
    """Whoever takes a new key because a secret was changed pays twice."""
    Transaction.create(5, idempotency_key=KEY, **card)
    for name, value in changed.items():
        setattr(settings, name, value)
    with pytest.raises(IdempotencyKeyReused) as caught:
        Transaction.create(5 if changed else 6, idempotency_key=KEY, **card)
    assert text in str(caught.value)
