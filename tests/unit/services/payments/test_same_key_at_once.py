"""Two workers ask for the same under one key: both get the one row."""

from __future__ import annotations

from typing import Any

import pytest

from django_dinero.models import Transaction
from tests.support.racing import before_statement
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

KEY = "order-1001-1"


@pytest.mark.parametrize("verb", ["capture", "void", "refund"])
def test_a_rival_with_the_same_key_is_answered_and_not_refused(
    gateway: RecordingGateway, make_customer: Any, verb: str
) -> None:
    """It is done between our look at the key and our look at the transaction."""
    customer = make_customer()
    made = Transaction.create("50.00", customer=customer, settle=verb != "capture")
    done: list[Transaction] = []

    def rival() -> None:
        done.append(getattr(Transaction.objects.get(pk=made.pk), verb)(idempotency_key=KEY))

    with before_statement("SELECT", rival, about="dinero_transaction"):
        row = getattr(made, verb)(idempotency_key=KEY)
    assert [row] == done
    assert gateway.verbs.count("void" if verb == "refund" else verb) == 1


@pytest.mark.django_db(transaction=True)
def test_a_rival_that_charges_between_our_look_and_our_insert_is_answered(
    gateway: RecordingGateway, make_customer: Any
) -> None:
    customer = make_customer()
    done: list[Transaction] = []

    def rival() -> None:
        done.append(customer.charge("50.00", idempotency_key=KEY))

    with before_statement("INSERT", rival, about="dinero_operation"):
        row = customer.charge("50.00", idempotency_key=KEY)
    assert [row] == done
    assert (row.is_replay, gateway.verbs.count("charge")) == (True, 1)
