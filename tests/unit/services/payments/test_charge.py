"""Charging and authorizing: sources, keys, answers, and what is refused before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils.translation import override

from django_dinero import signals
from django_dinero.enums import ResultStatus
from django_dinero.exceptions import (
    AVSAndCVVError,
    AVSError,
    CardDeclinedError,
    CVVError,
    DineroError,
    IdempotencyKeyReused,
    InvalidAmountError,
    InvalidCardError,
    InvalidInput,
    NeedsAttention,
    NotSent,
    OutcomeUnknown,
)
from django_dinero.gateways.types import ChargeRequest, StoredCard, TransactionResult
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.support.recording import (
    RecordingGateway,
    answer,
    lose_reply,
    lose_request,
    refuse_connection,
)

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]
KEY = "order-1001"


def last_charge(gateway: RecordingGateway) -> ChargeRequest:
    request: ChargeRequest = [args for verb, args in gateway.calls if verb == "charge"][-1][0]
    return request


def counts() -> tuple[int, int]:
    return Operation.objects.count(), Transaction.objects.count()


# -- Sources -------------------------------------------------------------------------------------


def test_a_customer_is_charged_on_the_default_card(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    row = Transaction.create(price=200, customer=customer)
    assert (row.kind, row.status, row.currency) == ("charge", "approved", "USD")
    assert row.price == 200
    assert row.customer == customer
    assert row.card == customer.cards[0]
    assert (row.customer_id, row.card_id) == (customer.customer_id, customer.card_id)
    assert (row.last_4, row.brand) == ("1111", "visa")
    assert row.transaction_id
    assert row.auth_code
    assert last_charge(gateway).source == StoredCard(
        customer.customer_id or "", customer.card_id or ""
    )
    assert last_charge(gateway).email == customer.email


def test_a_named_card_is_charged(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    second = customer.add_card(number="4007000000027", month=1, year=2031)
    assert Transaction.create("5.00", card=second).card == second
    assert Transaction.create("5.01", customer=customer, card=second).card == second


def test_a_typed_card_is_charged_without_being_stored(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    row = Transaction.create(price="12.50", **card)
    assert (row.customer, row.card, row.card_id) == (None, None, "")
    assert (row.last_4, row.brand, row.price) == ("1111", "visa", Decimal("12.50"))
    assert Customer.objects.count() == 0


def test_a_token_is_charged(gateway: RecordingGateway) -> None:
    token = gateway.bank.mint_token("4111111111111111", month=12, year=2030)
    row = Transaction.create(price=7, token=token)
    assert row.status == "approved"
    assert row.last_4 == "1111"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "card"),
        ({"cvv": "900"}, "number"),
        ({"number": "4111111111111111", "token": "abc"}, "token"),
        ({"customer": "cus_1"}, "customer"),
        ({"card": "card_1"}, "card"),
        ({"number": "4111111111111111", "initiator": "robot"}, "initiator"),
        ({"number": "4111111111111111", "customer_ip": "1.2.3"}, "customer_ip"),
        ({"number": "4111111111111111", "email": "nobody"}, "email"),
        ({"number": "4111111111111111", "currency": "EUR"}, "currency"),
        ({"number": "4111111111111111", "order_reference": "x" * 256}, "order_reference"),
        ({"number": "4111111111111111", "description": "a\x00b"}, "description"),
        ({"number": "4111111111111111", "description": "\ud800"}, "description"),
        ({"number": "4111111111111111", "description": "4111 1111 1111 1111"}, "description"),
        ({"number": "4111111111111111", "idempotency_key": ""}, "idempotency_key"),
        ({"number": "4111111111111111", "idempotency_key": "with blank"}, "idempotency_key"),
        ({"number": "4111111111111111", "gateway_name": "nowhere"}, "gateway_name"),
    ],
)
def test_bad_input_is_named_and_leaves_nothing(
    gateway: RecordingGateway, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        Transaction.create(5, **given)
    assert field in caught.value.errors
    assert (gateway.calls, counts()) == ([], (0, 0))


def test_an_unknown_name_lists_the_configured_ones(gateway: RecordingGateway) -> None:
    with pytest.raises(InvalidInput, match=r"'nowhere'.*Configured: default"):
        Transaction.create(5, number="4111111111111111", gateway_name="nowhere")


@pytest.mark.parametrize("price", [1.5, "1e3", "1_000", "-1", 0, "NaN", Decimal("Infinity"), True])
def test_a_bad_price_is_refused(gateway: RecordingGateway, price: Any) -> None:
    with pytest.raises(InvalidAmountError) as caught:
        Transaction.create(price, number="4111111111111111")
    assert "price" in caught.value.errors  # type: ignore[attr-defined]
    assert (gateway.calls, counts()) == ([], (0, 0))


def test_an_unknown_argument_lists_the_accepted_ones(gateway: RecordingGateway) -> None:
    with pytest.raises(TypeError, match=r"cutomer.*Accepted: .*customer"):
        Transaction.create(5, cutomer=1)  # type: ignore[call-arg]


def test_a_customer_without_a_card_cannot_be_charged(gateway: RecordingGateway) -> None:
    customer = Customer.create("no-card@example.com")
    with pytest.raises(InvalidInput) as caught:
        Transaction.create(5, customer=customer)
    assert "customer" in caught.value.errors


def test_a_card_of_another_customer_is_refused(make_customer: Make) -> None:
    one, other = make_customer(), make_customer(email="other@example.com")
    with pytest.raises(InvalidInput) as caught:
        Transaction.create(5, customer=one, card=other.cards[0])
    assert "card" in caught.value.errors


def test_a_stored_card_goes_to_its_own_gateway(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    with pytest.raises(InvalidInput) as caught:
        Transaction.create(5, customer=customer, gateway_name="other")
    assert "gateway_name" in caught.value.errors


# -- What is passed on -----------------------------------------------------------------------------


def test_what_the_merchant_passes_is_kept_and_sent(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    owner = get_user_model().objects.create(username="bill")
    customer = make_customer(owner=owner)
    row = Transaction.create(
        "5.00",
        customer=customer,
        order_reference="A-1",
        description="Two tickets",
        customer_ip="2001:DB8::1",
        initiator="merchant",
    )
    sent = last_charge(gateway)
    assert (sent.order_reference, sent.description) == ("A-1", "Two tickets")
    assert (sent.customer_ip, sent.initiator) == ("2001:db8::1", "merchant")
    assert (row.order_reference, row.description, row.initiator) == (
        "A-1",
        "Two tickets",
        "merchant",
    )
    assert row.customer_ip == "2001:db8::1"
    assert row.owner == owner


def test_the_network_transaction_id_of_the_first_charge_goes_with_later_ones(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    first = Transaction.create("5.00", customer=customer)
    assert last_charge(gateway).stores_card
    assert first.network_transaction_id
    Transaction.create("6.00", customer=customer, initiator="merchant")
    later = last_charge(gateway)
    assert not later.stores_card
    assert later.network_transaction_id == first.network_transaction_id
    assert str(later.original_amount) == "5.00"  # as a charge has it, not as the column


@pytest.mark.parametrize("number", ["5424000000000015", "5424000000011111"])
def test_an_old_number_is_not_the_first_of_a_new_ones_series(
    gateway: RecordingGateway, make_customer: Make, number: str
) -> None:
    customer = make_customer()
    Transaction.create("5.00", customer=customer)
    card = customer.cards[0]
    card.number, card.month, card.year = number, 12, 2040
    card.save()
    first = Transaction.create("6.00", customer=customer)
    sent = last_charge(gateway)
    assert (sent.network_transaction_id, sent.original_amount) == ("", None)
    assert sent.stores_card
    Transaction.create("7.00", customer=customer, initiator="merchant")
    assert last_charge(gateway).network_transaction_id == first.network_transaction_id
    assert str(last_charge(gateway).original_amount) == "6.00"


def test_an_amount_in_another_currency_is_not_told_as_one_of_this_charge(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(gateway), "single_currency", False)
    customer = make_customer()
    first = Transaction.create("5.00", customer=customer)
    gateway.faults["charge"] = answer(TransactionResult(ResultStatus.APPROVED, "9001"))
    Transaction.create(700, customer=customer, currency="JPY", initiator="merchant")
    later = last_charge(gateway)
    assert later.network_transaction_id == first.network_transaction_id
    assert later.original_amount is None


def test_an_edit_leaves_a_series_as_it_is(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    first = Transaction.create("5.00", customer=customer)
    card = customer.cards[0]
    card.month, card.year, card.zip = 12, 2040, "99999"
    card.save()
    Transaction.create("6.00", customer=customer)
    assert last_charge(gateway).network_transaction_id == first.network_transaction_id


def test_a_stale_instance_does_not_bring_an_old_series_back(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    Transaction.create("5.00", customer=customer)
    stale, card = (CreditCard.objects.get() for _ in range(2))
    card.number, card.month, card.year = "5424000000011111", 12, 2040
    card.save()
    stale.zip = "99999"
    stale.save()
    Transaction.create("6.00", card=stale)
    assert last_charge(gateway).network_transaction_id == ""


def test_the_merchant_begins_no_series(gateway: RecordingGateway, make_customer: Make) -> None:
    Transaction.create("5.00", customer=make_customer(), initiator="merchant")
    assert not last_charge(gateway).stores_card


def test_a_gateway_that_names_no_network_id_begins_one_series(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    Transaction.create("5.00", customer=customer)
    Transaction.objects.update(network_transaction_id="")
    Transaction.create("6.00", customer=customer)
    assert not last_charge(gateway).stores_card


def test_a_refused_first_charge_begins_no_series(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    Transaction.create("5.00", customer=customer)
    Transaction.objects.update(status="declined")
    Transaction.create("6.00", customer=customer)
    assert last_charge(gateway).stores_card


def test_the_cvv_of_a_stored_card_is_sent_and_not_kept(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    Transaction.create("5.00", customer=make_customer(), cvv="900")
    cvv = last_charge(gateway).cvv
    assert cvv is not None
    assert cvv.reveal() == "900"


# -- Answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"zip": "46282"}, CardDeclinedError),
        ({"zip": "46205"}, AVSError),
        ({"cvv": "901"}, CVVError),
        ({"zip": "46205", "cvv": "901"}, AVSAndCVVError),
    ],
)
def test_a_decline_is_raised_and_its_row_kept(
    gateway: RecordingGateway,
    card: dict[str, Any],
    given: dict[str, Any],
    expected: type[CardDeclinedError],
) -> None:
    with pytest.raises(CardDeclinedError) as caught:
        Transaction.create(5, **{**card, **given})
    assert type(caught.value) is expected
    row = caught.value.transaction
    assert row.status == "declined"
    assert row.price == 5
    assert caught.value.operation.state == "declined"
    assert Transaction.objects.get() == row


def test_an_invalid_card_is_the_gateways_refusal_too(gateway: RecordingGateway) -> None:
    with pytest.raises(InvalidCardError):
        Transaction.create(5, number="4111111111111112")


def test_nothing_sent_is_proven_and_may_be_repeated(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    gateway.faults["charge"] = refuse_connection
    with pytest.raises(NotSent) as caught:
        Transaction.create(5, idempotency_key=KEY, **card)
    assert caught.value.operation.state == "failed"
    row = Transaction.create(5, idempotency_key=KEY, **card)
    assert row.status == "approved"
    assert gateway.verbs == ["charge", "charge"]


def test_a_lost_reply_is_unknown_and_found_by_the_same_key(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown) as caught:
        Transaction.create(5, idempotency_key=KEY, **card)
    assert caught.value.operation.state == "unknown"
    assert Transaction.objects.count() == 0
    row = Transaction.create(5, idempotency_key=KEY, **card)
    assert row.status == "approved"
    assert row.price == 5
    assert row.operation_key == caught.value.operation.key
    assert gateway.verbs == ["charge", "find_operation"]


def test_a_lost_request_stays_unknown_until_the_quarantine_is_over(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    gateway.faults["charge"] = lose_request
    with pytest.raises(OutcomeUnknown) as first:
        Transaction.create(5, idempotency_key=KEY, **card)
    with pytest.raises(OutcomeUnknown):
        Transaction.create(5, idempotency_key=KEY, **card)
    operation = first.value.operation
    Operation.objects.filter(pk=operation.pk).update(quarantine_until="2020-01-01T00:00:00Z")
    assert Transaction.create(5, idempotency_key=KEY, **card).status == "approved"
    operation.refresh_from_db()
    assert (operation.state, operation.idempotency_key) == ("absent", None)
    assert gateway.verbs.count("charge") == 2


def test_a_broken_backend_is_an_unknown_outcome_without_the_number(
    gateway: RecordingGateway, card: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    def explode(call: Callable[[], Any]) -> Any:
        raise RuntimeError(f"could not encode {card['number']}")

    gateway.faults["charge"] = explode
    with pytest.raises(OutcomeUnknown) as caught:
        Transaction.create(5, **card)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    assert card["number"] not in str(caught.value) + caplog.text
    assert "RuntimeError" in caplog.text


@pytest.mark.parametrize(
    "result",
    [
        TransactionResult(ResultStatus.APPROVED, "77", amount=Decimal(6)),
        TransactionResult(ResultStatus.APPROVED, "77", amount=Decimal(5), currency="EUR"),
        TransactionResult(ResultStatus.APPROVED, "77", operation_key="SOMEBODYELSESKEY0000"),
        # What is held may still be taken, and a refusal of another one says nothing of ours.
        TransactionResult(ResultStatus.HELD, "77", amount=Decimal(6)),
        TransactionResult(ResultStatus.REQUIRES_ACTION, "77", amount=Decimal(5), currency="EUR"),
        TransactionResult(ResultStatus.DECLINED, "77", operation_key="SOMEBODYELSESKEY0000"),
        TransactionResult(ResultStatus.FAILED, "77", operation_key="SOMEBODYELSESKEY0000"),
    ],
)
def test_an_answer_that_contradicts_the_intent_needs_a_person(
    gateway: RecordingGateway, card: dict[str, Any], result: TransactionResult
) -> None:
    gateway.faults["charge"] = answer(result)
    with pytest.raises(NeedsAttention) as caught:
        Transaction.create(5, idempotency_key=KEY, **card)
    operation = Operation.objects.get()
    assert (operation.state, operation.transaction_id) == ("needs_attention", "")
    assert operation.outcome["transaction_id"] == "77"
    assert caught.value.operation == operation
    with pytest.raises(NeedsAttention):
        Transaction.create(5, idempotency_key=KEY, **card)
    assert gateway.verbs == ["charge"]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (TransactionResult(ResultStatus.APPROVED, "77", amount=Decimal(4)), "4.00 USD"),
        (TransactionResult(ResultStatus.APPROVED, "77", amount=Decimal("4.005")), "4.005 USD"),
    ],
)
def test_a_contradiction_is_stored_in_english_and_told_in_the_callers_language(
    gateway: RecordingGateway, card: dict[str, Any], result: TransactionResult, said: str
) -> None:
    gateway.faults["charge"] = answer(result)
    with override("de"), pytest.raises(NeedsAttention) as caught:
        Transaction.create(5, idempotency_key=KEY, **card)
    assert said in str(caught.value)
    assert "approved" not in str(caught.value)
    note = Operation.objects.get().outcome["error"]
    assert note == f"The gateway approved {said}, not 5.00 USD."
    with override("en"), pytest.raises(NeedsAttention, match=re.escape(note)):
        Transaction.create(5, idempotency_key=KEY, **card)


def test_a_refusal_may_speak_of_another_amount(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    part = TransactionResult(ResultStatus.DECLINED, "77", amount=Decimal(3))
    gateway.faults["charge"] = answer(part)
    with pytest.raises(CardDeclinedError):
        Transaction.create(5, **card)
    assert Transaction.objects.get().price == 5


# -- Idempotency -----------------------------------------------------------------------------------


def test_the_same_key_returns_the_first_transaction(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    first = Transaction.create(5, customer=customer, idempotency_key=KEY)
    mark = gateway.mark
    assert Transaction.create("5.00", customer=customer, idempotency_key=KEY) == first
    assert gateway.since(mark) == []


def test_the_same_key_raises_the_first_refusal(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    bad = {**card, "zip": "46205", "cvv": "901"}
    errors: list[DineroError] = []
    for _attempt in range(2):
        with pytest.raises(AVSAndCVVError) as caught:
            Transaction.create(5, idempotency_key=KEY, **bad)
        errors.append(caught.value)
    assert errors[0].transaction == errors[1].transaction
    assert str(errors[1]).startswith(str(errors[0]))
    assert gateway.verbs == ["charge"]


def test_the_same_key_with_other_parameters_is_refused(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    Transaction.create(5, idempotency_key=KEY, **card)
    for changed in ({"price": 6}, {"settle": False}, {"number": "4007000000027"}):
        values: dict[str, Any] = {"price": 5, **card, **changed}
        with pytest.raises(IdempotencyKeyReused):
            Transaction.create(idempotency_key=KEY, **values)
    assert gateway.verbs == ["charge"]


def test_a_key_belongs_to_its_scope(gateway: RecordingGateway, card: dict[str, Any]) -> None:
    one = Transaction.create(5, idempotency_key=KEY, scope="user-1", **card)
    other = Transaction.create(5, idempotency_key=KEY, scope="user-2", **card)
    assert one != other
    assert Transaction.create(5, idempotency_key=KEY, scope="user-1", **card) == one


def test_a_row_lost_in_a_rollback_is_written_again(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    first = Transaction.create(5, idempotency_key=KEY, order_reference="A-1", **card)
    Transaction.objects.all().delete()
    again = Transaction.create(5, idempotency_key=KEY, order_reference="A-1", **card)
    for name in ("operation_key", "transaction_id", "price", "auth_code", "order_reference", "avs"):
        assert getattr(again, name) == getattr(first, name)
    assert gateway.verbs == ["charge"]


# -- Signals ---------------------------------------------------------------------------------------


def test_users_hear_of_charges_and_refusals(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    heard: list[str] = []

    def charged(transaction: Transaction, **kwargs: Any) -> None:
        heard.append(f"charged {transaction.price:g}")
        raise RuntimeError("a receiver of somebody else")

    def failed(transaction: Transaction, error: DineroError, **kwargs: Any) -> None:
        heard.append(f"{error.code} {transaction.price:g}")

    signals.charged.connect(charged)
    signals.charge_failed.connect(failed)
    try:
        Transaction.create(5, **card)
        with pytest.raises(CardDeclinedError):
            Transaction.create(6, **{**card, "zip": "46282"})
    finally:
        signals.charged.disconnect(charged)
        signals.charge_failed.disconnect(failed)
    assert heard == ["charged 5.00", "card_declined 6.00"]
