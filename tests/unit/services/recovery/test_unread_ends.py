"""Charges that were over before their outcome was read here: nobody takes them for paid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from django_dinero import signals
from django_dinero.enums import RemoteStatus
from django_dinero.exceptions import CardDeclinedError, OutcomeUnknown
from django_dinero.gateways.types import LookupResult
from django_dinero.models import Customer, Transaction
from tests.support.recording import RecordingGateway, answer, lose_reply

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]
KEY = "order-1001-1"


@pytest.mark.parametrize(
    ("status", "row", "text"),
    [
        (RemoteStatus.VOIDED, "voided", "voided before"),
        (RemoteStatus.EXPIRED, "expired", "expired before"),
    ],
)
def test_a_lost_charge_that_was_cancelled_is_told_as_declined(
    gateway: RecordingGateway, make_customer: Make, status: RemoteStatus, row: str, text: str
) -> None:
    heard: list[str] = []

    def charged(**given: Any) -> None:
        heard.append("charged")

    def failed(error: Any, **given: Any) -> None:
        heard.append(error.code)

    customer = make_customer()
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        customer.charge("5.00", idempotency_key=KEY)
    (entry,) = gateway.bank.transactions()
    found: Any = gateway.retrieve_transaction(entry.id)
    gateway.faults["find_operation"] = answer(LookupResult((replace(found, status=status),)))
    signals.charged.connect(charged)
    signals.charge_failed.connect(failed)
    try:
        with pytest.raises(CardDeclinedError, match=text):
            customer.charge("5.00", idempotency_key=KEY)
    finally:
        signals.charged.disconnect(charged)
        signals.charge_failed.disconnect(failed)
    assert heard == ["card_declined"]
    assert Transaction.objects.get().status == row


def test_the_customer_is_charged_as_the_row_says_now(
    gateway: RecordingGateway, make_customer: Make, django_user_model: Any
) -> None:
    stale = make_customer()
    owner = django_user_model.objects.create(username="ada")
    Customer.objects.update_without_push(email="new@example.com", owner=owner)
    row = stale.charge("5.00")
    request: Any = next(args[0] for verb, args in gateway.calls if verb == "charge")
    assert request.email == "new@example.com"
    assert row.owner == owner
