"""The interface's own part: options, declared features, checks before anything is sent."""

from __future__ import annotations

import datetime
import inspect
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import translation

from django_dinero.cards import Address, CardDetails, PaymentToken, card_details
from django_dinero.enums import ResultStatus
from django_dinero.exceptions import (
    InvalidCardError,
    InvalidCardInput,
    InvalidCVVInput,
    InvalidExpiryInput,
    InvalidInput,
    UnsupportedFeature,
)
from django_dinero.gateways.base import COMMON_OPTIONS, VERBS, Gateway
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import (
    CardRequest,
    CardUpdate,
    ChargeRequest,
    CustomerRequest,
    CustomerUpdate,
    FollowUpRequest,
    LookupHints,
    LookupResult,
    Refusal,
    RemoteTransaction,
    StoredCard,
    TransactionResult,
)
from django_dinero.gateways.verb_words import WORDS, words_of
from django_dinero.redaction import Secret

NUMBER = "4111111111111111"


class Small(Gateway):
    """Charges, and says of one verb why it lacks it."""

    option_names = frozenset({"api_key"})
    unsupported: ClassVar[dict[str, str]] = {"void": "it settles at once"}

    def charge(self, request: ChargeRequest) -> TransactionResult:
        return TransactionResult(ResultStatus.APPROVED, "1", request.amount, request.currency)

    def retrieve_transaction(self, transaction_id: str) -> RemoteTransaction | Refusal:
        return Refusal(())

    def find_operation(self, key: str, hints: LookupHints) -> LookupResult:
        return LookupResult()


class Strict(Small):
    """Wants a CVV and an expiry year, and has little room."""

    required_card_fields = ("cvv", "year")
    max_lengths: ClassVar[dict[str, int]] = {"email": 20, "city": 5, "order_reference": 3}


ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "create_customer": (CustomerRequest("OP", "KEY", "a@example.com"),),
    "retrieve_customer": ("1",),
    "update_customer": (CustomerUpdate("OP", "1", "KEY", "a@example.com"),),
    "delete_customer": ("1",),
    "add_card": (CardRequest("OP", "1", PaymentToken(Secret("t"))),),
    "update_card": (CardUpdate("OP", "1", "2", Address()),),
    "delete_card": ("1", "2"),
    "validate_card": ("1", "2"),
    "capture": (FollowUpRequest("OP", "1", Decimal(5), "USD"),),
    "void": (FollowUpRequest("OP", "1", Decimal(5), "USD"),),
    "refund": (FollowUpRequest("OP", "1", Decimal(5), "USD"),),
    "decide_review": (FollowUpRequest("OP", "1", Decimal(5), "USD"), "approve"),
    "iter_customers": (),
    "iter_transactions": (datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),),
    "check_credentials": (),
    "parse_webhook": ({}, b""),
    "list_webhooks": (),
    "register_webhook": ("https://shop.example/",),
    "remove_webhook": ("1",),
}
REQUIRED = {"charge", "retrieve_transaction", "find_operation"}


def charge_with(card: CardDetails | PaymentToken | StoredCard, **values: Any) -> ChargeRequest:
    return ChargeRequest("OP", Decimal("5.00"), "USD", card, **values)


# -- Building one -------------------------------------------------------------------------------


def test_the_defaults() -> None:
    gateway = Small("shop")
    assert gateway.name == "shop"
    assert gateway.currency == "USD"
    assert (gateway.lease_seconds, gateway.quarantine_seconds) == (180.0, 180.0)
    assert gateway.live is True
    assert gateway.test_account == "a test account"
    assert gateway.check() == []
    assert gateway.honours_operation_key is False
    assert gateway.single_currency is True


def test_the_common_options() -> None:
    options = {"currency": "JPY", "lease_seconds": "5", "quarantine_seconds": 7, "api_key": "s3c"}
    gateway = Small("shop", options)
    assert gateway.currency == "JPY"
    assert (gateway.lease_seconds, gateway.quarantine_seconds) == (5.0, 7.0)
    assert isinstance(gateway.quarantine_seconds, float)
    assert (Small.lease_seconds, Small.quarantine_seconds) == (180.0, 180.0)
    assert {"currency", "lease_seconds", "quarantine_seconds", "console_url"} == COMMON_OPTIONS


def test_the_providers_own_pages() -> None:
    addresses = {"transaction": "https://x.example/t?id={id}", "card": "https://x.example/{id}/c"}
    gateway = Small("shop", {"console_url": addresses})
    assert gateway.console_url("transaction", "7 &b") == "https://x.example/t?id=7%20%26b"
    assert gateway.console_url("card", "a/b") == "https://x.example/a%2Fb/c"
    assert gateway.console_url("customer", "7") is None
    assert gateway.console_url("transaction", "") is None
    assert Small("shop").console_url("transaction", "7") is None


@pytest.mark.parametrize(
    "value",
    [
        "https://x.example/{id}",
        {"refund": "https://x.example/{id}"},
        {"transaction": "http://x.example/{id}"},
        {"transaction": "javascript:alert({id})"},
        {"transaction": "https://x.example/"},
        {"transaction": "https://x.example/{id}/{id}"},
        {"transaction": None},
    ],
)
def test_what_is_no_address_of_a_page_is_refused(value: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="'console_url'"):
        Small("shop", {"console_url": value})


def test_an_unknown_option_is_named_with_the_accepted_ones() -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        Small("shop", {"currenci": "USD", "apikey": "s3cret"})
    assert str(caught.value) == (
        "DINERO gateway 'shop': unknown option(s) apikey, currenci. "
        "Accepted: api_key, console_url, currency, lease_seconds, quarantine_seconds."
    )


@pytest.mark.parametrize("currency", ["usd", "", "XAU", None])
def test_a_currency_that_is_none_is_refused_at_once(currency: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^DINERO gateway 'shop': the option 'curr"):
        Small("shop", {"currency": currency})


@pytest.mark.parametrize("name", ["lease_seconds", "quarantine_seconds"])
@pytest.mark.parametrize("value", [0, -1, "soon", None, True, float("nan"), float("inf"), [5]])
def test_a_time_that_is_none_is_refused_at_once(name: str, value: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match=rf"'{name}' is a number of seconds above zero"):
        Small("shop", {name: value})


def test_its_repr_names_class_and_name_and_no_option() -> None:
    assert repr(Small("shop", {"api_key": "s3cret"})) == "<Small 'shop'>"


def test_a_backend_without_the_handful_cannot_be_built() -> None:
    class Nothing(Gateway):
        pass

    with pytest.raises(TypeError, match="charge"):
        Nothing("shop")  # type: ignore[abstract]
    assert Gateway.__abstractmethods__ == REQUIRED


# -- What it can and cannot ---------------------------------------------------------------------


def test_every_verb_is_listed_and_has_an_example_here() -> None:
    own = {"check", "prepare", "preload", "live", "clock", "expect", "supports", "require"}
    own |= {
        "check_request",
        "check_lengths",
        "test_account",
        "webhook_challenge",
        "console_url",
        "webhook_problem",
    }
    own |= {"account_fingerprint", "browser_keys", "browser_script", "action_address"}
    own |= {"browser_problem"}
    public = {name for name, _ in inspect.getmembers(Gateway) if not name.startswith("_")}
    attributes = set(Gateway.__annotations__)
    assert set(VERBS) == public - own - attributes
    assert len(VERBS) == len(set(VERBS)) == 22
    assert set(ARGUMENTS) | REQUIRED == set(VERBS)


@pytest.mark.parametrize("verb", sorted(ARGUMENTS))
def test_a_verb_that_a_backend_lacks_raises(verb: str) -> None:
    with pytest.raises(UnsupportedFeature) as caught:
        getattr(Small("shop"), verb)(*ARGUMENTS[verb])
    reason = "it settles at once" if verb == "void" else "this backend does not have it"
    assert str(caught.value) == f"shop cannot do this ({WORDS[verb]}): {reason}"
    assert caught.value.gateway_name == "shop"


def test_every_verb_has_words_in_every_language() -> None:
    assert set(WORDS) == set(VERBS)
    for language in ("en", "de", "es", "fr"):
        with translation.override(language):
            assert [verb for verb in VERBS if "_" in words_of(verb)] == []
            with pytest.raises(UnsupportedFeature) as caught:
                Small("shop").require("void")
            assert f"({words_of('void')})" in str(caught.value)


def test_the_reason_for_a_missing_verb_is_told_in_the_readers_language() -> None:
    with translation.override("de"), pytest.raises(UnsupportedFeature) as caught:
        get_gateway().require("register_webhook")
    assert "a bank in the same process" not in str(caught.value)


def test_supports_and_require() -> None:
    assert Small.supports("charge") is True
    assert Small.supports("void") is False
    gateway = Small("shop")
    gateway.require("charge")
    with pytest.raises(UnsupportedFeature, match="it settles at once"):
        gateway.require("void")


# -- Checks before anything is sent -------------------------------------------------------------


@pytest.mark.parametrize(
    "request_",
    [
        charge_with(StoredCard("1", "2")),
        charge_with(PaymentToken(Secret("t"))),
        charge_with(card_details({"number": NUMBER, "cvv": "900", "month": 1, "year": 2030})),
        CustomerRequest("OP", "KEY", "x" * 8 + "@example.com"),
        CustomerUpdate("OP", "1", "KEY", "a@example.com"),
        CardUpdate("OP", "1", "2", Address(city="Paris")),
        FollowUpRequest("OP", "1", Decimal(5), "USD", order_reference="abc"),
        FollowUpRequest("OP", "1", Decimal(5), "USD", description="x" * 1000),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_fits_passes(request_: Any) -> None:
    Strict("shop").check_request(request_)


def test_a_gateway_without_rules_takes_everything() -> None:
    asked = charge_with(card_details({"number": NUMBER}), email="x" * 999)
    with pytest.raises(InvalidInput):
        Strict("shop").check_request(asked)
    Small("shop").check_request(asked)


@pytest.mark.parametrize(
    ("card", "error", "fields"),
    [
        ({}, InvalidExpiryInput, {"cvv", "year"}),
        ({"cvv": "900"}, InvalidExpiryInput, {"year"}),
        ({"month": 1, "year": 2030}, InvalidCVVInput, {"cvv"}),
    ],
)
def test_a_missing_card_field_is_named(
    card: dict[str, Any], error: type[InvalidInput], fields: set[str]
) -> None:
    details = card_details({"number": NUMBER, **card})
    for request in (
        charge_with(details),
        CustomerRequest("OP", "KEY", "a@example.com", card=details),
        CardRequest("OP", "1", details),
        CardUpdate("OP", "1", "2", Address(), card=details),
    ):
        with pytest.raises(error) as caught:
            Strict("shop").check_request(request)
        assert caught.value.errors == {
            name: [f"The gateway shop requires the card's {name}."] for name in fields
        }


class WantsAddress(Small):
    """Wants a street and a postal code."""

    required_card_fields = ("address", "zip")


def test_a_field_of_the_address_may_be_required() -> None:
    with pytest.raises(InvalidInput) as caught:
        WantsAddress("shop").check_request(charge_with(card_details({"number": NUMBER})))
    assert set(caught.value.errors) == {"address", "zip"}
    whole = card_details({"number": NUMBER, "address": "1 Mill St", "zip": "12180"})
    WantsAddress("shop").check_request(charge_with(whole))


def test_texts_too_long_are_all_named_with_their_limit() -> None:
    card = card_details({"number": NUMBER, "city": "London", "cvv": "900"})
    request = charge_with(card, email="x" * 21, order_reference="abcd")
    with pytest.raises(InvalidExpiryInput) as caught:
        Strict("shop").check_request(request)
    assert caught.value.errors == {
        "year": ["The gateway shop requires the card's year."],
        "email": ["At most 20 characters here, for shop."],
        "city": ["At most 5 characters here, for shop."],
        "order_reference": ["At most 3 characters here, for shop."],
    }
    assert not isinstance(caught.value, InvalidCardInput)


def test_the_address_of_an_update_and_of_a_token_count_too() -> None:
    long = Address(city="London")
    for request in (
        CardUpdate("OP", "1", "2", long),
        CardRequest("OP", "1", PaymentToken(Secret("t"), address=long)),
    ):
        with pytest.raises(InvalidInput) as caught:
            Strict("shop").check_request(request)
        assert caught.value.errors == {"city": ["At most 5 characters here, for shop."]}
        assert not isinstance(caught.value, InvalidCardError)


def test_check_lengths() -> None:
    gateway = Strict("shop")
    gateway.check_lengths({"email": "x" * 20, "city": "12345", "other": "x" * 999})
    with pytest.raises(InvalidInput) as caught:
        gateway.check_lengths({"email": "x" * 21, "city": "123456"})
    assert caught.value.errors == {
        "email": ["At most 20 characters here, for shop."],
        "city": ["At most 5 characters here, for shop."],
    }
    assert caught.value.gateway_name == "shop"


def test_another_currency_than_the_accounts_is_refused() -> None:
    gateway = Small("shop")
    euros = ChargeRequest("OP", Decimal(5), "EUR", StoredCard("1", "2"))
    for request in (euros, FollowUpRequest("OP", "1", Decimal(5), "EUR")):
        with pytest.raises(InvalidInput) as caught:
            gateway.check_request(request)
        assert caught.value.errors == {"currency": ["shop takes USD only."]}
    Small("shop", {"currency": "EUR"}).check_request(euros)

    class Many(Small):
        single_currency = False

    Many("shop").check_request(euros)


def test_a_browser_gets_no_keys_unless_a_backend_says_which() -> None:
    assert Small("shop", {"api_key": "k"}).browser_keys() == {}
