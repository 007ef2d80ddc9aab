"""The comparison of the vaults after a fault run sees what it is there for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from django_dinero.exceptions import DineroError
from django_dinero.models import CreditCard, Customer
from tests.faults import vault
from tests.support.cards import SECOND
from tests.support.recording import RecordingGateway
from tests.unit.services.conftest import card, make_customer

__all__ = ["card", "make_customer"]

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]


def words(gateway: RecordingGateway) -> list[str]:
    """The first word and the kind of each difference."""
    lines = [line.split() for line in vault.differences(gateway.bank)]
    return sorted(f"{line[0]} {'customer' if 'customer' in line[:5] else 'card'}" for line in lines)


def test_equal_vaults_have_no_difference(gateway: RecordingGateway, make_customer: Make) -> None:
    make_customer().add_card(number="4007000000027", is_default=True)
    make_customer(email="other@example.com").delete()
    assert list(vault.differences(gateway.bank)) == []


def test_rows_that_are_gone_are_lost(gateway: RecordingGateway, make_customer: Make) -> None:
    make_customer()
    CreditCard.objects.all()._raw_delete("default")
    assert words(gateway) == ["lost: card"]
    Customer.objects.all()._raw_delete("default")
    assert words(gateway) == ["lost: card", "lost: customer"]


def test_rows_that_the_bank_lacks_are_invented(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.bank.delete_card(customer.customer_id or "", customer.card_id or "")
    assert words(gateway) == ["invented: card"]
    gateway.bank.delete_customer(customer.customer_id or "")
    assert words(gateway) == ["invented: card", "invented: customer"]


def test_two_defaults_of_one_customer_are_told(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    make_customer(email="other@example.com")
    customer = make_customer()
    customer.add_card(number="4007000000027")
    with gateway.bank.store.writing():
        gateway.bank.store.execute("UPDATE cards SET is_default = 1")
    told = [line for line in vault.differences(gateway.bank) if "are the default" in line]
    assert told == [
        f"differs: 2 cards of customer {customer.customer_id} are the default at the bank"
    ]


@pytest.mark.parametrize(
    "values", [{"last_4": "0000"}, {"month": 1}, {"zip": "1"}, {"default_of": None}]
)
def test_values_that_differ_are_told(
    gateway: RecordingGateway, make_customer: Make, values: dict[str, object]
) -> None:
    make_customer()
    CreditCard.objects.update_without_push(**values)
    assert words(gateway) == ["differs: card"]
    Customer.objects.update_without_push(email="other@example.com", sync_state="error")
    assert words(gateway) == ["differs: card", "differs: customer", "waits: customer"]


def test_a_card_that_the_bank_refuses_as_a_double_waits_for_a_person(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    customer.add_card(**SECOND, zip="80202")
    twin = customer.add_card(**SECOND, zip="80203")
    twin.zip = "80202"
    with contextlib.suppress(DineroError):
        twin.save()
    assert CreditCard.objects.get(pk=twin.pk).sync_state == "error"
    assert list(vault.differences(gateway.bank)) == []
    # One that waits for anything else is a difference.
    CreditCard.objects.filter(pk=twin.pk).update_without_push(zip="80204", sync_state="error")
    assert words(gateway) == ["differs: card", "waits: card"]
