"""Shipping addresses in the vault."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Reason
from django_dinero.sandbox.bank.records import BankRefusal
from tests.support.testbank import new_card

HOME = {"first_name": "Ada", "address": "1 Mill St", "zip": "12180"}
WORK = {"company": "Widgets", "address": "2 Mill St", "zip": "12181", "phone": "1"}


@pytest.fixture
def customer(bank: Bank) -> str:
    return bank.create_customer("k").id


def refusal(call: Callable[[], object]) -> BankRefusal:
    with pytest.raises(BankRefusal) as refused:
        call()
    return refused.value


def test_addresses_are_kept_and_the_first_is_the_default(bank: Bank, customer: str) -> None:
    home, work = bank.add_address(customer, HOME), bank.add_address(customer, WORK)
    assert (home.fields, home.is_default, work.is_default) == (HOME, True, False)
    assert bank.address(customer, work.id) == work
    assert bank.address(customer) == home
    assert bank.customer(customer).addresses == (home, work)


def test_another_default(bank: Bank, customer: str) -> None:
    bank.add_address(customer, HOME)
    work = bank.add_address(customer, WORK, is_default=True)
    assert bank.address(customer) == work
    third = bank.add_address(customer, {**WORK, "zip": "1"})
    assert bank.update_address(customer, third.id, {**WORK, "zip": "1"}, is_default=True).is_default
    assert [each.is_default for each in bank.customer(customer).addresses] == [False, False, True]


def test_an_update_replaces_all_fields(bank: Bank, customer: str) -> None:
    home = bank.add_address(customer, HOME)
    changed = bank.update_address(customer, home.id, {"zip": "2", "city": ""})
    assert (changed.fields, changed.is_default) == ({"zip": "2"}, True)


def test_the_same_address_twice(bank: Bank, customer: str) -> None:
    home, work = bank.add_address(customer, HOME), bank.add_address(customer, WORK)
    again = refusal(lambda: bank.add_address(customer, dict(reversed(HOME.items()))))
    assert (again.reason, again.existing_id) == (Reason.DUPLICATE_ADDRESS, home.id)
    moved = refusal(lambda: bank.update_address(customer, work.id, HOME))
    assert (moved.reason, moved.existing_id) == (Reason.DUPLICATE_ADDRESS, home.id)
    assert bank.update_address(customer, home.id, HOME) == home
    assert bank.add_address(bank.create_customer("other").id, HOME).fields == HOME


def test_what_is_deleted_is_gone(bank: Bank, customer: str) -> None:
    home, work = bank.add_address(customer, HOME), bank.add_address(customer, WORK)
    bank.delete_address(customer, home.id)
    assert bank.customer(customer).addresses == (work,)
    verbs: list[Callable[[], object]] = [
        lambda: bank.address(customer, home.id),
        lambda: bank.address(customer),
        lambda: bank.update_address(customer, home.id, HOME),
        lambda: bank.delete_address(customer, home.id),
    ]
    assert {refusal(verb).reason for verb in verbs} == {Reason.ADDRESS_NOT_FOUND}


def test_an_address_is_its_customers(bank: Bank, customer: str) -> None:
    home = bank.add_address(customer, HOME)
    other = bank.create_customer("other").id
    assert refusal(lambda: bank.address(other, home.id)).reason is Reason.ADDRESS_NOT_FOUND
    assert refusal(lambda: bank.address("1", home.id)).reason is Reason.CUSTOMER_NOT_FOUND
    assert refusal(lambda: bank.add_address("1", HOME)).reason is Reason.CUSTOMER_NOT_FOUND


def test_they_come_and_go_with_the_customer(bank: Bank) -> None:
    made = bank.create_customer("k", addresses=[HOME, WORK])
    assert [each.fields for each in made.addresses] == [HOME, WORK]
    bank.delete_customer(made.id)
    assert bank.store.rows("SELECT * FROM addresses") == []


def test_all_or_nothing_is_stored(bank: Bank) -> None:
    cards = [new_card()]
    refused = refusal(lambda: bank.create_customer("k", cards=cards, addresses=[HOME, HOME]))
    assert refused.reason is Reason.DUPLICATE_ADDRESS
    assert bank.customer_ids() == ()
    for table in ("addresses", "cards"):
        assert bank.store.rows(f"SELECT * FROM {table}") == []  # noqa: S608
