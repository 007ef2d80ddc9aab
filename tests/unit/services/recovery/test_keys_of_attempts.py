"""A key names one attempt at one gateway; an order is paid once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import (
    CardDeclinedError,
    HeldForReview,
    IdempotencyKeyReused,
    NeedsAttention,
)
from django_dinero.gateways.registry import reset
from django_dinero.gateways.types import Reason, TransactionResult
from django_dinero.models import Customer, Operation, Transaction
from tests.support.racing import before_statement
from tests.support.recording import RecordingGateway, answer

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]
KEY = "order-1001-1"
CARD: dict[str, Any] = {"number": "4111111111111111", "month": 12, "year": 2040}
DECLINED = TransactionResult(
    ResultStatus.DECLINED, reasons=(Reason(ReasonKind.CARD_DECLINED, "2", "Declined."),)
)


def resolve(name: str) -> dict[str, Any] | None:
    backend = "tests.support.recording.RecordingGateway"
    return {"BACKEND": backend, "OPTIONS": {}} if name.startswith("shop-") else None


def test_a_repeated_decline_names_the_cure(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    gateway.faults["charge"] = answer(DECLINED)
    texts = []
    for _time in range(2):
        with pytest.raises(CardDeclinedError) as caught:
            Transaction.create("5.00", customer=customer, idempotency_key=KEY)
        texts.append(str(caught.value))
    assert "new key" not in texts[0]
    assert (
        texts[1]
        == f"{texts[0]} This is the answer to an earlier attempt; a new attempt needs a new key."
    )
    assert caught.value.user_message == "The card was declined."


def test_the_next_attempt_pays_with_another_card(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.faults["charge"] = answer(DECLINED)
    with pytest.raises(CardDeclinedError):
        Transaction.create("5.00", customer=customer, idempotency_key="order-1001-1")
    customer.add_card(number="5424000000000015", month=12, year=2040, is_default=True)
    row = Transaction.create("5.00", customer=customer, idempotency_key="order-1001-2")
    assert (row.status, row.last_4) == ("approved", "0015")


def test_a_key_belongs_to_one_gateway(gateway: RecordingGateway, settings: Any) -> None:
    entry = settings.DINERO["GATEWAYS"]["default"]
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry, "other": entry}}
    Transaction.create("5.00", idempotency_key=KEY, **CARD)
    with pytest.raises(IdempotencyKeyReused, match="at the gateway 'default'"):
        Transaction.create("5.00", idempotency_key=KEY, gateway_name="other", **CARD)
    assert Transaction.objects.count() == 1


def test_tenants_of_a_resolver_have_keys_of_their_own(settings: Any) -> None:
    settings.DINERO = {**settings.DINERO, "GATEWAY_RESOLVER": f"{__name__}.resolve"}
    reset()
    rows = set()
    for name in ("shop-1", "shop-2"):
        customer = Customer.create(
            "ada@example.com",
            gateway_name=name,
            idempotency_key="signup-7",
            **CARD,
        )
        row = customer.charge("5.00", idempotency_key=KEY)
        assert customer.charge("5.00", idempotency_key=KEY) == row
        row.void(idempotency_key="void-1")
        rows.add(row)
    assert len(rows) == 2
    assert Customer.objects.count() == 2


def test_a_scope_of_the_callers_is_kept_with_a_resolver(settings: Any) -> None:
    settings.DINERO = {**settings.DINERO, "GATEWAY_RESOLVER": f"{__name__}.resolve"}
    reset()
    given: dict[str, Any] = {"idempotency_key": KEY, "scope": "all shops", **CARD}
    Transaction.create("5.00", gateway_name="shop-1", **given)
    with pytest.raises(IdempotencyKeyReused, match="'shop-1'"):
        Transaction.create("5.00", gateway_name="shop-2", **given)


def test_what_an_order_was_paid_with(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    paid = Transaction.objects.paid_for
    assert not paid("1001")
    first = customer.charge("5.00", order_reference="1001")
    customer.charge("5.00", order_reference="1002")
    assert list(paid("1001")) == [first]
    first.void()
    assert not paid("1001")
    gateway.bank.hold_next()
    with pytest.raises(HeldForReview) as caught:
        customer.charge("5.00", order_reference="1001")
    assert list(paid("1001")) == [caught.value.transaction]


def test_refunds_and_declines_pay_nothing(gateway: RecordingGateway, make_customer: Make) -> None:
    gateway.faults["charge"] = answer(DECLINED)
    with pytest.raises(CardDeclinedError):
        make_customer().charge("5.00", order_reference="1001")
    assert Transaction.objects.filter(order_reference="1001").count() == 1
    assert not Transaction.objects.paid_for("1001")


def test_what_a_test_account_took_pays_nothing_at_a_live_one(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_customer().charge("5.00", order_reference="1001")
    paid = Transaction.objects.paid_for
    assert paid("1001")
    assert paid("1001", gateway_name="default")
    monkeypatch.setattr(RecordingGateway, "live", True)
    assert not paid("1001")
    assert not paid("1001", gateway_name="default")
    Transaction.objects.update(live=True)
    assert paid("1001")
    assert paid("1001", gateway_name="default")


def test_attempts_are_numbered_from_one(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    assert Transaction.objects.next_attempt("1001") == 1
    gateway.faults["charge"] = answer(DECLINED)
    with pytest.raises(CardDeclinedError):
        customer.charge("5.00", order_reference="1001")
    assert Transaction.objects.next_attempt("1001") == 2
    customer.charge("5.00", order_reference="1001", settle=False).capture("5.00")
    assert Transaction.objects.next_attempt("1001") == 3


def pay_once(customer: Customer, price: str = "5.00") -> Transaction:
    """Pay an order as the documentation does."""
    attempt = Transaction.objects.next_attempt("1001")
    paid = Transaction.objects.paid_for("1001")
    if paid:
        return paid[0]
    key = f"1001-{attempt}"
    return customer.charge(price, order_reference="1001", idempotency_key=key)


@pytest.fixture
def doubtful(gateway: RecordingGateway, make_customer: Make) -> Operation:
    """An attempt that the gateway approved with another amount."""

    def part(call: Callable[[], TransactionResult]) -> TransactionResult:
        return replace(call(), amount=Decimal(4))

    gateway.faults["charge"] = part
    with pytest.raises(NeedsAttention) as caught:
        pay_once(make_customer())
    operation: Operation = caught.value.operation
    return operation


def test_the_attempt_after_one_that_was_closed_by_hand_pays(
    gateway: RecordingGateway, doubtful: Operation
) -> None:
    customer = Customer.objects.get()
    with pytest.raises(NeedsAttention):
        pay_once(customer)
    doubtful.close(note="Nothing was taken.", by="ann")
    row = pay_once(customer)
    assert (row.status, pay_once(customer)) == ("approved", row)
    assert gateway.verbs.count("charge") == 2
    assert Transaction.objects.next_attempt("1001") == 3
    assert Transaction.objects.next_attempt("1002") == 1


@pytest.mark.parametrize("retrieve_first", [True, False])
def test_what_was_retrieved_before_it_was_closed_pays_the_order(
    gateway: RecordingGateway, doubtful: Operation, retrieve_first: bool
) -> None:
    (entry,) = gateway.bank.transactions()
    found: Any = gateway.retrieve_transaction(entry.id)
    other = replace(found, amount=Decimal(4))
    if not retrieve_first:
        doubtful.close(note="The gateway has 4.00 of it.", by="ann")
    gateway.faults["retrieve_transaction"] = answer(other)
    row = Transaction.retrieve(entry.id)
    if retrieve_first:
        doubtful.close(note="The gateway has 4.00 of it.", by="ann")
    customer = Customer.objects.get()
    assert (row.price, row.customer, row.order_reference) == (Decimal(4), customer, "1001")
    assert row.operation_key is None
    assert pay_once(customer) == row
    assert gateway.verbs.count("charge") == 1


def test_a_closed_attempt_that_has_a_row_counts_once(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    gateway.bank.hold_next()
    with pytest.raises(HeldForReview) as caught:
        pay_once(make_customer())
    Operation.objects.filter(key=caught.value.operation.key).update(state="closed")
    assert Transaction.objects.next_attempt("1001") == 2


def test_a_payment_that_comes_between_the_number_and_the_look_is_found(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()

    def pay() -> Transaction:
        return pay_once(customer)

    with before_statement("SELECT", lambda: None, pay, about="dinero_transaction"):
        row = pay()
    assert Transaction.objects.get() == row
