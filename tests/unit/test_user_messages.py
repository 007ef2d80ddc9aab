"""The texts for people: every code has one, and a decline tells a card tester nothing.

A mistake of the code that calls is told to no cardholder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.utils.translation import override

from django_dinero import exceptions, user_messages
from django_dinero.exceptions import DineroError, InvalidInput
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.sandbox import mapping
from django_dinero.models import Customer, Transaction

CLASSES: list[type[DineroError]] = [getattr(exceptions, name) for name in exceptions.__all__]
STAFF = {
    "charge": user_messages.STAFF_CHARGE,
    "card": user_messages.STAFF_CARD,
    "follow_up": user_messages.STAFF_FOLLOW_UP,
    "customer": user_messages.STAFF_CUSTOMER,
    "vault": user_messages.STAFF_VAULT,
}

#: Nothing was done, and it may be tried again: a page needs no text of its own for them.
PLAIN_REFUSALS = {
    *("not_permitted", "gateway_unavailable"),
    *("dinero_error", "gateway_error", "invalid_input", "unsupported_feature"),
    *("inside_transaction", "idempotency_key_reused"),
    *("duplicate_transaction", "order_paid"),
    *("card_declined", "avs_mismatch", "cvv_mismatch", "avs_and_cvv_mismatch", "card_limit"),
    *("invalid_card", "invalid_cvv", "invalid_expiry", "invalid_amount"),
    *("refund_refused", "invalid_transaction", "customer_not_found", "card_not_found"),
    *("duplicate_customer", "duplicate_card"),
    # Where money moves it has a text of its own; a card whose check is held was not stored.
    "held_for_review",
}


def error_of(kind: type[DineroError]) -> DineroError:
    return kind({}) if issubclass(kind, exceptions.InvalidInput) else kind("Secret of the house.")


def test_every_code_has_a_text_for_cardholders_and_no_other_has_one() -> None:
    assert set(user_messages.CARDHOLDER) == {kind.code for kind in CLASSES}


@pytest.mark.parametrize("kind", CLASSES)
def test_a_cardholders_text_is_that_of_its_code(kind: type[DineroError]) -> None:
    assert error_of(kind).user_message == str(user_messages.CARDHOLDER[kind.code])


def test_all_declines_read_alike() -> None:
    declines = (
        exceptions.CardDeclinedError,
        exceptions.InvalidCardError,
        exceptions.ExpiryError,
    )
    texts = {error_of(kind).user_message for kind in CLASSES if issubclass(kind, declines)}
    assert texts == {"The card was declined."}


def test_a_text_is_translated_when_it_is_read() -> None:
    error = error_of(exceptions.CardDeclinedError)
    with override("de"):
        assert error.user_message == "Die Karte wurde abgelehnt."
    assert error.user_message == "The card was declined."


@pytest.mark.parametrize("table", STAFF.values(), ids=STAFF)
def test_staffs_texts_are_keyed_by_codes(table: Mapping[str, user_messages.StaffText]) -> None:
    assert set(table) <= {kind.code for kind in CLASSES}
    for kind in CLASSES:
        found = user_messages.closest(table, kind.codes())
        assert str(found.title)
        assert str(found.text) % {"key": "ABC"}


@pytest.mark.parametrize("table", STAFF.values(), ids=STAFF)
def test_a_new_code_is_decided_on_for_every_page(table: Mapping[str, Any]) -> None:
    """The fallback says that nothing was done and offers it again: not for any error to come."""
    fallen = {kind.code for kind in CLASSES if not set(kind.codes()[:-1]) & set(table)}
    assert fallen <= PLAIN_REFUSALS


@pytest.mark.parametrize("table", STAFF.values(), ids=STAFF)
@pytest.mark.parametrize(
    "kind",
    [
        exceptions.OutcomeUnknown,
        exceptions.NeedsAttention,
        exceptions.OperationInProgress,
    ],
)
def test_no_page_offers_again_what_may_have_worked(
    table: Mapping[str, user_messages.StaffText], kind: type[DineroError]
) -> None:
    assert user_messages.closest(table, kind.codes()).again is False


def test_the_test_bank_has_a_text_for_every_reason_of_a_refusal() -> None:
    assert set(user_messages.BANK) == {reason.value for reason in mapping.KINDS}


# -- What a call has done wrong --------------------------------------------------------------------

NUMBER = "4111111111111111"


def charge(price: Any = "5.00", **options: Any) -> object:
    return Transaction.create(price, **options)


CALLS: dict[str, Callable[[], object]] = {
    "a float": lambda: charge(7.5, number=NUMBER),
    "no price": lambda: charge(None, number=NUMBER),
    "no card": lambda: charge(),
    "another currency": lambda: charge(number=NUMBER, currency="EUR"),
    "no currency": lambda: charge(number=NUMBER, currency="dollars"),
    "no order": lambda: charge(number=NUMBER, pays_order=True),
    "a long order": lambda: charge(number=NUMBER, order_reference="x" * 500),
    "no bool": lambda: charge(number=NUMBER, pays_order="yes", order_reference="A-1"),
    "two cards": lambda: charge(number=NUMBER, token="abc"),
    "a stored card too": lambda: charge(number=NUMBER, customer=Customer(email="a@example.com")),
    "an address of its own": lambda: charge(zip="12345", customer=Customer(email="a@example.com")),
    "a number as token": lambda: charge(token=NUMBER),
    "no token": lambda: charge(token=object()),
    "no field for the date": lambda: charge(number=NUMBER, gateway_name="strict"),
    "an address without a card": lambda: Customer.create("a@example.com", zip="12345"),
    "a name that is none": lambda: Customer(email="a@example.com", first_name=5).save(),
    "an idempotency key": lambda: charge(number=NUMBER, idempotency_key="a b"),
}


@pytest.fixture
def strict(settings: Any) -> None:
    """Beside the default one a gateway that wants a date, as Authorize.Net does."""
    backend = "django_dinero.gateways.authorizenet.AuthorizeNetGateway"
    keys = {"login_id": "login", "transaction_key": "key", "environment": "sandbox"}
    gateways = {**settings.DINERO["GATEWAYS"], "strict": {"BACKEND": backend, "OPTIONS": keys}}
    settings.DINERO = {**settings.DINERO, "GATEWAYS": gateways}


@pytest.mark.django_db
@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("call", CALLS)
def test_what_only_code_can_do_wrong_is_told_to_nobody_else(call: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        CALLS[call]()
    assert caught.value.user_message == "This could not be done."
    assert caught.value.errors
    assert str(caught.value) not in ("", "This could not be done.")


@pytest.mark.django_db
@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"price": "12,5"}, "Write an amount above zero in plain digits, as 12.50."),
        ({"number": "4111111111111112"}, "This card number has a typing error"),
        ({"month": 12}, "The expiry year is missing."),
        ({"month": 1, "year": 2001}, "The card has expired."),
        ({"cvv": "12"}, "A card verification value has 3 or 4 digits."),
        ({"email": "ann"}, "Enter a valid email address."),
        ({"month": 12, "year": 2040, "address": "x" * 100}, "At most 60 characters here"),
        ({"cvv": "12", "currency": "EUR"}, "A card verification value has 3 or 4 digits."),
    ],
)
def test_what_a_cardholder_enters_is_told_to_the_cardholder(
    options: dict[str, Any], text: str
) -> None:
    assert get_gateway("strict").required_card_fields
    with pytest.raises(InvalidInput) as caught:
        charge(**{"number": NUMBER, "gateway_name": "strict", **options})
    assert caught.value.user_message.startswith(text)
