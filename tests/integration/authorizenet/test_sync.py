"""Both sides are compared and pulled over Authorize.Net's own dialect."""

from __future__ import annotations

import pytest

from django_dinero.exceptions import NotSent
from django_dinero.gateways import gateways
from django_dinero.gateways.registry import reset
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.sandbox.http.server import SandboxServer
from django_dinero.services.sync.drift import find_drift
from django_dinero.services.sync.pulling import PullOptions, pull_account
from django_dinero.services.sync.reading import Pace
from tests.support.aging import grow_old
from tests.support.cards import PAST, SECOND
from tests.unit.services.conftest import CARD

pytestmark = pytest.mark.django_db


def drifts() -> list[tuple[str, set[str]]]:
    return [(each.side, set(each.fields)) for each in find_drift(gateways["default"], Pace())]


def test_what_was_stored_from_here_does_not_differ(bank: SandboxServer) -> None:
    """The gateway keeps no names of a customer, and masks dates unless it is asked not to."""
    customer = Customer.create("a@example.com", first_name="Ann", **CARD)
    customer.add_card(**SECOND, first_name="Bo", company="Bo & Sons", country="US")
    Operation.objects.update(updated_at=PAST)
    assert drifts() == []
    CreditCard.objects.update_without_push(year=2040, zip="1")
    Customer.objects.update_without_push(email="b@example.com")
    assert drifts() == [("both", {"email"}), *[("both", {"year", "zip"})] * 2]


def test_an_account_is_pulled_and_what_is_gone_is_marked(bank: SandboxServer) -> None:
    rows = [Customer.create(f"c{number}@example.com", **CARD) for number in range(3)]
    gone, lost = rows[0], rows[1]
    lost_id = lost.customer_id
    CreditCard.objects.filter(customer=lost)._raw_delete("default")
    Customer.objects.filter(pk=lost.pk)._raw_delete("default")
    bank.bank.delete_customer(gone.customer_id or "")
    Operation.objects.update(updated_at=PAST)
    grow_old()
    reset()  # As in another process: this one would wait for ids that it made itself.
    assert pull_account(gateways["default"], PullOptions()) == {"customers": 2, "gone": 1}
    assert Customer.objects.get(customer_id=lost_id).cards[0].last_4 == "1111"
    gone.refresh_from_db()
    assert gone.sync_state == "missing"
    assert drifts() == []


def test_a_bank_that_is_gone_marks_nothing(bank: SandboxServer) -> None:
    Customer.create("a@example.com")
    grow_old()
    bank.stop()
    with pytest.raises(NotSent):
        pull_account(gateways["default"], PullOptions())
    assert Customer.objects.get().sync_state == "synced"
