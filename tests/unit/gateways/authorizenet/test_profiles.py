"""Going through all customers."""

from __future__ import annotations

import pytest

from django_dinero.cards import Address
from django_dinero.exceptions import (
    AuthenticationError,
    GatewayError,
    NotPermittedError,
    NotSent,
    OutcomeUnknown,
)
from django_dinero.gateways.types import CardUpdate
from tests.support.scripted import NOT_FOUND, Answer, no, ok, scripted

EMPTY = ok(code="I00004", text="No records found.")


def profile(customer_id: str) -> Answer:
    """Answer with a customer."""
    return ok(f"<profile><customerProfileId>{customer_id}</customerProfileId></profile>")


def known(*ids: str) -> Answer:
    """Answer with the ids of all customers."""
    inner = "".join(f"<numericString>{each}</numericString>" for each in ids)
    return ok(f"<ids>{inner}</ids>")


def test_customers_are_fetched_one_by_one() -> None:
    gateway, client = scripted(known("10", "11"), profile("10"), profile("11"))
    found = gateway.iter_customers()
    assert next(found).customer_id == "10"
    assert client.operations == ["getCustomerProfileIds", "getCustomerProfile"]
    assert [each.customer_id for each in found] == ["11"]


def test_a_walk_goes_on_in_the_order_of_the_ids() -> None:
    """The gateway lists them in no order, and has stored one and deleted one meanwhile."""
    gateway, client = scripted(known("100", "9", "12", "10"), profile("12"), profile("100"))
    assert [each.customer_id for each in gateway.iter_customers(after="11")] == ["12", "100"]
    assert client.operations == ["getCustomerProfileIds", *["getCustomerProfile"] * 2]


@pytest.mark.parametrize("answer", [ok(), ok("<ids/>"), EMPTY])
def test_no_customers(answer: Answer) -> None:
    gateway, _client = scripted(answer)
    assert list(gateway.iter_customers()) == []


def test_one_that_is_deleted_meanwhile_is_left_out() -> None:
    gateway, _client = scripted(known("10", "11"), NOT_FOUND, profile("11"))
    assert [each.customer_id for each in gateway.iter_customers()] == ["11"]


@pytest.mark.parametrize("answers", [[no("E00044", "Off.")], [known("10"), no("E00044", "Off.")]])
def test_customers_that_cannot_be_read_are_an_error(answers: list[Answer]) -> None:
    gateway, _client = scripted(*answers)
    with pytest.raises(GatewayError, match="Off") as caught:
        list(gateway.iter_customers())
    assert type(caught.value) is NotPermittedError
    assert caught.value.gateway_code == "E00044"
    assert caught.value.gateway_name == "shop"


WRONG_KEY = no("E00007", "User authentication failed.")


@pytest.mark.parametrize("answers", [[WRONG_KEY], [known("10"), WRONG_KEY]])
def test_wrong_credentials_are_told_as_that(answers: list[Answer]) -> None:
    gateway, _client = scripted(*answers)
    with pytest.raises(AuthenticationError, match="authentication failed") as caught:
        list(gateway.iter_customers())
    assert caught.value.gateway_code == "E00007"


def test_a_walk_does_not_believe_an_answer_about_another_customer() -> None:
    gateway, _client = scripted(known("10"), profile("11"))
    with pytest.raises(OutcomeUnknown, match="another customer"):
        list(gateway.iter_customers())


@pytest.mark.parametrize("shown", ["<customerPaymentProfileId>21</customerPaymentProfileId>", ""])
def test_a_card_is_not_filled_up_from_another_one(shown: str) -> None:
    gateway, client = scripted(ok(f"<paymentProfile>{shown}</paymentProfile>"))
    with pytest.raises(NotSent, match="another customer or card"):
        gateway.update_card(CardUpdate("k", "10", "20", Address()))
    assert client.operations == ["getCustomerPaymentProfile"]
