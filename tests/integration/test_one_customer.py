"""A user's first cards, stored at the same moment: one customer, here and at the gateway."""

from __future__ import annotations

import logging
import random
from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from django_dinero.admin.operation_facts import answered
from django_dinero.admin.stories import story_of
from django_dinero.exceptions import InvalidInput, OutcomeUnknown
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.wallet.wallet import Wallet
from tests.databases import VENDOR
from tests.integration.api.calling import Caller, json_of
from tests.support.racing import at_once, before_statement, turns
from tests.support.recording import RecordingGateway, lose_reply
from tests.unit.services.conftest import CARD

ALIASES = ["default"] if VENDOR == "sqlite" else ["default", "journal"]
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, databases=ALIASES)]

ROUNDS = 6
NUMBERS = ("4111111111111111", "5424000000000015", "4012888818888")


def user(name: str = "bill") -> Any:
    return get_user_model().objects.create_user(name, f"{name}@example.com")


def by_wallet(bank: RecordingGateway, owner: Any, number: str) -> str:
    """The page of saved cards, which nobody has loaded before."""
    token = bank.bank.mint_token(number, month=12, year=2060, cvv="900")
    form = {"first_name": "Bill", "zip": "12345"}
    return str(Wallet(owner).add_card(token, key=token[:20], **form).customer_pk)


def by_api(owner: Any, card: dict[str, Any]) -> str:
    """A request of the shopper's."""
    reply = Caller(owner).post("customers/", {"email": owner.email, **card})
    return str(Customer.objects.get(public_id=json_of(reply, 201)["id"]).pk)


def test_first_cards_at_the_same_moment_make_one_customer(gateway: RecordingGateway) -> None:
    seed = random.randrange(2**32)
    logging.getLogger(__name__).warning("seed %d", seed)
    order = random.Random(seed)
    Caller().get("")  # the schema that answers are compared with is made in one thread
    for number in range(ROUNDS):
        owner = user(f"bill{number}")
        calls = [
            partial(by_wallet, gateway, owner, NUMBERS[0]),
            partial(by_wallet, gateway, owner, NUMBERS[1]),
            partial(by_api, owner, {**CARD, "number": NUMBERS[2]}),
            partial(by_api, owner, {}),
        ]
        order.shuffle(calls)
        found = at_once(*calls)
        assert len(set(found)) == 1, f"seed {seed}: {found}"
        customer = Customer.objects.get(owner=owner)
        assert customer.cards.count() == len(NUMBERS)
        assert CreditCard.objects.filter(customer=customer, default_of=customer.pk).count() == 1
    assert len(gateway.bank.customers()) == ROUNDS
    assert not Operation.objects.exclude(held_lock=None).exists()


def test_a_card_waits_for_the_customer_that_is_being_made(gateway: RecordingGateway) -> None:
    """Its row is there by then, and has no id at the gateway yet."""
    owner, found = user(), list[str]()
    with turns() as turn:
        gateway.faults["create_customer"] = turn.hold
        turn.stops_in_the_call(lambda: found.append(by_api(owner, {})))
        assert Customer.objects.get().customer_id is None
        turn.waits(lambda: found.append(by_wallet(gateway, owner, NUMBERS[0])))
    assert found == [str(Customer.objects.get().pk)] * 2
    assert CreditCard.objects.get().is_default


def test_who_makes_it_between_our_look_and_our_lock_is_joined(gateway: RecordingGateway) -> None:
    owner, made = user(), list[str]()

    def rival() -> None:
        made.append(by_api(owner, {**CARD, "number": NUMBERS[1]}))

    with before_statement("INSERT", rival, about="dinero_operation"):
        assert by_api(owner, CARD) == made[0]
    assert Customer.objects.get().cards.count() == 2
    assert gateway.verbs.count("create_customer") == 1


def test_what_held_the_owners_lock_looks_like_no_failed_creation(gateway: RecordingGateway) -> None:
    Customer.create("bill@example.com", owner=user(), one_per_owner=True)
    assert not Operation.objects.exclude(state="succeeded").exists()
    lock = Operation.objects.get(customer_id="")
    assert (lock.sent_at, lock.held_lock) == (None, None)
    assert "only kept others from" in str(story_of(lock).happened)
    assert [label for label, _text in answered(lock)] == ["Explanation"]


def test_a_lost_answer_is_found_before_another_one_is_made(gateway: RecordingGateway) -> None:
    owner = user()
    gateway.faults["create_customer"] = lose_reply
    asked: dict[str, Any] = {"owner": owner, "one_per_owner": True}
    with pytest.raises(OutcomeUnknown):
        Customer.create("bill@example.com", **asked, **CARD)
    assert not Customer.objects.exists()
    joined = Customer.create("Bill@example.com", **asked, **{**CARD, "number": NUMBERS[1]})
    assert Customer.objects.get() == joined
    assert {card.last_4 for card in joined.cards} == {"1111", "0015"}
    assert len(gateway.bank.customers()) == 1


def test_one_whose_address_the_open_transaction_has_changed_is_another(
    gateway: RecordingGateway,
) -> None:
    """The journal's connection shows the former address until the commit."""
    asked: dict[str, Any] = {"owner": user(), "one_per_owner": True}
    first = Customer.create("bill@example.com", **asked)
    with transaction.atomic():
        first.email = "bill@company.example"
        first.save()
        assert Customer.create("bill@example.com", **asked) != first
        assert Customer.create("bill@company.example", **asked) == first
    assert Customer.objects.count() == 2


def test_what_is_another_customer(gateway: RecordingGateway) -> None:
    owner = user()
    first = Customer.create("bill@example.com", owner=owner, one_per_owner=True)
    for email, given in (
        ("bill@company.example", {"owner": owner, "one_per_owner": True}),
        ("bill@example.com", {"owner": user("eve"), "one_per_owner": True}),
        ("bill@example.com", {"owner": owner}),
    ):
        assert Customer.create(email, **given).pk != first.pk
    again = Customer.create("bill@example.com", owner=owner, one_per_owner=True)
    assert again == first
    with pytest.raises(InvalidInput) as caught:
        Customer.create("bill@example.com", one_per_owner=True)
    assert set(caught.value.errors) == {"owner"}


def test_of_two_customers_with_one_address_the_one_with_cards_gets_the_card(
    gateway: RecordingGateway,
) -> None:
    owner = user()
    Customer.create(owner.email, owner=owner)
    used = Customer.create("bill@shop.example", owner=owner)
    used.add_card(**CARD)
    Customer.objects.filter(pk=used.pk).update(email=owner.email)
    found = Customer.create(owner.email, owner=owner, one_per_owner=True)
    assert found == used
