"""Finding out: what a match, many, none, another or a late one make of an operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from django_dinero import signals
from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus, TransactionKind
from django_dinero.exceptions import CardDeclinedError, GatewayError, NeedsAttention, OutcomeUnknown
from django_dinero.gateways.types import (
    LookupResult,
    Reason,
    RemoteCard,
    RemoteCustomer,
    RemoteTransaction,
    TransactionResult,
)
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.services import journal, pull
from django_dinero.services.recovery import lookup
from tests.support.journaling import begin
from tests.support.recording import RecordingGateway, answer, lose_request

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]

PAST, FUTURE = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"
REMOTE = RemoteTransaction(
    transaction_id="9001",
    kind=TransactionKind.CHARGE,
    status=RemoteStatus.CAPTURED,
    amount=Decimal(5),
    currency="USD",
)


def unknown(gateway: RecordingGateway, quarantine: str = PAST, **values: Any) -> Operation:
    operation = begin(gateway, **values)
    Operation.objects.filter(pk=operation.pk).update(
        state="unknown", lease_until=PAST, sent_at=PAST, quarantine_until=quarantine
    )
    operation.refresh_from_db()
    return operation


def finds(gateway: RecordingGateway, *matches: Any, complete: bool = True) -> None:
    gateway.faults["find_operation"] = answer(LookupResult(matches, complete))


@pytest.mark.parametrize("state", ["new", "sent"])
@pytest.mark.parametrize("lease", [FUTURE, PAST])
def test_a_worker_counts_as_dead_once_its_lease_is_over(
    gateway: RecordingGateway, state: str, lease: str
) -> None:
    operation = begin(gateway)
    Operation.objects.filter(pk=operation.pk).update(
        state=state, lease_until=lease, quarantine_until=FUTURE
    )
    operation.refresh_from_db()
    dead = {"new": "failed", "sent": "unknown"}[state]
    assert lookup.look_up(operation).state == (dead if lease == PAST else state)


# -- Money -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "state", "row"),
    [
        (RemoteStatus.AUTHORIZED, "succeeded", "approved"),
        (RemoteStatus.CAPTURED, "succeeded", "approved"),
        (RemoteStatus.SETTLED, "succeeded", "settled"),
        (RemoteStatus.VOIDED, "declined", "voided"),
        (RemoteStatus.EXPIRED, "declined", "expired"),
        (RemoteStatus.RETURNED, "succeeded", "returned"),
        (RemoteStatus.CHARGED_BACK, "succeeded", "charged_back"),
        (RemoteStatus.HELD, "held", "held"),
        (RemoteStatus.DECLINED, "declined", "declined"),
        (RemoteStatus.FAILED, "failed", "failed"),
    ],
)
def test_what_the_gateway_has_ends_it(
    gateway: RecordingGateway, status: RemoteStatus, state: str, row: str
) -> None:
    operation = unknown(gateway)
    finds(gateway, replace(REMOTE, status=status))
    assert lookup.look_up(operation).state == state
    stored = Transaction.objects.get()
    assert (stored.status, stored.transaction_id, stored.price) == (row, "9001", Decimal(5))
    assert operation.transaction_id == "9001"


def test_a_gateway_is_told_an_amount_with_the_decimals_of_its_currency(
    gateway: RecordingGateway,
) -> None:
    operation = unknown(gateway)
    operation.refresh_from_db()
    lookup.look_up(operation)
    ((_key, hints),) = [args for verb, args in gateway.calls if verb == "find_operation"]
    assert (str(hints.amount), hints.currency) == ("5.00", "USD")


@pytest.mark.parametrize(
    "other",
    [
        {"operation_key": "Z" * 20},
        {"kind": TransactionKind.VOID},
        {"kind": TransactionKind.AUTHORIZATION, "status": RemoteStatus.AUTHORIZED},
        {"operation_key": "Z" * 20, "amount": Decimal(3), "status": RemoteStatus.VOIDED},
    ],
)
def test_a_transaction_of_another_key_or_kind_is_not_believed(
    gateway: RecordingGateway, other: dict[str, Any]
) -> None:
    operation = unknown(gateway)
    finds(gateway, replace(REMOTE, **other))
    assert lookup.look_up(operation).state == "needs_attention"
    assert "another key or kind" in str(operation.outcome)
    assert not Transaction.objects.exists()


def test_an_answer_about_another_transaction_decides_nothing(gateway: RecordingGateway) -> None:
    operation = unknown(gateway)
    finds(gateway, replace(REMOTE, status=RemoteStatus.HELD))
    assert lookup.look_up(operation).state == "held"
    gateway.faults["retrieve_transaction"] = answer(replace(REMOTE, transaction_id="666"))
    assert lookup.look_up(operation).state == "held"
    assert Transaction.objects.get().status == "held"


def test_a_failure_is_answered_again_under_the_same_key(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    gateway.faults["charge"] = lose_request
    with pytest.raises(OutcomeUnknown):
        Transaction.create(5, idempotency_key="order-1001", **card)
    finds(gateway, replace(REMOTE, status=RemoteStatus.FAILED))
    for _time in range(2):
        with pytest.raises(GatewayError) as caught:
            Transaction.create(5, idempotency_key="order-1001", **card)
        assert caught.value.transaction == Transaction.objects.get()


@pytest.mark.parametrize("meanwhile", ["unknown", "absent"])
def test_an_answer_later_than_the_lookup_still_counts(
    gateway: RecordingGateway, card: dict[str, Any], meanwhile: str
) -> None:
    def late(call: Callable[[], Any]) -> TransactionResult:
        Operation.objects.update(state=meanwhile, outcome={"error": "the worker died"})
        reasons = (Reason(ReasonKind.GATEWAY_ERROR, "E1", "not today"),)
        return TransactionResult(outcome=ResultStatus.FAILED, reasons=reasons)

    gateway.faults["charge"] = late
    with pytest.raises(GatewayError, match="not today"):
        Transaction.create(5, **card)
    assert Operation.objects.get().state == "failed"
    assert Transaction.objects.get().status == "failed"


def test_what_a_person_has_to_look_at_stays_there(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    def late(call: Callable[[], Any]) -> TransactionResult:
        Operation.objects.update(state="needs_attention", outcome={"error": "2 matches"})
        return TransactionResult(outcome=ResultStatus.HELD, transaction_id="9001")

    gateway.faults["charge"] = late
    with pytest.raises(NeedsAttention):
        Transaction.create(5, **card)
    assert Operation.objects.get().outcome == {"error": "2 matches"}


def test_a_lookup_that_loses_to_a_person_writes_nothing(gateway: RecordingGateway) -> None:
    operation = unknown(gateway)

    def beaten(call: Callable[[], Any]) -> LookupResult:
        Operation.objects.update(state="needs_attention", outcome={"error": "2 matches"})
        return LookupResult((replace(REMOTE, status=RemoteStatus.HELD),))

    gateway.faults["find_operation"] = beaten
    assert lookup.look_up(operation).state == "needs_attention"
    assert not Transaction.objects.exists()


@pytest.mark.parametrize("change", [{"amount": Decimal(6)}, {"currency": "EUR"}])
def test_another_amount_or_currency_needs_a_person(
    gateway: RecordingGateway, change: dict[str, Any]
) -> None:
    operation = unknown(gateway, lock_name="t")
    finds(gateway, replace(REMOTE, **change))
    assert lookup.look_up(operation).state == "needs_attention"
    assert operation.outcome == {
        "error": "The gateway has it with another amount or currency.",
        "transaction_id": REMOTE.transaction_id,
    }
    assert not Transaction.objects.exists()
    with pytest.raises(journal.LockHeld):
        begin(gateway, lock_name="t")


REFUND = replace(REMOTE, transaction_id="9002", kind=TransactionKind.REFUND, parent_id="9001")


def test_a_refund_with_the_key_of_its_charge_is_not_the_charge(gateway: RecordingGateway) -> None:
    """Whoever refunds it in the gateway's pages may leave the invoice number as it is."""
    operation = unknown(gateway)
    finds(gateway, REMOTE, REFUND)
    assert lookup.look_up(operation).state == "succeeded"
    assert Transaction.objects.get().transaction_id == "9001"


def test_a_refund_alone_proves_no_charge(gateway: RecordingGateway) -> None:
    operation = unknown(gateway)
    finds(gateway, REFUND)
    assert lookup.look_up(operation).state == "needs_attention"
    assert "a refund with its key" in operation.outcome["error"]
    assert not Transaction.objects.exists()


def test_two_matches_need_a_person(gateway: RecordingGateway, card: dict[str, Any]) -> None:
    gateway.faults["charge"] = lose_request
    with pytest.raises(OutcomeUnknown):
        Transaction.create(5, idempotency_key="order-1001", **card)
    finds(gateway, REMOTE, replace(REMOTE, transaction_id="9002"))
    with pytest.raises(NeedsAttention):
        Transaction.create(5, idempotency_key="order-1001", **card)
    assert Operation.objects.get().outcome == {"error": "The gateway has 2 matches."}
    assert not Transaction.objects.exists()


def test_a_transaction_does_not_end_a_vault_operation(gateway: RecordingGateway) -> None:
    operation = unknown(gateway)
    Operation.objects.update(kind="add_card")
    operation.refresh_from_db()
    finds(gateway, REMOTE)
    assert lookup.look_up(operation).state == "unknown"
    assert not Transaction.objects.exists()


# -- Waiting ---------------------------------------------------------------------------------------


def test_a_list_that_is_not_complete_proves_nothing_absent(gateway: RecordingGateway) -> None:
    operation = unknown(gateway, quarantine=PAST)
    finds(gateway, complete=False)
    assert lookup.look_up(operation).state == "unknown"
    finds(gateway, complete=True)
    assert lookup.look_up(operation).state == "absent"


def test_nothing_found_in_the_quarantine_is_looked_for_again_later(
    gateway: RecordingGateway,
) -> None:
    operation = unknown(gateway, FUTURE)
    waits = []
    for _time in range(6):
        finds(gateway)
        lookup.look_up(operation)
        assert operation.next_check_at is not None
        waits.append(round((operation.next_check_at - operation.updated_at).total_seconds()))
        assert operation.state == "unknown"
        assert operation.outcome["lookup"] == "not found yet"
    assert operation.attempts == 6
    assert waits == sorted(waits)


def test_what_a_gateway_says_of_a_failed_lookup_is_kept_without_numbers(
    gateway: RecordingGateway,
) -> None:
    def fail(call: Callable[[], Any]) -> Any:
        raise GatewayError(f"no rights to see 4111111111111111 {'x' * 600}")

    gateway.faults["find_operation"] = fail
    operation = lookup.look_up(unknown(gateway))
    assert operation.outcome["lookup"].startswith("no rights to see [secret] xxx")
    assert len(operation.outcome["lookup"]) == 500


def test_a_quarantine_that_ends_during_the_search_is_not_over(gateway: RecordingGateway) -> None:
    """What lands after its place in the list was read has not been looked for."""
    operation = unknown(gateway, FUTURE)

    def slow(call: Callable[[], Any]) -> LookupResult:
        Operation.objects.update(quarantine_until=PAST)
        return LookupResult()

    gateway.faults["find_operation"] = slow
    assert lookup.look_up(operation).state == "unknown"
    assert lookup.look_up(operation).state == "absent"


def test_what_is_no_result_finds_nothing(gateway: RecordingGateway) -> None:
    operation = unknown(gateway)
    gateway.faults["find_operation"] = answer(None)
    assert lookup.look_up(operation).state == "unknown"
    assert operation.outcome["lookup"] == "TypeError"


def test_a_backend_that_breaks_in_a_lookup_proves_nothing(
    gateway: RecordingGateway, caplog: pytest.LogCaptureFixture
) -> None:
    number = "4111111111111111"

    def broken(call: Callable[[], Any]) -> Any:
        raise KeyError(number)

    operation = unknown(gateway)
    gateway.faults["find_operation"] = broken
    assert lookup.look_up(operation).state == "unknown"
    assert operation.outcome["lookup"] == "KeyError"
    assert f"Operation {operation.key}: the backend raised KeyError" in caplog.text
    assert number not in caplog.text


def test_a_caller_who_asks_for_days_does_not_count_over_the_column(
    gateway: RecordingGateway,
) -> None:
    operation = unknown(gateway, FUTURE, attempts=32_766)
    for _time in range(3):
        assert lookup.look_up(operation).state == "unknown"
    assert operation.attempts == 32_767


# -- Who hears of it -------------------------------------------------------------------------------


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """What users are told about money, in order."""
    told: list[str] = []

    def receive(signal: Any, transaction: Transaction, **kwargs: Any) -> None:
        names = {signals.charged: "charged", signals.charge_failed: "charge_failed"}
        told.append(f"{names[signal]} {transaction.status}")

    for signal in (signals.charged, signals.charge_failed):
        signal.connect(receive)
    yield told
    for signal in (signals.charged, signals.charge_failed):
        signal.disconnect(receive)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (RemoteStatus.CAPTURED, "charged approved"),
        (RemoteStatus.DECLINED, "charge_failed declined"),
        (RemoteStatus.HELD, "charge_failed held"),
    ],
)
def test_users_hear_of_a_charge_that_was_found_once(
    gateway: RecordingGateway, heard: list[str], status: RemoteStatus, told: str
) -> None:
    operation = unknown(gateway)
    finds(gateway, replace(REMOTE, status=status))
    lookup.look_up(operation)
    pull.end_operation_from_remote(Operation.objects.get(), REMOTE)
    assert heard == [told]


def test_of_the_lookup_and_the_late_answer_one_tells(
    gateway: RecordingGateway, card: dict[str, Any], heard: list[str]
) -> None:
    def late(call: Callable[[], Any]) -> TransactionResult:
        result: TransactionResult = call()
        Operation.objects.update(state="unknown")
        lookup.look_up(Operation.objects.get())
        return result

    gateway.faults["charge"] = late
    row = Transaction.create(5, **card)
    assert (row, heard) == (Transaction.objects.get(), ["charged approved"])


def test_what_was_recorded_first_is_what_the_caller_gets(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    """A late approval does not turn a decline that stands in the books into a success."""

    def late(call: Callable[[], Any]) -> TransactionResult:
        Operation.objects.update(state="unknown")
        pull.end_operation_from_remote(
            Operation.objects.get(), replace(REMOTE, status=RemoteStatus.DECLINED)
        )
        return TransactionResult(ResultStatus.APPROVED, "9001")

    gateway.faults["charge"] = late
    with pytest.raises(CardDeclinedError):
        Transaction.create(5, **card)
    assert Transaction.objects.get().status == "declined"


# -- Captures --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settled", "state"),
    [(Decimal(20), "succeeded"), (Decimal(50), "needs_attention"), (None, "succeeded")],
)
def test_a_capture_is_ours_for_our_amount(
    gateway: RecordingGateway, make_customer: Make, settled: Decimal | None, state: str
) -> None:
    authorization = Transaction.create("50.00", customer=make_customer(), settle=False)
    gateway.faults["capture"] = lose_request
    with pytest.raises(OutcomeUnknown) as caught:
        authorization.settle("20.00")
    finds(
        gateway,
        replace(
            REMOTE,
            transaction_id=authorization.transaction_id or "",
            kind=TransactionKind.CAPTURE,
            amount=Decimal(50),
            settled_amount=settled,
        ),
    )
    assert lookup.look_up(caught.value.operation).state == state
    assert authorization.captured_amount == (20 if state == "succeeded" else 0)


# -- Vault -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("quarantine", "state"), [(FUTURE, "unknown"), (PAST, "absent")])
def test_a_repeatable_verb_is_only_waited_for(
    gateway: RecordingGateway, quarantine: str, state: str
) -> None:
    operation = unknown(gateway, quarantine)
    Operation.objects.update(kind="update_customer")
    operation.refresh_from_db()
    assert lookup.look_up(operation).state == state
    assert gateway.calls == []


def test_a_found_customer_completes_the_row_that_waits(gateway: RecordingGateway) -> None:
    gateway.faults["create_customer"] = lose_request
    with pytest.raises(OutcomeUnknown):
        Customer(email="bill@example.com", first_name="Bill").save()
    operation, row = Operation.objects.get(), Customer.objects.get()
    finds(
        gateway,
        RemoteCustomer(customer_id="c1", customer_key=row.customer_key, email="bill@example.com"),
    )
    assert lookup.look_up(operation).state == "succeeded"
    assert (operation.customer_id, operation.card_id) == ("c1", "")
    row.refresh_from_db()
    assert (row.customer_id, row.first_name) == ("c1", "Bill")


def test_a_found_card_gets_its_row_once(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    shown = RemoteCard(
        customer_id=customer.customer_id or "", card_id="k2", last_4="0015", brand="mastercard"
    )
    for _time in range(2):
        operation = unknown(gateway)
        Operation.objects.filter(pk=operation.pk).update(kind="add_card")
        operation.refresh_from_db()
        finds(gateway, shown)
        assert lookup.look_up(operation).state == "succeeded"
        assert operation.card_id == "k2"
    assert customer.cards.filter(card_id="k2", last_4="0015", sync_state="synced").count() == 1


def test_a_found_card_of_nobody_here_is_left_at_the_gateway(gateway: RecordingGateway) -> None:
    operation = unknown(gateway)
    Operation.objects.update(kind="add_card")
    operation.refresh_from_db()
    finds(gateway, RemoteCard(customer_id="stranger", card_id="k2", last_4="1111", brand="visa"))
    assert lookup.look_up(operation).state == "succeeded"
    assert not CreditCard.objects.exists()


@pytest.mark.parametrize("is_decided", [False, True], ids=["held", "approved"])
def test_a_mark_that_is_set_while_the_gateway_is_asked_stays(
    gateway: RecordingGateway, held: Transaction, is_decided: bool
) -> None:
    """Reconcile may find meanwhile that a rollback took the row, and has the money given back."""
    operation = Operation.objects.get(key=held.operation_key)

    def marked_meanwhile(call: Callable[[], Any]) -> Any:
        if is_decided:
            gateway.bank.decide_review(held.transaction_id or "", approve=True)
        marked = {**operation.outcome, "give_back": True}
        Operation.objects.filter(pk=operation.pk).update(outcome=marked)
        return call()

    gateway.faults["retrieve_transaction"] = marked_meanwhile
    operation.look_up()
    assert operation.state == ("succeeded" if is_decided else "held")
    for each in (operation, Operation.objects.get(pk=operation.pk)):
        assert each.outcome["give_back"] is True
    assert bool(operation.note("lookup")) is not is_decided
