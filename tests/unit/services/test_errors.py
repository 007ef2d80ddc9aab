"""The exception for each refusal, and what a lookup that got no answer is."""

from __future__ import annotations

from typing import Any

import pytest

from django_dinero import exceptions
from django_dinero.enums import ReasonKind
from django_dinero.exceptions import (
    AVSAndCVVError,
    CustomerNotFoundError,
    DuplicateCardError,
    DuplicateCustomerError,
    GatewayError,
    NotSent,
    OutcomeUnknown,
)
from django_dinero.gateways.types import Reason, Refusal, RemoteCustomer, has_reason
from django_dinero.models import Customer, Transaction
from django_dinero.services.errors import error_for
from tests.support.recording import RecordingGateway, answer, refuse_connection

#: Written out by hand, not read from the table under test.
CLASSES = {
    "card_declined": exceptions.CardDeclinedError,
    "avs_mismatch": exceptions.AVSError,
    "cvv_mismatch": exceptions.CVVError,
    "invalid_card": exceptions.InvalidCardError,
    "invalid_expiry": exceptions.ExpiryError,
    "invalid_amount": exceptions.InvalidAmountError,
    "duplicate_transaction": exceptions.DuplicateTransactionError,
    "refund_refused": exceptions.RefundError,
    "invalid_transaction": exceptions.InvalidTransactionError,
    "held_for_review": exceptions.HeldForReview,
    "action_required": exceptions.ActionRequired,
    "customer_not_found": exceptions.CustomerNotFoundError,
    "card_not_found": exceptions.CardNotFoundError,
    "duplicate_customer": exceptions.DuplicateCustomerError,
    "duplicate_card": exceptions.DuplicateCardError,
    "card_limit": exceptions.CardLimitError,
    "authentication_failed": exceptions.AuthenticationError,
    "not_permitted": exceptions.NotPermittedError,
    "gateway_unavailable": exceptions.GatewayUnavailableError,
    "gateway_error": exceptions.GatewayError,
}


@pytest.mark.parametrize("kind", list(ReasonKind))
def test_each_reason_has_its_class(kind: ReasonKind) -> None:
    error = error_for([Reason(kind, "E7", "because")], gateway_name="default")
    assert type(error) is CLASSES[kind.value]
    assert (str(error), error.gateway_code, error.gateway_name) == ("because", "E7", "default")
    assert error.code == kind.value


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_address_and_cvv_together_are_one_error(order: tuple[int, int]) -> None:
    reasons = [Reason(ReasonKind.AVS, "27", "street"), Reason(ReasonKind.CVV, "65", "code")]
    error = error_for([reasons[n] for n in order])
    assert type(error) is AVSAndCVVError
    assert error.gateway_code == reasons[order[0]].code


def test_the_first_of_other_reasons_counts_and_all_texts_are_told() -> None:
    reasons = [
        Reason(ReasonKind.EXPIRY, "8", "expired"),
        Reason(ReasonKind.CVV, "65"),
        Reason(ReasonKind.INVALID_CARD, "6", "and 4111111111111111 is odd"),
    ]
    error = error_for(reasons)
    assert type(error) is exceptions.ExpiryError
    assert str(error) == "expired and [secret] is odd"


def test_a_refusal_without_a_reason() -> None:
    error = error_for([])
    assert type(error) is GatewayError
    assert (str(error), error.gateway_code) == ("The gateway refused without a reason.", "")


def test_a_duplicate_says_of_what() -> None:
    customer = error_for([Reason(ReasonKind.DUPLICATE_CUSTOMER)], existing_id="c1")
    card = error_for([Reason(ReasonKind.DUPLICATE_CARD)], existing_id="k1")
    assert isinstance(customer, DuplicateCustomerError)
    assert isinstance(card, DuplicateCardError)
    assert (customer.customer_id, card.card_id) == ("c1", "k1")


def test_a_reason_among_several_is_found() -> None:
    refusal = Refusal((Reason(ReasonKind.GATEWAY_ERROR), Reason(ReasonKind.DUPLICATE_CARD)))
    assert has_reason(refusal, ReasonKind.DUPLICATE_CARD)
    assert not has_reason(refusal, ReasonKind.CARD_LIMIT)
    assert not has_reason(Refusal(()), ReasonKind.CARD_LIMIT)


# -- Calls that change nothing ---------------------------------------------------------------------


def lost(call: Any) -> Any:
    raise OutcomeUnknown("the reply was cut off")


@pytest.mark.django_db
def test_a_lost_answer_to_a_question_is_no_unknown_outcome(gateway: RecordingGateway) -> None:
    gateway.faults["retrieve_transaction"] = lost
    with pytest.raises(GatewayError) as caught:
        Transaction.retrieve("9001")
    assert str(caught.value) == (
        "default did not answer; nothing was changed. the reply was cut off"
    )
    assert caught.value.gateway_name == "default"
    assert caught.value.__context__ is None


@pytest.mark.django_db
def test_an_empty_answer_to_a_question_is_none(gateway: RecordingGateway) -> None:
    gateway.faults["retrieve_customer"] = answer(None)
    with pytest.raises(GatewayError, match="did not answer"):
        Customer.retrieve("c1")


@pytest.mark.django_db
def test_a_question_that_was_not_sent_stays_so(gateway: RecordingGateway) -> None:
    gateway.faults["retrieve_customer"] = refuse_connection
    with pytest.raises(NotSent):
        Customer.retrieve("c1")


@pytest.mark.django_db
def test_a_refused_question_names_its_gateway(gateway: RecordingGateway) -> None:
    gateway.faults["retrieve_customer"] = answer(
        Refusal((Reason(ReasonKind.CUSTOMER_NOT_FOUND, "E00040", "not here"),))
    )
    with pytest.raises(CustomerNotFoundError, match="not here") as caught:
        Customer.retrieve("c1")
    assert caught.value.gateway_name == "default"


@pytest.mark.django_db
def test_an_answer_about_another_customer_is_none(gateway: RecordingGateway) -> None:
    gateway.faults["retrieve_customer"] = answer(RemoteCustomer("c2"))
    with pytest.raises(GatewayError, match="another customer; nothing was changed"):
        Customer.retrieve("c1")
    assert not Customer.objects.exists()
