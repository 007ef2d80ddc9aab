"""Verbs on customers and cards that move money or ask the issuer."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import CardDeclinedError, InvalidCVVInput
from django_dinero.gateways.types import Reason, TransactionResult
from django_dinero.models import Customer, Transaction
from tests.support.recording import RecordingGateway, answer
from tests.unit.services.conftest import CARD
from tests.unit.services.conftest import make_customer as make_customer

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]


@pytest.fixture
def card() -> dict[str, Any]:
    """Arguments of a good card."""
    return dict(CARD)


def test_a_customer_charges_the_default_card(make_customer: Make) -> None:
    customer = make_customer()
    row = customer.charge("12.50", order_reference="1001")
    assert (row.customer, row.card) == (customer, customer.default_card)
    assert (row.price, row.status, row.order_reference) == (Decimal("12.50"), "approved", "1001")
    assert Transaction.objects.get() == row


def test_a_card_charges_itself(make_customer: Make) -> None:
    customer = make_customer()
    second = customer.add_card(number="4222222222222", month=1, year=2031)
    row = second.charge(5, settle=False)
    assert (row.card, row.kind) == (second, "authorization")


@pytest.mark.parametrize("verb", ["charge"])
def test_a_misspelt_argument_lists_the_known_ones(make_customer: Make, verb: str) -> None:
    with pytest.raises(TypeError, match=r"setle\. Did you mean 'settle'\? Accepted: .*settle"):
        make_customer().charge(5, setle=False)  # type: ignore[call-arg]


def test_one_key_is_one_charge_whatever_it_is_called_on(
    make_customer: Make, gateway: RecordingGateway
) -> None:
    customer = make_customer()
    row = customer.charge(5, idempotency_key="1")
    assert customer.charge(5, idempotency_key="1") == row
    assert Transaction.create(5, customer=customer, idempotency_key="1") == row
    assert gateway.verbs.count("charge") == 1


def test_a_good_card_is_valid(make_customer: Make, gateway: RecordingGateway) -> None:
    card = make_customer().cards[0]
    card.validate()
    card.validate(cvv="900")
    assert gateway.verbs.count("validate_card") == 2


def test_a_bad_card_says_why(make_customer: Make, gateway: RecordingGateway) -> None:
    reasons = (Reason(ReasonKind.CARD_DECLINED, "2", "Lost card."),)
    result = TransactionResult(ResultStatus.DECLINED, reasons=reasons)
    gateway.faults["validate_card"] = answer(result)
    with pytest.raises(CardDeclinedError, match="Lost card"):
        make_customer().cards[0].validate()


def test_a_cvv_of_another_form_is_not_sent(make_customer: Make, gateway: RecordingGateway) -> None:
    card = make_customer().cards[0]
    with pytest.raises(InvalidCVVInput):
        card.validate(cvv="12")
    assert "validate_card" not in gateway.verbs


def test_a_price_has_the_decimals_of_its_currency_wherever_it_is_read(make_customer: Make) -> None:
    customer = make_customer()
    made = customer.charge("12.5", idempotency_key="1")
    read = Transaction.objects.get()
    replayed = customer.charge("12.5", idempotency_key="1")
    made.refresh_from_db()
    assert {str(row.price) for row in (made, read, replayed)} == {"12.50"}
