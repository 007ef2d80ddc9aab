"""Errors cross process boundaries: every class, with its attributes, and without any secret."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_dinero import exceptions
from django_dinero.enums import NextActionKind, ResultStatus
from django_dinero.exceptions import (
    ActionRequired,
    DineroError,
    DuplicateCardError,
    DuplicateCustomerError,
    InvalidInput,
    OutcomeUnknown,
)
from django_dinero.gateways.types import NextAction, TransactionResult
from django_dinero.models import Operation, Transaction
from django_dinero.redaction import Secret
from django_dinero.services import journal  # defines errors of its own
from tests.support.recording import RecordingGateway, answer, lose_reply
from tests.unit.services.conftest import card

__all__ = ["card", "journal"]

Copy = Callable[[Any], Any]


def unpickled(error: Any) -> Any:
    return pickle.loads(pickle.dumps(error))  # noqa: S301


COPIES = pytest.mark.parametrize("copied", [unpickled, copy.copy, copy.deepcopy])


def every_class(base: type[DineroError] = DineroError) -> Iterator[type[DineroError]]:
    yield base
    for each in base.__subclasses__():
        if each.__module__.startswith("django_dinero"):
            yield from every_class(each)


def make(kind: type[DineroError]) -> DineroError:
    context: dict[str, Any] = {"gateway_code": "2", "gateway_name": "old", "operation": ["row"]}
    if issubclass(kind, InvalidInput):
        return kind({"zip": ["One.", "Two."]}, **context)
    if issubclass(kind, DuplicateCustomerError):
        context["customer_id"] = "17"
    if issubclass(kind, DuplicateCardError):
        context["card_id"] = "18"
    return kind("No.", **context)


@COPIES
@pytest.mark.parametrize("kind", sorted(set(every_class()), key=str))
def test_every_error_can_be_copied(kind: type[DineroError], copied: Copy) -> None:
    error = make(kind)
    twin = copied(error)
    assert type(twin) is kind
    assert (str(twin), twin.args, vars(twin)) == (str(error), error.args, vars(error))
    assert twin.user_message == error.user_message


def test_the_list_has_those_of_the_services_too() -> None:
    assert {"KeyTaken", "LockHeld", *exceptions.__all__} <= {k.__name__ for k in every_class()}


@COPIES
def test_a_group_of_errors_can_be_copied(copied: Copy) -> None:
    group = copied(ExceptionGroup("Two.", [make(InvalidInput), make(OutcomeUnknown)]))
    assert [type(each) for each in group.exceptions] == [InvalidInput, OutcomeUnknown]
    assert group.exceptions[0].errors == {"zip": ["One.", "Two."]}


def test_a_deep_copy_is_one() -> None:
    error = make(InvalidInput)
    assert isinstance(error, InvalidInput)
    copy.deepcopy(error).errors["zip"].append("Three.")
    assert error.errors == {"zip": ["One.", "Two."]}


@COPIES
def test_a_projects_own_error_can_be_copied(copied: Copy) -> None:
    twin = copied(StolenCard("AB-1"))
    assert (twin.case, str(twin)) == ("AB-1", "Stolen, see AB-1.")


class StolenCard(exceptions.CardDeclinedError):
    def __init__(self, case: str) -> None:
        super().__init__(f"Stolen, see {case}.")
        self.case = case


# -- With rows -------------------------------------------------------------------------------------


@COPIES
@pytest.mark.django_db
def test_their_rows_come_along(
    gateway: RecordingGateway, card: dict[str, Any], copied: Copy
) -> None:
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown) as caught:
        Transaction.create(5, **card)
    twin = copied(caught.value)
    assert twin.operation == Operation.objects.get()
    assert twin.operation.state == "unknown"


@pytest.mark.django_db
def test_a_pickle_lacks_what_lets_anybody_confirm_a_payment(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    page = NextAction(NextActionKind.REDIRECT, Secret("https://bank.example/3ds/77"))
    asked = TransactionResult(ResultStatus.REQUIRES_ACTION, "77", next_action=page)
    gateway.faults["charge"] = answer(asked)
    with pytest.raises(ActionRequired) as caught:
        Transaction.create(5, **card)
    data = pickle.dumps(caught.value)
    assert b"bank.example" not in data
    twin = pickle.loads(data)  # noqa: S301
    assert (twin.next_action, twin.transaction) == (None, Transaction.objects.get())
    assert copy.deepcopy(caught.value).next_action == copy.copy(caught.value).next_action == page
