"""What the gateway declares, and what it refuses before anything is sent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from requests.adapters import HTTPAdapter

from django_dinero.cards import Address, CardDetails, PaymentToken
from django_dinero.exceptions import InvalidCardInput, InvalidInput, NotSent, OutcomeUnknown
from django_dinero.gateways.authorizenet import AuthorizeNetGateway
from django_dinero.gateways.authorizenet.limits import MAX_LENGTHS
from django_dinero.gateways.base import VERBS, Request
from django_dinero.gateways.types import (
    CardRequest,
    ChargeRequest,
    CredentialsCheck,
    CustomerRequest,
    CustomerUpdate,
    FollowUpRequest,
    Refusal,
    StoredCard,
    WebhookNotice,
)
from django_dinero.redaction import Secret
from tests.support.scripted import NOT_FOUND, OPTIONS, Asked, no, ok, scripted

KEY = "OPERATION-KEY"


def make(**changed: Any) -> AuthorizeNetGateway:
    """Return a gateway."""
    return AuthorizeNetGateway("shop", {**OPTIONS, **changed})


def card(number: str = "4111111111111111", **changed: Any) -> CardDetails:
    """Return a card."""
    return CardDetails(Secret(number), **{"month": 3, "year": 2040, **changed})


def charge(source: StoredCard | CardDetails | PaymentToken, **changed: Any) -> ChargeRequest:
    """Return a charge."""
    return ChargeRequest(KEY, Decimal("1.00"), **{"currency": "USD", "source": source, **changed})


STORED = StoredCard("10", "20")


def errors(request: Request) -> dict[str, list[str]]:
    """Return what is wrong with a request."""
    with pytest.raises(InvalidInput) as caught:
        make().check_request(request)
    return caught.value.errors


# -- Declarations ----------------------------------------------------------------------------------


def test_it_has_every_verb() -> None:
    gateway = make()
    assert gateway.unsupported == {}
    for verb in VERBS:
        assert gateway.supports(verb)
        assert getattr(AuthorizeNetGateway, verb).__qualname__.split(".")[0] != "Gateway", verb
    # A repeated key is found by looking, not by the gateway's answer.
    assert not gateway.honours_operation_key


def test_no_key_is_shown() -> None:
    gateway = make(signature_key="the-signature", proxy="http://u:the-password@127.0.0.1:3128")
    for shown in (repr(gateway), str(gateway), repr(vars(gateway)), repr(gateway.options)):
        assert "the-" not in shown


def test_options_are_checked_when_it_is_made() -> None:
    with pytest.raises(ImproperlyConfigured, match="login_id"):
        make(login_id="")
    with pytest.raises(ImproperlyConfigured, match=r"'shop'.*loginid"):
        make(loginid="x")
    with pytest.raises(ImproperlyConfigured, match="environment"):
        AuthorizeNetGateway("shop")


@pytest.mark.parametrize(("environment", "live"), [("production", True), ("sandbox", False)])
def test_whether_money_moves(environment: str, live: bool) -> None:
    assert make(environment=environment).live is live


@pytest.mark.parametrize(
    ("times", "short"),
    [
        ({}, []),
        ({"deadline": 120}, []),
        ({"deadline": 120}, []),
        ({"deadline": 121}, ["lease_seconds", "quarantine_seconds"]),
        ({"quarantine_seconds": 149}, ["quarantine_seconds"]),
        ({"lease_seconds": 134}, ["lease_seconds"]),
        ({"lease_seconds": 300}, ["quarantine_seconds"]),
        ({"lease_seconds": 300, "quarantine_seconds": 190}, []),
    ],
)
def test_a_time_that_is_shorter_than_a_call_is_an_error(
    times: dict[str, float], short: list[str]
) -> None:
    found = make(**times).check()
    assert {(message.id, message.is_serious()) for message in found} <= {("dinero.E010", True)}
    assert [str(message.msg).split()[3] for message in found] == short


def test_its_check_is_that_of_the_options() -> None:
    assert make().check() == []
    assert [message.id for message in make(endpoint="http://pay.example/").check()] == [
        "dinero.E007"
    ]


def test_it_does_not_speak_to_strangers() -> None:
    gateway = make(endpoint="https://pay.example/")
    with pytest.raises(ImproperlyConfigured, match=r"pay\.example"):
        gateway.retrieve_customer("10")


def test_the_client_is_made_once_and_again_after_mounting() -> None:
    gateway = make()
    first = gateway.client
    assert gateway.client is first
    gateway.mount(HTTPAdapter())
    assert gateway.client is not first


# -- Before anything is sent -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_",
    [
        charge(STORED, order_reference="A" * 100, description="b" * 152),
        charge(card("4" * 16)),
        charge(PaymentToken(Secret("x" * 3000))),
        CardRequest(KEY, "10", card(address=Address("A" * 50, "B" * 50, address="c" * 60))),
        CustomerRequest(KEY, KEY, "e" * 255),
        CustomerUpdate(KEY, "10", KEY, "e" * 255),
        FollowUpRequest(KEY, "60", Decimal(1), "USD", description="d" * 255),
    ],
)
def test_what_fits_is_taken(request_: Request) -> None:
    make().check_request(request_)


@pytest.mark.parametrize("length", [17, 18, 19])
def test_a_number_of_more_than_16_digits(length: int) -> None:
    number = "6" * length
    for request in (
        charge(card(number)),
        CardRequest(KEY, "10", card(number)),
        CustomerRequest(KEY, KEY, "", card=card(number)),
    ):
        found = errors(request)
        assert set(found) == {"number"}
        assert "16" in found["number"][0]
        assert number not in str(found)
        with pytest.raises(InvalidCardInput):
            make().check_request(request)


@pytest.mark.parametrize(
    ("reference", "description"), [("A" * 100, "b" * 153), ("", "b" * 256), ("A" * 256, "")]
)
def test_order_texts_that_do_not_fit_one_description(reference: str, description: str) -> None:
    texts = {"order_reference": reference, "description": description}
    for request in (
        charge(STORED, **texts),
        FollowUpRequest(KEY, "60", Decimal(1), "USD", **texts),
    ):
        found = errors(request)
        assert set(found) == {"description"}
        assert "255" in found["description"][0]


@pytest.mark.parametrize(("name", "limit"), MAX_LENGTHS.items())
def test_texts_that_are_too_long(name: str, limit: int) -> None:
    def request(length: int) -> Request:
        if name == "email":
            return CustomerRequest(KEY, KEY, "e" * length)
        return CardRequest(KEY, "10", card(address=Address(**{name: "x" * length})))

    make().check_request(request(limit))
    found = errors(request(limit + 1))
    assert set(found) == {name}
    assert str(limit) in found[name][0]


@pytest.mark.parametrize("name", ["month", "year"])
def test_a_card_without_an_expiry_date(name: str) -> None:
    incomplete: dict[str, Any] = {name: None}
    assert set(errors(charge(card(**incomplete)))) == {name}


def test_another_currency_than_the_accounts() -> None:
    assert set(errors(charge(STORED, currency="EUR"))) == {"currency"}


def test_everything_wrong_is_told_at_once() -> None:
    wrong = charge(
        card("6" * 19, month=None, address=Address(zip="1" * 21)),
        currency="EUR",
        description="d" * 256,
    )
    assert set(errors(wrong)) == {"number", "month", "zip", "currency", "description"}


# -- Verbs that belong to no other part ------------------------------------------------------------


@pytest.mark.parametrize("environment", ["production", "sandbox"])
def test_credentials_that_are_accepted(environment: str) -> None:
    gateway, client = scripted(ok(), ok(), NOT_FOUND, environment=environment)
    live = environment == "production"
    assert gateway.check_credentials() == CredentialsCheck(True, "Successful.", live=live)
    assert client.asked == [
        Asked("authenticateTest", {}, False, ""),
        Asked("getUnsettledTransactionList", {"paging": {"limit": "1", "offset": "1"}}, False, ""),
        Asked("getCustomerProfile", {"customerProfileId": "1"}, False, ""),
    ]


def test_what_the_account_may_not_do_is_told() -> None:
    gateway, _client = scripted(ok(), no("E00011", "No permission."), no("E00044", "Not enabled."))
    verdict = gateway.check_credentials()
    assert verdict.accepted
    details, manager = verdict.lacks
    assert "Transaction Details API is not enabled" in details
    assert "Customer Information Manager is not enabled" in manager


def test_credentials_that_are_not() -> None:
    gateway, _client = scripted(no("E00007", "User authentication failed."))
    assert gateway.check_credentials() == CredentialsCheck(
        False, "User authentication failed.", live=False
    )


@pytest.mark.parametrize("error", [NotSent("no"), OutcomeUnknown("lost")])
def test_credentials_nobody_answered_about(error: Exception) -> None:
    gateway, _client = scripted(error)
    with pytest.raises(type(error)):
        gateway.check_credentials()


def test_webhooks_are_verified_with_the_accounts_key() -> None:
    body = b'{"notificationId":"n","eventType":"e","payload":{"entityName":"transaction","id":"6"}}'
    # openssl dgst -sha512 -hmac the-signature
    signature = (
        "78ba86d05fb4c52f0dbb361cffd3b9c25144c846c839ad820ab9203023f9cb25"
        "ca1d8ea629be678612ac8356a0299595ce08418f38ab5d4fbb4dec826bf5a7c0"
    )
    headers = {"X-ANET-Signature": f"sha512={signature}"}
    found = make(signature_key="the-signature").parse_webhook(headers, body)
    assert found == WebhookNotice("n", "e", "transaction", "6")
    assert isinstance(make(signature_key="another").parse_webhook(headers, body), Refusal)
    assert isinstance(make().parse_webhook(headers, body), Refusal)
