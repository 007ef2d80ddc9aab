"""Arguments that would be dropped in silence, and answers that are the same each time."""

from __future__ import annotations

from typing import Any

import pytest

from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import DuplicateTransactionError, InvalidCardInput, InvalidInput
from django_dinero.gateways.types import Reason, TransactionResult
from django_dinero.models import CreditCard, Transaction
from django_dinero.services.payments import charge
from tests.support.recording import RecordingGateway, answer

pytestmark = pytest.mark.django_db

KEY = "order-1001-1"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"zip": "46282"}, "zip"),
        ({"first_name": "x" * 400}, "first_name"),
        ({"settle": "false"}, "settle"),
        ({"owner": "bob"}, "owner"),
    ],
)
def test_what_a_stored_card_cannot_use_is_refused(
    gateway: RecordingGateway, make_customer: Any, given: dict[str, Any], named: str
) -> None:
    customer = make_customer()
    mark = gateway.mark
    with pytest.raises(InvalidInput) as caught:
        Transaction.create(5, customer=customer, **given)
    assert set(caught.value.errors) == {named}
    assert gateway.since(mark) == []


def test_a_duplicate_is_told_the_same_way_each_time(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    reasons = (Reason(ReasonKind.DUPLICATE_TRANSACTION, "11", "again"),)
    gateway.faults["charge"] = answer(TransactionResult(ResultStatus.FAILED, reasons=reasons))
    for _time in range(2):
        with pytest.raises(DuplicateTransactionError, match="again") as caught:
            Transaction.create(5, idempotency_key=KEY, **card)
        assert caught.value.operation.state == "needs_attention"
    assert gateway.verbs == ["charge"]


def test_one_error_names_everything_that_is_wrong_with_a_guests_charge(
    gateway: RecordingGateway,
) -> None:
    mark = gateway.mark
    with pytest.raises(InvalidCardInput) as caught:
        Transaction.create(
            "1.234",
            number="4111111111111112",
            month=12,
            year=2040,
            email="nobody",
            customer_ip="here",
            idempotency_key="two words",
            order_reference="x" * 256,
            initiator="nobody",  # type: ignore[arg-type]
            settle="yes",  # type: ignore[arg-type]
        )
    assert set(caught.value.errors) == {
        *("price", "number", "email", "customer_ip", "idempotency_key", "order_reference"),
        *("initiator", "settle"),
    }
    assert caught.value.gateway_name == "default"
    assert gateway.since(mark) == []


def test_an_address_alone_is_no_card(gateway: RecordingGateway) -> None:
    with pytest.raises(InvalidInput) as caught:
        Transaction.create(5, zip="12345")
    assert caught.value.errors == {"card": ["Pass a customer, a card, a number or a token."]}


def test_a_number_and_a_token_are_told_with_the_amount(gateway: RecordingGateway) -> None:
    with pytest.raises(InvalidInput) as caught:
        Transaction.create("0", token="tok", number="4111111111111111")
    assert set(caught.value.errors) == {"price", "token"}


def test_a_stored_card_and_a_number_are_one_too_many(
    gateway: RecordingGateway, make_customer: Any
) -> None:
    customer = make_customer()
    mark = gateway.mark
    with pytest.raises(InvalidInput) as caught:
        Transaction.create(5, customer=customer, number="4111111111111111")
    text = "Pass a stored card, or a number or token; not both."
    assert caught.value.errors == {"number": [text]}
    assert gateway.since(mark) == []


def test_a_card_that_the_gateway_lost_is_not_charged(
    gateway: RecordingGateway, make_customer: Any
) -> None:
    row = make_customer().cards[0]
    CreditCard.objects.update_without_push(sync_state="missing")
    row.refresh_from_db()
    mark = gateway.mark
    with pytest.raises(InvalidInput) as caught:
        Transaction.create(5, card=row)
    assert caught.value.errors == {"card": ["The gateway no longer has this card."]}
    assert gateway.since(mark) == []


def test_a_currency_is_the_accounts_own_unless_it_takes_many(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert charge._currency(gateway, None) == "USD"
    with pytest.raises(InvalidInput) as caught:
        charge._currency(gateway, "EUR")
    assert caught.value.errors == {"currency": ["default takes USD only."]}
    monkeypatch.setattr(type(gateway), "single_currency", False)
    assert charge._currency(gateway, "EUR") == "EUR"
