"""The tree of errors: every class has its code, its parents and its context."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from django_dinero import exceptions
from django_dinero.cards import check_cvv
from django_dinero.enums import ReasonKind
from django_dinero.exceptions import (
    DineroError,
    DuplicateCardError,
    DuplicateCustomerError,
    GatewayError,
    InvalidInput,
    unexpected_keywords,
)
from django_dinero.input_errors import InputErrors
from django_dinero.money import parse_amount
from django_dinero.user_messages import ForCode

CODES = {
    "AVSAndCVVError": "avs_and_cvv_mismatch",
    "AVSError": "avs_mismatch",
    "ActionRequired": "action_required",
    "AuthenticationError": "authentication_failed",
    "CVVError": "cvv_mismatch",
    "CardDeclinedError": "card_declined",
    "CardLimitError": "card_limit",
    "CardNotFoundError": "card_not_found",
    "CustomerNotFoundError": "customer_not_found",
    "DineroError": "dinero_error",
    "DuplicateCardError": "duplicate_card",
    "DuplicateCustomerError": "duplicate_customer",
    "DuplicateTransactionError": "duplicate_transaction",
    "ExpiryError": "invalid_expiry",
    "GatewayError": "gateway_error",
    "GatewayUnavailableError": "gateway_unavailable",
    "HeldForReview": "held_for_review",
    "IdempotencyKeyReused": "idempotency_key_reused",
    "InsideTransaction": "inside_transaction",
    "InvalidAmountError": "invalid_amount",
    "InvalidAmountInput": "invalid_amount",
    "InvalidCVVInput": "invalid_cvv",
    "InvalidCardError": "invalid_card",
    "InvalidCardInput": "invalid_card",
    "InvalidExpiryInput": "invalid_expiry",
    "InvalidInput": "invalid_input",
    "InvalidTransactionError": "invalid_transaction",
    "NeedsAttention": "needs_attention",
    "NotPermittedError": "not_permitted",
    "NotSent": "not_sent",
    "OperationClosed": "operation_closed",
    "OperationInProgress": "operation_in_progress",
    "OrderPaid": "order_paid",
    "OutcomeUnknown": "outcome_unknown",
    "RefundError": "refund_refused",
    "UnsupportedFeature": "unsupported_feature",
}
PARENTS = {
    "InvalidInput": {"ValueError"},
    "UnsupportedFeature": {"ValueError"},
    "AVSError": {"CardDeclinedError"},
    "CVVError": {"CardDeclinedError"},
    "AVSAndCVVError": {"AVSError", "CVVError", "CardDeclinedError"},
    "OrderPaid": {"DuplicateTransactionError"},
    "InvalidCardInput": {"InvalidInput", "InvalidCardError"},
    "InvalidExpiryInput": {"InvalidInput", "ExpiryError"},
    "InvalidCVVInput": {"InvalidInput", "CVVError"},
    "InvalidAmountInput": {"InvalidInput", "InvalidAmountError"},
}
#: What is no answer of a gateway: nobody may catch it as one.
NO_ANSWER = {
    "DineroError",
    "IdempotencyKeyReused",
    "InsideTransaction",
    "InvalidInput",
    "NeedsAttention",
    "NotSent",
    "OperationClosed",
    "OperationInProgress",
    "OutcomeUnknown",
    "UnsupportedFeature",
}


def test_every_error_has_its_code_and_nothing_is_left_out() -> None:
    assert sorted(CODES) == sorted(exceptions.__all__)
    assert {name: getattr(exceptions, name).code for name in exceptions.__all__} == CODES
    classes = {
        name
        for name, value in vars(exceptions).items()
        if isinstance(value, type) and issubclass(value, DineroError)
    }
    assert classes == set(exceptions.__all__)


@pytest.mark.parametrize("name", sorted(CODES))
def test_parents(name: str) -> None:
    error = getattr(exceptions, name)
    parents = {base.__name__ for base in error.__mro__}
    assert issubclass(error, DineroError)
    assert PARENTS.get(name, set()) <= parents
    assert issubclass(error, GatewayError) is (name not in NO_ANSWER)


def test_every_reason_kind_is_the_code_of_one_answer() -> None:
    answers = {CODES[name] for name in set(CODES) - NO_ANSWER}
    assert {kind.value for kind in ReasonKind} <= answers


def test_the_context_of_an_error() -> None:
    transaction, operation = object(), object()
    error = GatewayError(
        "No.",
        transaction=transaction,
        operation=operation,
        gateway_code="2",
        gateway_name="default",
    )
    assert str(error) == error.message == "No."
    assert error.transaction is transaction
    assert error.operation is operation
    assert (error.gateway_code, error.gateway_name) == ("2", "default")


@pytest.mark.parametrize("name", sorted(set(CODES) - {"InvalidInput"}))
def test_an_error_without_a_text_says_its_name(name: str) -> None:
    error_class = getattr(exceptions, name)
    error = error_class({}) if issubclass(error_class, InvalidInput) else error_class()
    assert str(error) == name
    assert error.message == ""
    assert (error.transaction, error.operation) == (None, None)
    assert (error.gateway_code, error.gateway_name) == ("", "")


def test_invalid_input_maps_fields_to_lists_of_texts() -> None:
    error = InvalidInput({"a": "One.", "b": ["Two.", "Three."]}, gateway_name="other")
    assert error.errors == {"a": ["One."], "b": ["Two.", "Three."]}
    assert str(error) == "a: One. b: Two. Three."
    assert error.gateway_name == "other"
    assert isinstance(error, ValueError)


def test_invalid_input_keeps_a_list_of_its_own() -> None:
    texts = ["One."]
    error = InvalidInput({"a": texts})
    texts.append("Two.")
    assert error.errors == {"a": ["One."]}


def test_the_duplicates_name_what_is_there() -> None:
    customer = DuplicateCustomerError("There.", customer_id="17", gateway_code="E00039")
    assert (customer.customer_id, customer.gateway_code, str(customer)) == (
        "17",
        "E00039",
        "There.",
    )
    assert DuplicateCustomerError().customer_id == ""
    card = DuplicateCardError("There.", card_id="18", gateway_code="E00039")
    assert (card.card_id, card.gateway_code, str(card)) == ("18", "E00039", "There.")
    assert DuplicateCardError().card_id == ""


def test_unexpected_keywords_lists_the_accepted_ones() -> None:
    error = unexpected_keywords({"numbr", "cw"}, {"number", "cvv"})
    assert isinstance(error, TypeError)
    assert str(error) == (
        "Unknown argument(s): cw, numbr. Did you mean 'number'? Accepted: cvv, number."
    )


ANSWERED = [
    kind
    for kind in (getattr(exceptions, name) for name in exceptions.__all__)
    if not issubclass(kind, InvalidInput)
]


@pytest.mark.parametrize("kind", ANSWERED)
@pytest.mark.parametrize(
    "way",
    [lambda error: pickle.loads(pickle.dumps(error)), copy.deepcopy, copy.copy],  # noqa: S301
    ids=["pickle", "deepcopy", "copy"],
)
def test_an_error_crosses_a_process_boundary_with_all_it_has(
    kind: type[DineroError], way: Callable[[DineroError], DineroError]
) -> None:
    context: dict[str, str] = {"gateway_code": "2", "gateway_name": "shop"}
    if kind is DuplicateCustomerError:
        context["customer_id"] = "17"
    if kind is DuplicateCardError:
        context["card_id"] = "18"
    error = kind("No.", **context)
    error.operation = "its operation"
    back = way(error)
    assert type(back) is kind
    assert (str(back), vars(back)) == ("No.", vars(error))


def test_the_codes_of_an_error_begin_with_its_own() -> None:
    assert exceptions.AVSAndCVVError.codes() == (
        "avs_and_cvv_mismatch",
        "avs_mismatch",
        "cvv_mismatch",
        "card_declined",
        "gateway_error",
        "dinero_error",
    )
    assert DineroError.codes() == ("dinero_error",)


def test_a_cardholder_reads_none_of_the_gateways_words() -> None:
    error = exceptions.CVVError("CVV wrong on 4111111111111111.", gateway_code="65")
    assert str(error) == "CVV wrong on 4111111111111111."
    assert error.user_message == "The card was declined."


def test_a_projects_own_error_has_the_closest_message() -> None:
    class StolenCard(exceptions.CardDeclinedError):
        code = "stolen_card"

    assert StolenCard("It is stolen.").user_message == "The card was declined."


def test_wrong_input_tells_what_is_wrong_without_the_names_of_fields() -> None:
    error = InvalidInput({"zip": "One.", "city": ["Two.", "4111111111111111 is wrong."]})
    assert error.user_message == "One. Two. [secret] is wrong."
    assert InvalidInput({}).user_message == "Correct what was entered."


@pytest.mark.parametrize(
    "errors",
    [
        {"gateway_name": "No gateway is called 'old'. Configured: default, stripe-eu."},
        {"customer": "Pass a Customer."},
        {"settle": "Pass True or False.", "owner": "Save the owner first."},
        {"price": ForCode("Pass a Decimal, an int or a str, not float.")},
        {"currency": "default takes USD only.", "month": [ForCode("It is required.")]},
    ],
)
def test_a_cardholder_reads_nothing_of_a_programmers_mistake(
    errors: dict[str, str | list[str]],
) -> None:
    assert InvalidInput(errors).user_message == "This could not be done."
    both = InvalidInput({**errors, "zip": "Too long."})
    assert both.user_message == "Too long."
    for error in (both, copy.deepcopy(both), pickle.loads(pickle.dumps(both))):  # noqa: S301
        assert error.user_message == "Too long."
        assert all(text in str(error) for text in both.by_field.values())


def test_a_programmers_mistake_stays_one_when_errors_are_collected() -> None:
    errors = InputErrors()
    errors.collect(parse_amount, 7.5, "USD")
    assert errors.as_exception().user_message == "This could not be done."
    errors.collect(check_cvv, "12")
    assert errors.as_exception().user_message == "A card verification value has 3 or 4 digits."


def test_a_lost_answer_names_its_operation() -> None:
    operation = SimpleNamespace(key="ABC")
    error = exceptions.OutcomeUnknown("No answer.", operation=operation)
    assert str(error) == "No answer. Look up operation ABC."
    assert str(exceptions.OutcomeUnknown("Look up ABC.", operation=operation)) == "Look up ABC."
    assert str(exceptions.OutcomeUnknown("No answer.")) == "No answer."
