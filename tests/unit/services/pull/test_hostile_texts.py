"""What a gateway says is stored, whatever characters are in it: no answer may be lost for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from django_dinero.cards import ADDRESS_FIELDS, Address
from django_dinero.enums import ReasonKind
from django_dinero.exceptions import CardDeclinedError, GatewayError, OutcomeUnknown
from django_dinero.gateways.types import Reason, Refusal, RemoteCard, RemoteCustomer
from django_dinero.models import CreditCard, Customer, Operation
from tests.support.cards import PAST
from tests.support.recording import RecordingGateway, answer, lose_reply

pytestmark = pytest.mark.django_db

#: NUL and half a character: PostgreSQL takes neither, and MariaDB not the second.
HOSTILE = "a\x00b\ud800c"
REFUSED = Refusal((Reason(ReasonKind.CARD_DECLINED, HOSTILE, HOSTILE),))


def test_a_customer_of_other_software(gateway: RecordingGateway) -> None:
    texts = dict.fromkeys(ADDRESS_FIELDS, HOSTILE)
    card = RemoteCard("c1", "k1", "1111", "visa", 12, 2060, Address(**texts), is_default=True)
    remote = RemoteCustomer("c1", HOSTILE, f"{HOSTILE}@example.com", HOSTILE, HOSTILE, (card,))
    gateway.faults["retrieve_customer"] = answer(remote)
    Customer.retrieve("c1")
    customer, stored = Customer.objects.get(), CreditCard.objects.get()
    assert (customer.email, customer.first_name) == ("abc@example.com", "abc")
    assert {getattr(stored, name) for name in ADDRESS_FIELDS} == {"abc"}


def test_longer_texts_than_ours(gateway: RecordingGateway) -> None:
    """Each is cut, and the customer counts as synced: nothing of it is pushed back."""
    text = "x" * 5000
    address = Address(**dict.fromkeys(ADDRESS_FIELDS, text))
    card = RemoteCard("c1", "k1", "1111", "visa", 12, 2060, address, is_default=True)
    remote = RemoteCustomer("c1", text, f"{text}@example.com", text, text, (card,))
    for _time in range(2):
        gateway.faults["retrieve_customer"] = answer(remote)
        Customer.retrieve("c1")
    customer, stored = Customer.objects.get(), CreditCard.objects.get()
    assert (len(customer.first_name), len(customer.email), len(stored.city)) == (150, 255, 150)
    assert (customer.sync_state, stored.sync_state) == ("synced", "synced")
    assert customer.customer_key != text


# -- What a gateway calls a card -------------------------------------------------------------------

LONG_BRAND = "Visa Business Debit, Prepaid and \x00Commercial"
FITTING = ("9999", "Visa Business Debit, Prepaid and")


def called_oddly(answered: Any) -> Any:
    """The same answer with a number and a brand that are longer than their columns."""
    if isinstance(answered, RemoteCard):
        return replace(answered, last_4="XXXX-9999", brand=LONG_BRAND)
    if isinstance(answered, RemoteCustomer):
        return replace(answered, cards=tuple(map(called_oddly, answered.cards)))
    return replace(answered, matches=tuple(map(called_oddly, answered.matches)))


def stored(card_id: str) -> tuple[str, str]:
    return CreditCard.objects.values_list("last_4", "brand").get(card_id=card_id)


def test_a_pull_of_a_card_that_is_called_oddly(
    gateway: RecordingGateway, make_customer: Any
) -> None:
    row = make_customer().cards[0]
    gateway.faults["retrieve_customer"] = lambda call: called_oddly(call())
    Customer.retrieve(row.customer_id)
    assert stored(row.card_id) == FITTING


def test_pushes_of_a_card_that_is_called_oddly(
    gateway: RecordingGateway, make_customer: Any
) -> None:
    for verb in ("create_customer", "add_card", "update_card"):
        gateway.faults[verb] = lambda call: called_oddly(call())
    customer = make_customer()
    added = customer.add_card(number="5424000000000015", month=12, year=2040)
    assert (added.last_4, added.brand) == stored(added.card_id) == FITTING
    CreditCard.objects.filter(pk=added.pk).update_without_push(last_4="0015", brand="mastercard")
    added.city = "Rome"
    added.save()
    assert {stored(card.card_id) for card in customer.cards} == {FITTING}


def test_a_card_that_is_called_oddly_is_found(
    gateway: RecordingGateway, make_customer: Any
) -> None:
    customer = make_customer()
    gateway.faults["add_card"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        customer.add_card(number="5424000000000015", month=12, year=2040)
    Operation.objects.update(lease_until=PAST, quarantine_until=PAST)
    gateway.faults["find_operation"] = lambda call: called_oddly(call())
    found = Operation.objects.get(kind="add_card").look_up()
    assert (found.state, stored(found.card_id)) == ("succeeded", FITTING)


def test_a_backend_that_tells_nothing_of_a_card() -> None:
    shown = RemoteCard("c1", "k1", None, None)  # type: ignore[arg-type]
    assert (shown.last_4, shown.brand) == ("", "")


# -- Errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["create_customer", "add_card", "update_customer"])
def test_a_refusal(gateway: RecordingGateway, make_customer: Any, card: Any, verb: str) -> None:
    customer = make_customer()
    gateway.faults[verb] = answer(REFUSED)
    with pytest.raises(CardDeclinedError, match="abc"):
        if verb == "create_customer":
            Customer.create("ann@example.com", **card)
        elif verb == "add_card":
            customer.add_card(number="5424000000000015", month=12, year=2040)
        else:
            customer.email = "ann@example.com"
            customer.save()
    operation = Operation.objects.filter(kind=verb).latest("pk")
    assert operation.state == "declined"
    assert operation.outcome["error"] == "abc"
    assert operation.outcome["gateway_code"] == "abc"


def test_why_a_look_up_failed(gateway: RecordingGateway, make_customer: Any) -> None:
    operation = Operation.objects.get(key=make_customer().charge(5).operation_key)
    past = "2020-01-01T00:00:00Z"
    Operation.objects.filter(pk=operation.pk).update(state="unknown", lease_until=past, outcome={})

    def fails(call: Any) -> Any:
        raise GatewayError(HOSTILE)

    gateway.faults["find_operation"] = fails
    found = Operation.objects.get(pk=operation.pk).look_up()
    assert (found.state, found.outcome["lookup"]) == ("unknown", "abc")
