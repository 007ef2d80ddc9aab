"""Customers in the vault."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Reason, Validation
from django_dinero.sandbox.bank.records import Account, BankRefusal, MaskedCard, NewCard
from tests.support.testbank import AMEX, BAD_LUHN, MASTERCARD, VISA, new_card, plain, stored


def refusal(call: Callable[[], object]) -> BankRefusal:
    """What a call is refused with."""
    with pytest.raises(BankRefusal) as refused:
        call()
    return refused.value


def test_a_customer_is_kept(bank: Bank) -> None:
    customer = bank.create_customer("key-1", "bill@example.com", "A friend", "Bill", "Smith")
    assert (customer.key, customer.email, customer.description) == (
        *("key-1", "bill@example.com", "A friend"),
    )
    assert (customer.first_name, customer.last_name, customer.cards) == ("Bill", "Smith", ())
    assert (len(customer.id), customer.id.isdigit()) == (9, True)
    assert bank.customer(customer.id) == customer
    assert bank.customers(key="key-1") == (customer,)


def test_a_customer_with_cards(bank: Bank) -> None:
    cards = [new_card(VISA, zip="12345"), new_card(MASTERCARD), new_card(AMEX)]
    customer = bank.create_customer("k", cards=cards)
    assert [card.last_4 for card in customer.cards] == ["1111", "0015", "0002"]
    assert [card.brand for card in customer.cards] == ["visa", "mastercard", "amex"]
    assert [card.is_default for card in customer.cards] == [True, False, False]
    assert {card.customer_id for card in customer.cards} == {customer.id}
    assert {len(card.id) for card in customer.cards} == {9}
    assert customer.cards[0].billing == {"zip": "12345"}
    assert bank.customer(customer.id) == customer


def test_a_later_card_may_be_the_default(bank: Bank) -> None:
    cards = [new_card(VISA), NewCard(plain(AMEX), is_default=True)]
    assert [card.is_default for card in bank.create_customer(cards=cards).cards] == [False, True]


def test_ids_are_never_reused(bank: Bank) -> None:
    first = stored(bank)
    bank.delete_customer(first.customer_id)
    second = stored(bank)
    assert int(second.customer_id) == int(first.customer_id) + 1
    assert int(second.card_id) == int(first.card_id) + 1


def test_only_all_three_equal_make_a_duplicate(bank: Bank) -> None:
    customer = bank.create_customer("k", "e", "d", "Bill")
    refused = refusal(lambda: bank.create_customer("k", "e", "d", "Fred"))
    assert (refused.reason, refused.existing_id) == (Reason.DUPLICATE_CUSTOMER, customer.id)
    others = [
        bank.create_customer("k2", "e", "d"),
        bank.create_customer("k", "e2", "d"),
        bank.create_customer("k", "e", "d2"),
        bank.create_customer(),
        bank.create_customer(),
    ]
    assert len({customer.id, *(other.id for other in others)}) == 6
    bank.delete_customer(customer.id)
    assert bank.create_customer("k", "e", "d").id != customer.id


def test_an_unknown_customer(bank: Bank) -> None:
    calls: list[Callable[[], object]] = [
        lambda: bank.customer("1"),
        lambda: bank.customer(""),
        lambda: bank.update_customer("1"),
        lambda: bank.delete_customer("1"),
        lambda: bank.add_card("1", new_card()),
        lambda: bank.card("1", "1"),
        lambda: bank.update_card("1", "1", plain()),
        lambda: bank.delete_card("1", "1"),
        lambda: bank.validate_card("1", "1"),
    ]
    bank.create_customer(email="no key")
    assert {refusal(call).reason for call in calls} == {Reason.CUSTOMER_NOT_FOUND}


def test_an_update_replaces_everything_but_the_cards(bank: Bank) -> None:
    customer = bank.create_customer("k", "e", "d", "Bill", "Smith", [new_card()])
    changed = bank.update_customer(customer.id, key="k2", first_name="Fred")
    assert (changed.key, changed.email, changed.description) == ("k2", "", "")
    assert (changed.first_name, changed.last_name) == ("Fred", "")
    assert changed.cards == customer.cards
    assert bank.customer(customer.id) == changed


def test_an_update_makes_no_duplicate(bank: Bank) -> None:
    first, second = bank.create_customer("k", "e"), bank.create_customer("k2", "e")
    refused = refusal(lambda: bank.update_customer(second.id, key="k", email="e"))
    assert (refused.reason, refused.existing_id) == (Reason.DUPLICATE_CUSTOMER, first.id)
    assert bank.customer(second.id) == second
    assert bank.update_customer(first.id, key="k", email="e", first_name="B").first_name == "B"


def test_a_customer_takes_the_cards_along(bank: Bank) -> None:
    card, other = stored(bank), stored(bank)
    bank.delete_customer(card.customer_id)
    assert refusal(lambda: bank.customer(card.customer_id)).reason is Reason.CUSTOMER_NOT_FOUND
    assert bank.customer_ids() == (other.customer_id,)
    assert len(bank.customer(other.customer_id).cards) == 1
    assert bank.store.value("SELECT count(*) FROM cards") == 1


def test_listing(bank: Bank) -> None:
    made = [bank.create_customer(f"k{n}", "e" if n % 2 else "f") for n in range(4)]
    assert bank.customers() == tuple(made)
    assert bank.customers(key="k2") == (made[2],)
    assert bank.customers(email="e") == (made[1], made[3])
    assert bank.customers(key="k2", email="e") == ()
    assert bank.customers(limit=2) == tuple(made[:2])
    assert bank.customers(after=made[1].id, limit=1) == (made[2],)
    assert bank.customer_ids() == tuple(customer.id for customer in made)


def test_the_oldest_of_two_with_one_key_comes_first(bank: Bank) -> None:
    first = bank.create_customer("k", "e")
    second = bank.create_customer("k", "f")
    assert bank.customers(key="k") == (first, second)
    assert bank.customers(key="k", limit=1) == (first,)
    assert bank.customers(key="no") == ()


def test_a_bad_card_keeps_the_customer_out(bank: Bank) -> None:
    cards = [new_card(), new_card(BAD_LUHN)]
    refused = refusal(lambda: bank.create_customer("k", cards=cards, validation=Validation.TEST))
    assert refused.reason is Reason.INVALID_NUMBER
    assert bank.customers() == ()


def test_all_cards_or_no_customer(bank: Bank) -> None:
    twice = refusal(lambda: bank.create_customer("k", cards=[new_card(), new_card()]))
    assert twice.reason is Reason.DUPLICATE_CARD
    small = Bank(account=Account(max_cards=1))
    many = refusal(lambda: small.create_customer("k", cards=[new_card(), new_card(AMEX)]))
    assert many.reason is Reason.CARD_LIMIT
    for each in (bank, small):
        assert each.customers() == ()
        assert each.store.value("SELECT count(*) FROM cards") == 0


def test_checks_come_before_the_duplicate_customer(bank: Bank) -> None:
    bank.create_customer("k")
    again = [new_card(BAD_LUHN)]
    refused = refusal(lambda: bank.create_customer("k", cards=again, validation=Validation.TEST))
    assert refused.reason is Reason.INVALID_NUMBER


def test_a_mask_is_no_new_card(bank: Bank) -> None:
    refused = refusal(lambda: bank.create_customer("k", cards=[NewCard(MaskedCard("1111"))]))
    assert refused.reason is Reason.INVALID_NUMBER


def test_each_card_tells_what_its_check_said(bank: Bank) -> None:
    cards = [new_card(zip="46201"), new_card(AMEX, cvv="900")]
    customer = bank.create_customer("k", cards=cards, validation=Validation.LIVE)
    verdicts = [card.validation for card in customer.cards]
    assert [verdict and (verdict.avs, verdict.cvv) for verdict in verdicts] == [
        *(("A", "P"), ("Y", "M")),
    ]
    assert [card.validation for card in bank.customer(customer.id).cards] == [None, None]
