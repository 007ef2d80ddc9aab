"""Charges whose row a rollback took: written again, told once, given back where that is wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from django_dinero import conf, signals
from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import (
    ActionRequired,
    CardDeclinedError,
    DineroError,
    OperationClosed,
    OperationInProgress,
    OrderPaid,
    OutcomeUnknown,
)
from django_dinero.gateways.types import Reason, TransactionResult
from django_dinero.models import Customer, Operation, Reconciliation, Transaction
from django_dinero.models.records import Intent, RecordedOutcome
from django_dinero.services import ledger
from django_dinero.services.reconcile import orphans
from django_dinero.services.reconcile.phase import Run
from django_dinero.services.reconcile.run import reconcile
from django_dinero.services.recovery import lookup
from django_dinero.testing.factories import TransactionFactory
from tests.support.aging import let_tellings_die
from tests.support.recording import RecordingGateway, answer, lose_reply, refuse_connection
from tests.support.rollbacks import lose_in_rollback
from tests.support.webhooks import PAST, notice, receive

pytestmark = pytest.mark.django_db

RollBack = Callable[..., None]
LATER = "2999-01-01T00:00:00Z"


@pytest.fixture
def voiding(run: Run) -> Run:
    """A run that gives orphans back."""
    return replace(run, void_orphans=True, counts=Counter())


def test_the_row_is_written_again_as_it_was_and_told_once(
    charge: Transaction, roll_back: RollBack, run: Run, orphaned: list[str]
) -> None:
    roll_back(charge)
    orphans.restore(run)
    orphans.restore(run)
    row = Transaction.objects.get()
    assert (row.public_id, row.price, row.status) == (charge.public_id, Decimal(50), "approved")
    assert (row.order_reference, row.customer) == ("A-1", charge.customer)
    assert orphaned == [row.operation_key]
    assert run.counts == {"orphans_restored": 1}


def test_a_run_that_dies_while_it_tells_is_followed_by_one_that_tells_again(
    charge: Transaction, roll_back: RollBack, run: Run, voiding: Run, gateway: RecordingGateway
) -> None:
    heard = []

    def dies_once(transaction: Transaction, **_more: Any) -> None:
        heard.append(transaction.operation_key)
        if len(heard) == 1:
            raise KeyboardInterrupt

    roll_back(charge)
    signals.charge_orphaned.connect(dies_once)
    try:
        with pytest.raises(KeyboardInterrupt):
            orphans.restore(voiding)
        dry = replace(run, dry_run=True, counts=Counter())
        orphans.restore(dry)
        assert dry.counts == {"orphans": 1}
        orphans.restore(run)  # it may still be telling
        assert len(heard) == 1
        let_tellings_die()
        orphans.restore(run)  # what the first run was to do with the money counts
        orphans.restore(run)
    finally:
        signals.charge_orphaned.disconnect(dies_once)
    row = Transaction.objects.get(kind="charge")
    assert heard == [row.operation_key] * 2
    assert gateway.verbs.count("void") == 1
    outcome = Operation.objects.get(kind="charge").outcome
    assert {"orphan", "telling", "give_back"}.isdisjoint(outcome)


def committed(charge: Transaction) -> Operation:
    """Let a charge be one that was made in a transaction of the caller's, which was committed."""
    operation = Operation.objects.get(key=charge.operation_key)
    operation.intent = {**operation.intent, "in_transaction": True}
    operation.save(update_fields=["intent"])
    return operation


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_row_that_a_run_has_seen_was_taken_by_no_rollback(
    gateway: RecordingGateway,
    charge: Transaction,
    wait: Callable[[], None],
    run: Run,
    voiding: Run,
    orphaned: list[str],
    dry_run: bool,
) -> None:
    """Somebody deletes it later, or restores the table from a dump: the customer has paid."""
    operation = committed(charge)
    wait()
    orphans.restore(replace(run, dry_run=dry_run, counts=Counter()))
    operation.refresh_from_db()
    assert Intent.of(operation).in_transaction is dry_run
    Transaction.objects.filter(pk=charge.pk).delete()
    orphans.restore(voiding)
    kept = {"lost_rows_restored": 1}
    given_back = {"orphans_restored": 1, "orphans_given_back": 1}
    assert voiding.counts == (given_back if dry_run else kept)
    assert Transaction.objects.get(kind="charge").status == ("voided" if dry_run else "approved")
    assert ("void" in gateway.verbs, bool(orphaned)) == (dry_run, dry_run)


def test_a_row_that_is_seen_during_the_lease_proves_no_commit_yet(
    charge: Transaction, run: Run
) -> None:
    operation = committed(charge)
    orphans.restore(run)
    operation.refresh_from_db()
    assert Intent.of(operation).in_transaction


def test_what_was_unknown_when_others_were_seen_is_given_back_all_the_same(
    gateway: RecordingGateway, customer: Customer, run: Run, voiding: Run, roll_back: RollBack
) -> None:
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown) as caught:
        customer.charge(5)
    orphans.restore(run)
    operation = caught.value.operation
    operation.look_up()
    roll_back(Transaction.objects.get())
    orphans.restore(voiding)
    assert voiding.counts == {"orphans_restored": 1, "orphans_given_back": 1}


def test_an_orphan_that_another_one_wrote_again_stays_one_until_it_is_given_back(
    gateway: RecordingGateway, charge: Transaction, roll_back: RollBack, voiding: Run
) -> None:
    roll_back(charge)
    operation = Operation.objects.get(key=charge.operation_key)
    ledger.restore_row(operation)
    gateway.faults["void"] = refuse_connection
    with pytest.raises(DineroError):
        orphans.restore(voiding)
    operation.refresh_from_db()
    assert Intent.of(operation).in_transaction
    orphans.restore(voiding)
    assert voiding.counts == {"orphans_restored": 1, "orphans_given_back": 1}


def test_a_worker_between_its_outcome_and_its_row_is_waited_for(
    charge: Transaction, roll_back: RollBack, run: Run
) -> None:
    roll_back(charge)
    Operation.objects.update(lease_until=LATER)
    orphans.restore(run)
    assert not Transaction.objects.exists()


def test_what_followed_comes_back_with_it(
    authorization: Transaction, roll_back: RollBack, run: Run, orphaned: list[str]
) -> None:
    captured = authorization.capture("20.00")
    roll_back(authorization, captured)
    orphans.restore(run)
    assert [row.kind for row in Transaction.objects.order_by("pk")] == ["authorization", "capture"]
    assert orphaned == [authorization.operation_key]


def test_a_lost_void_is_restored_and_no_charge_is_called_an_orphan(
    charge: Transaction, roll_back: RollBack, run: Run, orphaned: list[str]
) -> None:
    voided = charge.void()
    roll_back(voided)
    # The same id at the account that its gateway was before is another payment.
    parent = TransactionFactory(live=True)
    same_id = {"transaction_id": voided.transaction_id, "live": True}
    TransactionFactory(kind="void", parent=parent, **same_id)
    Transaction.objects.update(status="approved")
    orphans.restore(run)
    charge.refresh_from_db()
    assert (charge.status, Transaction.objects.count(), orphaned) == ("voided", 4, [])


def test_a_void_of_an_authorization_and_its_capture_has_one_row(
    gateway: RecordingGateway, authorization: Transaction, run: Run, wait: Callable[[], None]
) -> None:
    captured = authorization.capture()
    captured.void()
    Transaction.objects.filter(pk=authorization.pk).update(status="approved")
    authorization.refresh_from_db()
    authorization.void()
    wait()
    assert Operation.objects.filter(kind="void", state="succeeded").count() == 2
    assert Transaction.objects.filter(kind="void").count() == 1
    dry = replace(run, dry_run=True, counts=Counter())
    orphans.restore(dry)
    orphans.restore(run)
    assert (dry.counts["orphans"], run.counts["orphans_restored"]) == (0, 0)


def test_a_declined_charge_gets_its_row_and_nobody_is_alarmed(
    gateway: RecordingGateway,
    card: dict[str, Any],
    roll_back: RollBack,
    voiding: Run,
    orphaned: list[str],
) -> None:
    with pytest.raises(CardDeclinedError) as caught:
        Transaction.create("50.00", **{**card, "zip": "46282"})
    roll_back(caught.value.transaction)
    orphans.restore(voiding)
    assert Transaction.objects.get().status == "declined"
    assert orphaned == []
    assert voiding.counts == {"orphans_restored": 1}


def test_what_is_older_than_the_window_or_of_another_account_is_left(
    charge: Transaction, roll_back: RollBack, run: Run
) -> None:
    roll_back(charge)
    for change in ({"created_at": "2020-01-01T00:00:00Z"}, {"live": True}, {"gateway_name": "b"}):
        stood = Operation.objects.filter(pk=Operation.objects.get(kind="charge").pk)
        before = stood.values(*change).get()
        stood.update(**change)
        orphans.restore(run)
        assert not Transaction.objects.exists()
        stood.update(**before)
    orphans.restore(run)
    assert Transaction.objects.exists()


# -- How far back they are looked for --------------------------------------------------------------


def looked_today(gateway: RecordingGateway) -> None:
    """Let a run of today have looked for orphans already."""
    account = {"gateway_name": gateway.name, "live": gateway.live}
    Reconciliation.objects.create(
        **account, state="finished", since=datetime.now(UTC), phases_done=["orphans"]
    )


def make_older(days: float) -> None:
    Operation.objects.update(created_at=datetime.now(UTC) - timedelta(days=days))


def test_one_that_is_ended_days_later_is_told_and_given_back_by_the_next_run(
    gateway: RecordingGateway, lost: Transaction, run: Run, voiding: Run, orphaned: list[str]
) -> None:
    make_older(4)
    looked_today(gateway)
    by_retrieving(gateway, lost)
    dry = replace(run, dry_run=True, counts=Counter())
    orphans.restore(dry)
    assert dry.counts == {"orphans": 1}
    orphans.restore(voiding)
    orphans.restore(voiding)
    assert orphaned == [lost.operation_key]
    assert gateway.verbs.count("void") == 1


@pytest.mark.parametrize("has_row", [False, True])
def test_older_ones_are_looked_for_once_a_day(
    gateway: RecordingGateway, lost: Transaction, voiding: Run, orphaned: list[str], has_row: bool
) -> None:
    make_older(30)
    if has_row:
        by_retrieving(gateway, lost)
        Transaction.objects.update(created_at=PAST)
    looked_today(gateway)
    orphans.restore(voiding)
    assert orphaned == []
    Reconciliation.objects.update(started_at=datetime.now(UTC) - timedelta(days=1))
    orphans.restore(voiding)
    assert orphaned == [lost.operation_key]
    assert gateway.verbs.count("void") == 1


def test_one_that_cannot_be_finished_is_tried_by_each_run_however_old_it_is(
    gateway: RecordingGateway, lost: Transaction
) -> None:
    make_older(30)
    for _time in range(2):
        gateway.faults["void"] = refuse_connection
        assert reconcile(None, void_orphans=True).error.startswith("orphans: 1 orphan could not")
    assert reconcile(None).state == "finished"
    assert Transaction.objects.get(kind="charge").status == "voided"


def test_a_dry_run_counts_and_writes_nothing(
    charge: Transaction, roll_back: RollBack, run: Run
) -> None:
    roll_back(charge)
    dry = replace(run, dry_run=True, counts=Counter())
    orphans.restore(dry)
    assert dry.counts == {"orphans": 1}
    assert not Transaction.objects.exists()


# -- Given back ------------------------------------------------------------------------------------


def test_an_unsettled_charge_is_voided_once(
    gateway: RecordingGateway,
    charge: Transaction,
    roll_back: RollBack,
    voiding: Run,
    orphaned: list[str],
) -> None:
    roll_back(charge)
    orphans.restore(voiding)
    orphans.restore(voiding)
    assert gateway.verbs.count("void") == 1
    row = Transaction.objects.get(kind="charge")
    assert (row.status, orphaned) == ("voided", [row.operation_key])
    assert voiding.counts == {"orphans_restored": 1, "orphans_given_back": 1}
    made = Operation.objects.get(kind="void")
    assert (made.parent_key, made.state) == (row.operation_key, "succeeded")


@pytest.mark.parametrize("is_done", [False, True], ids=["pending", "done"])
def test_whoever_repeats_the_key_of_what_is_given_back_is_not_told_that_it_is_paid(
    gateway: RecordingGateway,
    customer: Customer,
    roll_back: RollBack,
    voiding: Run,
    is_done: bool,
) -> None:
    def pay() -> Transaction:
        return Transaction.create("50.00", customer=customer, idempotency_key="order-1")

    roll_back(pay())
    if is_done:
        orphans.restore(voiding)
    else:
        gateway.faults["void"] = refuse_connection
        with pytest.raises(DineroError):
            orphans.restore(voiding)
    with pytest.raises(OperationClosed, match="given back"):
        pay()
    assert gateway.verbs.count("charge") == 1


def test_a_settled_charge_is_refunded(
    gateway: RecordingGateway, settled: Transaction, roll_back: RollBack, voiding: Run
) -> None:
    roll_back(settled)
    orphans.restore(voiding)
    orphans.restore(voiding)
    assert gateway.verbs.count("refund") == 1
    assert Transaction.objects.get(kind="refund").price == Decimal(50)


@pytest.mark.parametrize("outcome", [ResultStatus.HELD, ResultStatus.REQUIRES_ACTION])
def test_a_refund_that_is_not_decided_has_given_nothing_back(
    gateway: RecordingGateway,
    settled: Transaction,
    roll_back: RollBack,
    voiding: Run,
    outcome: ResultStatus,
) -> None:
    roll_back(settled)
    gateway.faults["refund"] = answer(TransactionResult(outcome, "9001"))
    for _time in range(2):
        with pytest.raises(DineroError, match="1 orphan could not"):
            orphans.restore(voiding)
    waiting = Operation.objects.filter(kind="refund")
    declined = replace(RecordedOutcome.of(waiting.get()), result=ResultStatus.DECLINED.value)
    waiting.update(state="declined", outcome=declined.to_json(), updated_at=PAST)
    Transaction.objects.filter(kind="refund").update(status="declined")
    orphans.restore(voiding)
    assert gateway.verbs.count("refund") == 2
    given = Transaction.objects.get(kind="refund", status="approved")
    assert given.price == Decimal(50)
    orphans.restore(voiding)
    assert gateway.verbs.count("refund") == 2


def test_what_was_refunded_before_is_not_given_back_twice(
    gateway: RecordingGateway, settled: Transaction, roll_back: RollBack, voiding: Run
) -> None:
    refund = settled.refund("20.00")
    roll_back(settled, refund)
    orphans.restore(voiding)
    prices = (
        Transaction.objects.filter(kind="refund").order_by("pk").values_list("price", flat=True)
    )
    assert list(prices) == [20, 30]


def test_an_authorization_is_voided(
    gateway: RecordingGateway, authorization: Transaction, roll_back: RollBack, voiding: Run
) -> None:
    roll_back(authorization)
    orphans.restore(voiding)
    assert Transaction.objects.get(kind="authorization").status == "voided"


def test_a_captured_authorization_is_given_back(
    gateway: RecordingGateway, authorization: Transaction, roll_back: RollBack, voiding: Run
) -> None:
    roll_back(authorization, authorization.capture())
    orphans.restore(voiding)
    assert [each.status for each in gateway.bank.transactions()] == ["voided"]
    assert {row.status for row in Transaction.objects.exclude(kind="void")} == {"voided"}


def test_a_held_payment_is_declined(
    gateway: RecordingGateway,
    held: Transaction,
    roll_back: RollBack,
    voiding: Run,
    orphaned: list[str],
) -> None:
    roll_back(held)
    orphans.restore(voiding)
    assert Transaction.objects.get().status == "declined"
    assert len(orphaned) == 1


def test_what_waits_for_the_cards_holder_is_voided(
    gateway: RecordingGateway, customer: Customer, roll_back: RollBack, voiding: Run
) -> None:
    card = customer.add_card(number="4000000000003220", month=12, year=2030, cvv="900")
    with pytest.raises(ActionRequired) as caught:
        Transaction.create("50.00", card=card)
    roll_back(caught.value.transaction)
    orphans.restore(voiding)
    assert Transaction.objects.get(kind="charge").status == "voided"


def test_what_could_not_be_given_back_is_tried_again_whatever_the_next_run_is_told(
    gateway: RecordingGateway, charge: Transaction, roll_back: RollBack, run: Run, voiding: Run
) -> None:
    roll_back(charge)
    gateway.faults["void"] = refuse_connection
    with pytest.raises(DineroError, match="1 orphan could not"):
        orphans.restore(voiding)
    assert Transaction.objects.get().status == "approved"
    orphans.restore(run)
    assert Transaction.objects.get(kind="charge").status == "voided"
    assert run.counts == {"orphans_given_back": 1}


def test_one_that_settles_before_its_void_arrives_is_refunded(
    gateway: RecordingGateway, charge: Transaction, roll_back: RollBack, voiding: Run
) -> None:
    roll_back(charge)

    def settled_meanwhile(call: Callable[[], object]) -> object:
        gateway.bank.settle_batch()
        return call()

    gateway.faults["void"] = settled_meanwhile
    orphans.restore(voiding)
    assert Transaction.objects.get(kind="refund", status="approved").price == Decimal(50)
    assert voiding.counts["orphans_given_back"] == 1


REFUSED = TransactionResult(
    ResultStatus.FAILED, reasons=(Reason(ReasonKind.REFUND, "54", "not now"),)
)


def test_what_was_refused_is_tried_again_and_rests_longer_each_time(
    gateway: RecordingGateway, charge: Transaction, roll_back: RollBack, voiding: Run
) -> None:
    roll_back(charge)
    for _time in range(2):
        gateway.faults["void"] = answer(REFUSED)
        with pytest.raises(DineroError, match="1 orphan could not"):
            orphans.restore(voiding)
    with pytest.raises(DineroError, match="1 orphan could not"):
        orphans.restore(voiding)
    assert gateway.verbs.count("void") == 2
    Operation.objects.filter(kind="void").update(updated_at="2020-01-01T00:00:00Z")
    orphans.restore(voiding)
    assert Transaction.objects.get(kind="charge").status == "voided"
    keys = Operation.objects.filter(kind="void").order_by("pk")
    first = f"orphan:{charge.operation_key}"
    assert [each.idempotency_key for each in keys] == [first, f"{first}:1", f"{first}:2"]


def test_a_refused_review_is_asked_for_again(
    gateway: RecordingGateway, held: Transaction, roll_back: RollBack, voiding: Run
) -> None:
    roll_back(held)
    gateway.faults["decide_review"] = answer(REFUSED)
    with pytest.raises(DineroError, match="1 orphan could not"):
        orphans.restore(voiding)
    orphans.restore(voiding)
    assert Transaction.objects.get().status == "declined"


def test_a_void_whose_answer_was_lost_is_not_sent_again(
    gateway: RecordingGateway,
    charge: Transaction,
    roll_back: RollBack,
    voiding: Run,
    wait: Callable[[], None],
) -> None:
    roll_back(charge)
    gateway.faults["void"] = lose_reply
    with pytest.raises(DineroError):
        orphans.restore(voiding)
    wait()
    orphans.restore(voiding)
    assert gateway.verbs.count("void") == 1
    assert Transaction.objects.get(kind="charge").status == "voided"


def test_one_that_a_person_has_refunded_meanwhile_is_done(
    gateway: RecordingGateway, settled: Transaction, roll_back: RollBack, voiding: Run
) -> None:
    roll_back(settled)
    gateway.faults["refund"] = refuse_connection
    with pytest.raises(DineroError):
        orphans.restore(voiding)
    Transaction.objects.get(kind="charge").refund()
    orphans.restore(voiding)
    assert Transaction.objects.filter(kind="refund", status="approved").count() == 1
    assert not Operation.objects.filter(outcome__has_key="give_back").exists()


@pytest.mark.parametrize("refunded", ["20.00", None], ids=["a part", "all"])
def test_so_is_a_captured_authorization(
    gateway: RecordingGateway,
    authorization: Transaction,
    roll_back: RollBack,
    voiding: Run,
    refunded: str | None,
) -> None:
    """The refund hangs on the capture, and a run that broke off for it would do so for ever."""
    capture = authorization.capture()
    gateway.bank.settle_batch()
    roll_back(authorization, capture)
    gateway.faults["refund"] = refuse_connection
    with pytest.raises(DineroError):
        orphans.restore(voiding)
    Transaction.objects.get(kind="capture").refund(refunded)
    orphans.restore(voiding)
    refunds = Transaction.objects.filter(kind="refund", status="approved")
    assert sum(row.price for row in refunds) == Decimal(50)
    assert not Operation.objects.filter(outcome__has_key="give_back").exists()


def test_one_orphan_that_fails_does_not_stop_the_next(
    gateway: RecordingGateway, customer: Customer, roll_back: RollBack, voiding: Run
) -> None:
    rows = [Transaction.create("5.00", customer=customer) for _ in range(2)]
    roll_back(*rows)
    gateway.faults["void"] = lambda call: (_ for _ in ()).throw(OutcomeUnknown("lost"))
    with pytest.raises(DineroError, match="1 orphan"):
        orphans.restore(voiding)
    statuses = (
        Transaction.objects.filter(kind="charge").order_by("pk").values_list("status", flat=True)
    )
    assert list(statuses) == ["approved", "voided"]


def test_kept_orphans_stay_kept(
    gateway: RecordingGateway, charge: Transaction, roll_back: RollBack, run: Run, voiding: Run
) -> None:
    roll_back(charge)
    orphans.restore(run)
    orphans.restore(voiding)
    assert "void" not in gateway.verbs


def test_a_row_that_somebody_deleted_is_no_orphan(
    charge: Transaction,
    wait: Callable[[], None],
    voiding: Run,
    orphaned: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    Transaction.objects.filter(pk=charge.pk).delete()
    wait()
    orphans.restore(voiding)
    assert Transaction.objects.get().status == "approved"
    assert orphaned == []
    assert voiding.counts == {"lost_rows_restored": 1}
    assert f"The row of operation {charge.operation_key} was gone" in caplog.text


# -- Written again by others -----------------------------------------------------------------------


def by_webhook(gateway: RecordingGateway, row: Transaction) -> None:
    event = receive(gateway, notice("transaction", row.transaction_id or ""))
    assert event is not None
    assert event.state in ("applied", "parked")
    if event.state == "parked":
        raise OperationInProgress(event.error)


def by_retrieving(gateway: RecordingGateway, row: Transaction) -> None:
    Transaction.retrieve(row.transaction_id or "")


def by_look_up(gateway: RecordingGateway, row: Transaction) -> None:
    operation = Operation.objects.get(key=row.operation_key).look_up()
    if not Transaction.objects.exists():
        raise OperationInProgress(operation.state)


def by_webhook_of_a_refund(gateway: RecordingGateway, row: Transaction) -> None:
    gateway.bank.settle_batch()
    gateway.bank.refund(row.transaction_id or "", Decimal("20.00"))
    refund = gateway.bank.transactions()[-1]
    event = receive(gateway, notice("transaction", refund.id))
    assert event is not None
    if event.state == "parked":
        raise OperationInProgress(event.error)


Way = Callable[[RecordingGateway, Transaction], None]
WAYS = [by_webhook, by_retrieving, by_look_up, by_webhook_of_a_refund]


@pytest.fixture
def set_on_rollback(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set what becomes of orphans. A change of the settings would build the gateway anew."""

    def change(value: str) -> None:
        monkeypatch.setattr(conf, "on_rollback", lambda: value)

    return change


@pytest.fixture
def lost(charge: Transaction, roll_back: RollBack) -> Transaction:
    """A charge whose row a rollback took, and whose lease is over."""
    roll_back(charge)
    Operation.objects.update(updated_at=PAST)
    return charge


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("told_to", ["keep", "void", "run"])
def test_what_others_have_written_again_is_told_and_given_back_all_the_same(
    gateway: RecordingGateway,
    lost: Transaction,
    run: Run,
    voiding: Run,
    orphaned: list[str],
    set_on_rollback: Callable[[str], None],
    way: Way,
    told_to: str,
) -> None:
    """Either the setting says that it goes back, or the run that finds it."""
    set_on_rollback("void" if told_to == "void" else "keep")
    way(gateway, lost)
    row = Transaction.objects.get(kind="charge")
    assert (row.public_id, orphaned) == (lost.public_id, [])
    dry = replace(run, dry_run=True, counts=Counter())
    orphans.restore(dry)
    assert dry.counts == {"orphans": 1}
    for _time in range(2):
        orphans.restore(voiding if told_to == "run" else run)
    assert orphaned == [row.operation_key]
    given_back = {"void", "refund"} & set(gateway.verbs)
    assert bool(given_back) is (told_to != "keep")
    outcome = Operation.objects.get(kind="charge").outcome
    assert {"orphan", "telling", "give_back"}.isdisjoint(outcome)
    counts = voiding.counts if told_to == "run" else run.counts
    assert counts["orphans_restored"] == 1


@pytest.mark.parametrize("way", WAYS)
def test_nobody_but_its_caller_gets_it_while_its_lease_runs(
    gateway: RecordingGateway,
    customer: Customer,
    run: Run,
    orphaned: list[str],
    wait: Callable[[], None],
    set_on_rollback: Callable[[str], None],
    way: Way,
) -> None:
    """Its worker may be about to write the row, or its caller about to ask for it."""
    set_on_rollback("void")

    def pay() -> Transaction:
        return Transaction.create("50.00", customer=customer, idempotency_key="order-1")

    row = pay()
    lose_in_rollback(row)
    Operation.objects.update(updated_at=PAST)
    with pytest.raises(OperationInProgress):
        way(gateway, row)
    assert not Transaction.objects.exists()
    assert pay().public_id == row.public_id
    way(gateway, row)
    wait()
    orphans.restore(run)
    assert orphaned == []
    assert {"void", "refund"}.isdisjoint(gateway.verbs)


@pytest.mark.parametrize("told_to", ["keep", "void"])
def test_its_caller_may_ask_for_it_after_others_have_written_it_again(
    gateway: RecordingGateway,
    customer: Customer,
    roll_back: RollBack,
    run: Run,
    orphaned: list[str],
    set_on_rollback: Callable[[str], None],
    told_to: str,
) -> None:
    set_on_rollback(told_to)

    def pay() -> Transaction:
        return Transaction.create("50.00", customer=customer, idempotency_key="order-1")

    row = pay()
    roll_back(row)
    by_retrieving(gateway, row)
    if told_to == "void":
        with pytest.raises(OperationClosed, match="given back"):
            pay()
    else:
        assert pay().public_id == row.public_id
    orphans.restore(run)
    assert orphaned == ([row.operation_key] if told_to == "void" else [])
    assert gateway.verbs.count("void") == (told_to == "void")


# -- Ended by others -------------------------------------------------------------------------------


def in_a_transaction(*, state: str, leased: bool = True) -> Any:
    """A fault: the charge is one of a caller's transaction, and its answer is still to come."""

    def made(call: Callable[[], Any]) -> Any:
        result = call()
        operation = Operation.objects.get(kind="charge")
        operation.intent = {**operation.intent, "in_transaction": True}
        operation.state = state
        operation.save(update_fields=["intent", "state"])
        if not leased:
            Operation.objects.update(lease_until=PAST)
        return result

    return made


def ended_by(way: Way, gateway: RecordingGateway) -> None:
    (there,) = gateway.bank.transactions()
    operation = Operation.objects.get(kind="charge")
    way(gateway, Transaction(transaction_id=there.id, operation_key=operation.key))


ENDING_WAYS = [by_webhook, by_retrieving, by_look_up]


@pytest.mark.parametrize("way", ENDING_WAYS)
@pytest.mark.parametrize("state", ["sent", "unknown"])
def test_what_others_end_is_an_orphan_unless_its_caller_hears_of_it(
    gateway: RecordingGateway,
    customer: Customer,
    run: Run,
    orphaned: list[str],
    wait: Callable[[], None],
    way: Way,
    state: str,
) -> None:
    """The worker found the row that they had written, and its rollback took nothing."""

    def fault(call: Callable[[], Any]) -> Any:
        in_a_transaction(state=state)(call)
        raise OutcomeUnknown("lost")

    gateway.faults["charge"] = fault
    with pytest.raises(OutcomeUnknown):
        Transaction.create("50.00", customer=customer)
    Operation.objects.filter(kind="charge").update(state=state)
    with pytest.raises(OperationInProgress):
        ended_by(way, gateway)
    assert not Transaction.objects.exists()
    wait()
    ended_by(way, gateway)
    orphans.restore(run)
    orphans.restore(run)
    assert orphaned == [Transaction.objects.get().operation_key]


@pytest.mark.parametrize("way", ENDING_WAYS)
@pytest.mark.parametrize("told_to", ["keep", "void"])
def test_a_slow_worker_takes_the_mark_away_or_hears_that_it_goes_back(
    gateway: RecordingGateway,
    customer: Customer,
    run: Run,
    orphaned: list[str],
    set_on_rollback: Callable[[str], None],
    way: Way,
    told_to: str,
) -> None:
    set_on_rollback(told_to)

    def fault(call: Callable[[], Any]) -> Any:
        result = in_a_transaction(state="sent", leased=False)(call)
        ended_by(way, gateway)
        return result

    gateway.faults["charge"] = fault
    if told_to == "void":
        with pytest.raises(OperationClosed, match="given back"):
            Transaction.create("50.00", customer=customer)
    else:
        assert Transaction.create("50.00", customer=customer).status == "approved"
    orphans.restore(run)
    assert len(orphaned) == (told_to == "void")
    assert gateway.verbs.count("void") == (told_to == "void")


def test_the_refusal_that_others_found_is_no_orphan(
    gateway: RecordingGateway, customer: Customer, run: Run, orphaned: list[str]
) -> None:
    def fault(call: Callable[[], Any]) -> Any:
        call()
        in_a_transaction(state="unknown", leased=False)(lambda: None)
        raise OutcomeUnknown("lost")

    gateway.faults["charge"] = fault
    with pytest.raises(OutcomeUnknown):
        Transaction.create("50.00", customer=customer)
    (there,) = gateway.bank.transactions()
    gateway.bank.void(there.id)
    Operation.objects.filter(kind="charge").update(state="unknown")
    ended_by(by_retrieving, gateway)
    orphans.restore(run)
    assert (orphaned, Operation.objects.get(kind="charge").state) == ([], "declined")


def test_a_mark_rests_while_the_lease_runs(
    gateway: RecordingGateway, lost: Transaction, voiding: Run, orphaned: list[str]
) -> None:
    """A caller may have asked for the row in a transaction that is still open."""
    by_retrieving(gateway, lost)
    Operation.objects.update(lease_until=LATER)
    orphans.restore(voiding)
    assert (orphaned, gateway.verbs.count("void")) == ([], 0)
    Operation.objects.update(lease_until=PAST)
    orphans.restore(voiding)
    assert gateway.verbs.count("void") == 1


def test_one_that_waits_for_its_holder_is_its_callers_too(
    gateway: RecordingGateway,
    customer: Customer,
    run: Run,
    orphaned: list[str],
    wait: Callable[[], None],
) -> None:
    card = customer.add_card(number="4000000000003220", month=12, year=2030, cvv="900")

    def pay() -> Transaction:
        with pytest.raises(ActionRequired) as caught:
            Transaction.create("50.00", card=card, idempotency_key="order-1")
        row: Transaction = caught.value.transaction
        return row

    first = pay()
    lose_in_rollback(first)
    assert pay().public_id == first.public_id
    wait()
    orphans.restore(run)
    assert orphaned == []


def test_the_page_that_its_holder_looks_at_shows_it_at_once(
    gateway: RecordingGateway,
    customer: Customer,
    run: Run,
    orphaned: list[str],
    wait: Callable[[], None],
) -> None:
    """The wallet and the API ask for whoever pays; the exception itself may have rolled it back."""
    card = customer.add_card(number="4000000000003220", month=12, year=2030, cvv="900")
    with pytest.raises(ActionRequired) as caught:
        Transaction.create("50.00", card=card)
    lose_in_rollback(caught.value.transaction)
    operation = lookup.look_up(Operation.objects.get(kind="charge"), is_callers=True)
    assert Transaction.objects.get().status == "requires_action"
    assert operation.next_action is not None
    wait()
    orphans.restore(run)
    assert orphaned == []


def test_a_charge_that_the_gateway_refused_is_no_orphan(
    gateway: RecordingGateway,
    customer: Customer,
    roll_back: RollBack,
    voiding: Run,
    orphaned: list[str],
) -> None:
    refusal = (Reason(ReasonKind.INVALID_AMOUNT, "5", "A valid amount is required."),)
    gateway.faults["charge"] = answer(TransactionResult(ResultStatus.FAILED, reasons=refusal))
    with pytest.raises(DineroError):
        Transaction.create("50.00", customer=customer)
    roll_back(Transaction.objects.get())
    operation = Operation.objects.get(kind="charge")
    assert operation.state == "failed"
    operation.look_up()
    assert Transaction.objects.get().status == "failed"
    orphans.restore(voiding)
    assert (orphaned, voiding.counts) == ([], {})


def test_a_row_that_a_transaction_holds_is_given_back_later(
    charge: Transaction,
    roll_back: RollBack,
    voiding: Run,
    orphaned: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    roll_back(charge)
    operation = Operation.objects.get(kind="charge")
    operation.outcome = {**operation.outcome, "give_back": True}
    operation.save(update_fields=["outcome"])
    with pytest.raises(OperationInProgress, match="still open has the row"):
        orphans._give_back(voiding, operation)


@pytest.mark.parametrize(
    ("told_to", "expected"), [("keep", OrderPaid), ("void", OperationInProgress)]
)
def test_an_order_that_an_orphan_has_paid(
    gateway: RecordingGateway,
    customer: Customer,
    wait: Callable[[], None],
    run: Run,
    orphaned: list[str],
    set_on_rollback: Callable[[str], None],
    told_to: str,
    expected: type[DineroError],
) -> None:
    """It is being paid while the caller may ask. Then it is paid, unless that is given back."""
    set_on_rollback(told_to)

    def pay() -> Transaction:
        return Transaction.create(
            "50.00", customer=customer, order_reference="A-1", pays_order=True
        )

    lost = pay()
    lose_in_rollback(lost)
    with pytest.raises(OperationInProgress, match="being paid"):
        pay()
    wait()
    with pytest.raises(expected):
        pay()
    orphans.restore(replace(run, void_orphans=told_to == "void"))
    assert orphaned == [lost.operation_key]
    if told_to == "void":
        assert pay().status == "approved"
    assert gateway.verbs.count("void") == (told_to == "void")


def test_an_orphan_that_its_review_has_declined_is_no_news(
    gateway: RecordingGateway,
    held: Transaction,
    roll_back: RollBack,
    run: Run,
    orphaned: list[str],
) -> None:
    roll_back(held)
    by_retrieving(gateway, held)
    gateway.bank.decide_review(held.transaction_id or "", approve=False)
    by_retrieving(gateway, held)
    orphans.restore(run)
    assert orphaned == []
    assert Transaction.objects.get().status == "declined"


@pytest.mark.parametrize(
    "fault",
    [
        refuse_connection,
        answer(
            TransactionResult(
                ResultStatus.FAILED, reasons=(Reason(ReasonKind.NOT_PERMITTED, "E1", "no"),)
            )
        ),
    ],
    ids=["not sent", "not permitted"],
)
def test_one_that_somebody_approves_after_a_decline_that_failed_is_refunded(
    gateway: RecordingGateway,
    held: Transaction,
    roll_back: RollBack,
    voiding: Run,
    wait: Callable[[], None],
    fault: Any,
) -> None:
    roll_back(held)
    gateway.faults["decide_review"] = fault
    with pytest.raises(DineroError):
        orphans.restore(voiding)
    transaction_id = held.transaction_id or ""
    gateway.bank.decide_review(transaction_id, approve=True)
    Transaction.retrieve(transaction_id)
    wait()
    orphans.restore(voiding)
    assert Operation.objects.get(kind="charge").outcome["given_back"] is True
    assert Transaction.objects.get(kind="charge").status == "voided"
