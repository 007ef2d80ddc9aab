"""Pulling holds one batch at a time, however large the account is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from django_dinero.exceptions import GatewayError
from django_dinero.gateways.types import RemoteCard, RemoteCustomer
from django_dinero.models import CreditCard, Customer
from django_dinero.services.pull import customers
from tests.support.accounts import DEFAULT

pytestmark = pytest.mark.django_db


def test_a_batch_is_written_before_the_next_one_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customers, "BATCH", 3)
    ahead: list[int] = []

    def account() -> Iterator[RemoteCustomer]:
        for number in range(10):
            ahead.append(number - Customer.objects.count())
            yield RemoteCustomer(customer_id=f"c{number}", email=f"c{number}@example.com")

    assert customers.write_customers(DEFAULT, account()) == 10
    assert ahead == [0, 1, 2] * 3 + [0]


def test_what_was_read_before_a_list_breaks_off_is_stored() -> None:
    def account() -> Iterator[RemoteCustomer]:
        for number in range(5):
            yield RemoteCustomer(customer_id=f"c{number}", email=f"c{number}@example.com")
        raise GatewayError("the sixth cannot be read")

    with pytest.raises(GatewayError, match="the sixth"):
        customers.write_customers(DEFAULT, account())
    assert Customer.objects.count() == 5


def test_what_is_told_of_twice_is_written_once() -> None:
    """A gateway's list may move while it is read. The last word counts."""
    card = RemoteCard("c1", "7", "1111")
    first = RemoteCustomer(customer_id="c1", email="old@example.com")
    last = RemoteCustomer(customer_id="c1", email="new@example.com", cards=(card, card))
    assert customers.write_customers(DEFAULT, [first, last]) == 1
    assert Customer.objects.get().email == "new@example.com"
    assert CreditCard.objects.get().card_id == "7"
