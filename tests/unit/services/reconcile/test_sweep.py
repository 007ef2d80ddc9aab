"""The sweep: rows follow what the gateway lists, and contradictions become differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, localcontext
from typing import Any

import pytest
from django.db.models import F
from django.utils.translation import override

from django_dinero.enums import RemoteStatus, TransactionKind
from django_dinero.exceptions import GatewayError, OutcomeUnknown
from django_dinero.gateways.types import RemoteTransaction
from django_dinero.models import Customer, Difference, Operation, Transaction
from django_dinero.models.difference import DifferenceKind
from django_dinero.services.reconcile import differences
from django_dinero.services.reconcile.differences import Found
from django_dinero.services.reconcile.findings import Findings
from django_dinero.services.reconcile.phase import Run
from django_dinero.services.reconcile.sweep import sweep
from tests.support.recording import RecordingGateway, lose_reply
from tests.support.rollbacks import lose_in_rollback
from tests.support.sweeping import make_run, told

__all__ = ["make_run", "told"]

pytestmark = pytest.mark.django_db

#: In seconds.
DAY = 24 * 60 * 60
Make = Callable[..., Run]
Told = list[tuple[str, str]]


def age(days: float = 1) -> None:
    """Move what is here back, so that it lies in the window of a complete list."""
    past = timedelta(days=days)
    Transaction.objects.update(created_at=F("created_at") - past)


def listing(gateway: RecordingGateway, change: Callable[[Any], Any]) -> None:
    """Let the gateway's next list be another one."""
    gateway.faults["iter_transactions"] = lambda call: iter(change(list(call())))


def showing(gateway: RecordingGateway, **values: Any) -> None:
    """Let the gateway show each payment otherwise, in its next list and answer."""
    listing(gateway, lambda found: [replace(each, **values) for each in found])
    gateway.faults["retrieve_transaction"] = lambda call: replace(call(), **values)


def open_kinds() -> list[str]:
    rows = Difference.objects.filter(state="open").exclude(kind="books")
    return list(rows.order_by("pk").values_list("kind", flat=True))


# -- What agrees, and what has become of it ------------------------------------------------------


def test_books_that_agree_stay_as_they_are(
    gateway: RecordingGateway, charge: Transaction, make_run: Make, told: Told
) -> None:
    age()
    before = Transaction.objects.values().get()
    mark, run = gateway.mark, make_run()
    sweep(run)
    assert Transaction.objects.values().get() == before
    assert gateway.since(mark) == ["iter_transactions"]
    assert (run.counts["listed"], run.counts["differences"], told) == (1, 0, [])


def test_what_has_settled_is_told_once_with_its_batch(
    gateway: RecordingGateway, settled: Transaction, make_run: Make, told: Told
) -> None:
    batch = gateway.bank.batches()[-1]
    sweep(make_run())
    sweep(make_run())
    settled.refresh_from_db()
    assert (settled.status, settled.batch_id) == ("settled", batch.id)
    assert settled.settled_at == batch.settled_at
    assert told == [("settled", "charge")]


def test_whoever_finds_it_first_tells_it(
    gateway: RecordingGateway, settled: Transaction, make_run: Make, told: Told
) -> None:
    row = Transaction.retrieve(settled.transaction_id or "")
    sweep(make_run())
    assert row.batch_id == gateway.bank.batches()[-1].id
    assert told == [("settled", "charge")]


def test_a_part_of_an_authorization_settles_as_its_capture(
    gateway: RecordingGateway, authorization: Transaction, make_run: Make, told: Told
) -> None:
    capture = authorization.capture("20.00")
    gateway.bank.settle_batch()
    run = make_run()
    sweep(run)
    for row in (authorization, capture):
        row.refresh_from_db()
        assert (row.status, row.batch_id) == ("settled", gateway.bank.batches()[-1].id)
    assert told == [("settled", "capture")]
    assert run.counts["differences"] == 0


def test_a_refund_settles_too(
    gateway: RecordingGateway, settled: Transaction, make_run: Make, told: Told
) -> None:
    refund = settled.refund("20.00")
    gateway.bank.settle_batch()
    sweep(make_run())
    refund.refresh_from_db()
    assert refund.status == "settled"
    assert sorted(told) == [("settled", "charge"), ("settled", "refund")]


@pytest.mark.parametrize("lever", ["chargeback", "return_item"])
def test_what_the_bank_takes_back_weeks_later_is_seen(
    gateway: RecordingGateway, settled: Transaction, make_run: Make, told: Told, lever: str
) -> None:
    Transaction.retrieve(settled.transaction_id or "")
    gateway.bank.clock.advance(40 * DAY)
    getattr(gateway.bank, lever)(settled.transaction_id)
    run = Run(gateway, gateway.bank.clock.now() - timedelta(days=2))
    sweep(run)
    settled.refresh_from_db()
    status = {"chargeback": "charged_back", "return_item": "returned"}[lever]
    assert settled.status == status
    assert told == [("settled", "charge"), (status, "charge")]
    assert settled.settled_at is not None


def test_a_dispute_that_is_won_counts_again(
    gateway: RecordingGateway, settled: Transaction, make_run: Make
) -> None:
    gateway.bank.chargeback(settled.transaction_id or "")
    sweep(make_run())
    settled.refresh_from_db()
    assert settled.status == "charged_back"
    gateway.bank.store.execute("UPDATE ledger SET status = 'settled'")
    sweep(make_run())
    settled.refresh_from_db()
    assert settled.status == "settled"


def test_what_was_voided_elsewhere_is_voided_here(
    gateway: RecordingGateway, charge: Transaction, make_run: Make, told: Told
) -> None:
    gateway.bank.void(charge.transaction_id or "")
    for _run in range(2):
        sweep(make_run())
    charge.refresh_from_db()
    assert charge.status == "voided"
    assert told == [("canceled", "charge")]


def test_what_fails_when_the_bank_settles_it_is_told(
    gateway: RecordingGateway, authorization: Transaction, make_run: Make, told: Told
) -> None:
    authorization.capture("20.00")
    gateway.bank.store.execute("UPDATE ledger SET status = 'failed'")
    for _run in range(2):
        sweep(make_run())
    assert sorted(told) == [("canceled", "authorization"), ("canceled", "capture")]


def test_what_was_captured_elsewhere_gets_its_capture(
    gateway: RecordingGateway, authorization: Transaction, make_run: Make
) -> None:
    gateway.bank.capture(authorization.transaction_id or "", Decimal("20.00"))
    run = make_run()
    sweep(run)
    capture = authorization.children.get()
    assert (capture.kind, capture.price) == ("capture", Decimal(20))
    assert run.counts["differences"] == 0


def test_an_authorization_that_ran_out_is_told(
    gateway: RecordingGateway, authorization: Transaction, make_run: Make, told: Told
) -> None:
    gateway.bank.clock.advance(31 * DAY)
    gateway.bank.settle_batch()
    sweep(make_run())
    authorization.refresh_from_db()
    assert (authorization.status, told) == ("expired", [("expired", "authorization")])


@pytest.mark.parametrize(("approve", "status"), [(True, "approved"), (False, "declined")])
def test_a_review_that_was_decided_elsewhere_is_read(
    gateway: RecordingGateway, held: Transaction, make_run: Make, approve: bool, status: str
) -> None:
    gateway.bank.decide_review(held.transaction_id or "", approve=approve)
    sweep(make_run())
    held.refresh_from_db()
    operation = Operation.objects.get(key=held.operation_key)
    assert held.status == status
    assert operation.state == {"approved": "succeeded", "declined": "declined"}[status]


def test_a_list_that_is_older_than_a_row_changes_nothing(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    stale = list(gateway.iter_transactions(datetime.now(UTC) - timedelta(hours=1)))
    charge.void()
    listing(gateway, lambda _now: stale)
    run = make_run()
    sweep(run)
    charge.refresh_from_db()
    assert (charge.status, run.counts["differences"]) == ("voided", 0)


# -- What contradicts ----------------------------------------------------------------------------


def test_another_amount_is_a_difference_and_never_written(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    gateway.bank.store.execute("UPDATE ledger SET amount = '49.00', settled_amount = '49.00'")
    age()
    sweep(make_run())
    charge.refresh_from_db()
    assert charge.price == 50
    found = Difference.objects.get(kind="amount")
    assert (found.amount_here, found.amount_there) == (Decimal(50), Decimal(49))
    assert found.transaction_id == charge.transaction_id


def test_what_goes_the_other_way_is_a_difference(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    showing(gateway, kind=TransactionKind.REFUND)
    sweep(make_run())
    assert open_kinds() == ["amount"]


def test_another_amount_of_a_capture_is_a_difference(
    gateway: RecordingGateway, authorization: Transaction, make_run: Make
) -> None:
    authorization.capture("20.00")
    gateway.bank.store.execute("UPDATE ledger SET settled_amount = '30.00'")
    sweep(make_run())
    found = Difference.objects.get(kind="amount")
    assert (found.amount_here, found.amount_there) == (Decimal(20), Decimal(30))


def test_what_was_captured_here_and_is_only_reserved_there_is_a_difference(
    gateway: RecordingGateway, authorization: Transaction, make_run: Make
) -> None:
    authorization.capture("20.00")
    gateway.bank.store.execute("UPDATE ledger SET status = 'authorized', settled_amount = NULL")
    sweep(make_run())
    assert open_kinds() == ["status"]


def test_a_status_that_cannot_follow_is_a_difference(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    Transaction.objects.update(status="voided")
    sweep(make_run())
    charge.refresh_from_db()
    assert (charge.status, open_kinds()) == ("voided", ["status"])


@pytest.mark.parametrize("status", ["voided", "expired", "declined"])
def test_what_was_over_here_and_took_money_there_is_a_difference(
    gateway: RecordingGateway, authorization: Transaction, make_run: Make, status: str
) -> None:
    Transaction.objects.update(status=status)
    showing(gateway, status=RemoteStatus.CAPTURED, settled_amount=authorization.price)
    sweep(make_run())
    authorization.refresh_from_db()
    assert (authorization.status, open_kinds()) == (status, ["status"])
    assert Transaction.objects.count() == 1


def test_a_difference_ends_when_both_sides_agree_again(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    Transaction.objects.update(status="voided")
    sweep(make_run())
    Transaction.objects.update(status="approved")
    sweep(make_run())
    assert Difference.objects.get().state == "resolved"


def test_an_old_difference_ends_by_a_question(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    Transaction.objects.update(status="voided")
    sweep(make_run())
    assert open_kinds() == ["status"]
    sweep(make_run(days=-1))  # the list begins later than the payment
    assert open_kinds() == ["status"]
    Transaction.objects.update(status="approved")
    sweep(make_run(days=-1))
    assert open_kinds() == []


def test_an_old_difference_stays_open_without_an_answer(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    Transaction.objects.update(status="voided")
    sweep(make_run())
    Transaction.objects.update(status="approved")
    gateway.faults["retrieve_transaction"] = lose_reply
    run = make_run(days=-1)
    sweep(run)
    assert (open_kinds(), run.counts["unread"]) == (["status"], 1)


def test_a_gateway_that_is_gone_is_not_asked_about_every_old_difference(
    gateway: RecordingGateway, customer: Customer, make_run: Make
) -> None:
    for amount in range(1, 7):
        Transaction.create(amount, customer=customer)
    Transaction.objects.update(status="voided")
    sweep(make_run())

    def never(call: Callable[[], Any]) -> Any:
        gateway.faults["retrieve_transaction"] = never
        return lose_reply(call)

    gateway.faults["retrieve_transaction"] = never
    told = list[str]()
    run = make_run(days=-1, progress=lambda phase, done, total: told.append(phase))
    sweep(run)
    assert (len(open_kinds()), run.counts["unread"]) == (6, 3)
    assert told.count("differences") == 3  # each of them keeps the run


def test_an_old_difference_stays_open_whose_payment_is_not_read_to_its_end(
    gateway: RecordingGateway, customer: Customer, make_run: Make
) -> None:
    """Its operation is open again, and what the gateway has of it is asked for a second time."""
    operation = lost(gateway, customer)
    (there,) = gateway.bank.transactions()
    found = Found(kind=DifferenceKind.STATUS, subject=there.id, text="x", transaction_id=there.id)
    differences.record(gateway, found)

    def only_once(call: Callable[[], Any]) -> Any:
        gateway.faults["retrieve_transaction"] = lose_reply
        return call()

    gateway.faults["retrieve_transaction"] = only_once
    run = make_run(days=-1)
    sweep(run)
    operation.refresh_from_db()
    assert (operation.state, open_kinds(), run.counts["unread"]) == ("unknown", ["status"], 1)
    sweep(make_run(days=-1))
    operation.refresh_from_db()
    assert (operation.state, open_kinds()) == ("succeeded", [])


def test_some_that_the_gateway_does_not_tell_of_hold_up_no_others(
    gateway: RecordingGateway, customer: Customer, make_run: Make
) -> None:
    rows = [Transaction.create(amount, customer=customer) for amount in range(1, 6)]
    Transaction.objects.update(status="voided")
    sweep(make_run())
    Transaction.objects.update(status="approved")
    read, untold = gateway.retrieve_transaction, {row.transaction_id for row in rows[:3]}

    def tell(transaction_id: str) -> Any:
        if transaction_id in untold:
            raise GatewayError("not this one")
        return read(transaction_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway, "retrieve_transaction", tell)
        for open_still in (5, 3, 3):
            sweep(make_run(days=-1))
            assert len(open_kinds()) == open_still
    sweep(make_run(days=-1))
    assert open_kinds() == []


def test_a_difference_that_names_no_payment_is_not_the_sweeps_to_end(
    gateway: RecordingGateway, make_run: Make
) -> None:
    found = Found(kind=DifferenceKind.STATUS, subject="operation:1", text="found elsewhere")
    differences.record(gateway, found)
    mark = gateway.mark
    sweep(make_run())
    assert (open_kinds(), gateway.since(mark)) == (["status"], ["iter_transactions"])


def test_what_a_person_has_explained_is_not_found_again(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    Transaction.objects.update(status="voided")
    sweep(make_run())
    Difference.objects.get().close(note="voided by phone", by="Ann")
    sweep(make_run())
    assert Difference.objects.get().state == "closed"
    gateway.bank.store.execute("UPDATE ledger SET amount = '49.00', settled_amount = '49.00'")
    sweep(make_run())
    assert "amount" in open_kinds()


def test_what_a_person_has_explained_is_explained_in_every_language(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    Transaction.objects.update(status="voided")
    sweep(make_run())
    found = Difference.objects.get()
    assert (
        found.shown_text
        == found.text
        == ("Here it is voided, 50.00 USD, and at the gateway approved, 50.00 USD.")
    )
    found.close(note="voided by phone", by="Ann")
    with override("de"):
        run = make_run()
        sweep(run)
        assert found.shown_text.startswith("Hier: ")
    assert run.counts["explained"] == 1
    assert Difference.objects.get().state == "closed"


def test_a_difference_is_stored_in_english_whoever_runs_the_sweep(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    Transaction.objects.update(status="voided")
    with override("fr"):
        sweep(make_run())
    found = Difference.objects.get()
    assert found.text.startswith("Here it is voided")
    assert (found.status_here, found.status_there) == ("voided", "approved")


def test_what_a_person_has_explained_explains_no_later_status(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    Transaction.objects.update(status="voided")
    showing(gateway, status=RemoteStatus.HELD)
    sweep(make_run())
    Difference.objects.get().close(note="held, nothing was paid", by="Ann")
    sweep(make_run())
    assert open_kinds() == ["status"]


def test_what_a_person_has_explained_explains_no_other_currency(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    found = Found(kind=DifferenceKind.BOOKS, subject="a day", text="differs", currency="USD")
    findings = Findings(make_run())
    findings.add(found)
    Difference.objects.get().close(note="a backup", by="Ann")
    findings.add(found)
    assert not Difference.objects.filter(state="open").exists()
    findings.add(replace(found, currency="EUR"))
    assert Difference.objects.filter(state="open").get().currency == "EUR"


# -- What has no row here ------------------------------------------------------------------------


def test_a_charge_of_other_software_is_only_counted(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    def with_a_stranger(found: list[RemoteTransaction]) -> list[RemoteTransaction]:
        return [*found, replace(found[0], transaction_id="777", operation_key="INV-1")]

    age()
    listing(gateway, with_a_stranger)
    run = make_run()
    sweep(run)
    assert (run.counts["foreign"], run.counts["differences"]) == (1, 0)
    assert Transaction.objects.count() == 1


def test_a_key_like_ours_that_nobody_knows_is_a_difference(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    Transaction.objects.all().delete()
    Operation.objects.all().delete()
    sweep(make_run())
    assert open_kinds() == ["unknown_key"]
    Difference.objects.all().delete()
    gateway.bank.void(charge.transaction_id or "")
    sweep(make_run())
    assert open_kinds() == []


def test_a_payment_of_another_name_of_the_account_is_known(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    Transaction.objects.update(gateway_name="shop_two")
    Operation.objects.update(gateway_name="shop_two")
    run = make_run()
    sweep(run)
    assert (open_kinds(), run.counts["foreign"]) == ([], 1)
    listing(gateway, lambda found: [replace(found[0], transaction_id="777")])
    sweep(make_run())
    found = Difference.objects.get()
    assert (found.kind, found.subject) == ("unknown_key", "777")
    assert "at this gateway" in found.text


@pytest.mark.parametrize(
    ("state", "counted"),
    [
        ("sent", "being_made"),
        ("unknown", "foreign"),
        ("needs_attention", "foreign"),
        ("closed", "foreign"),
        ("absent", "differences"),
    ],
)
def test_a_payment_whose_operation_of_another_name_has_no_result_is_that_names(
    gateway: RecordingGateway, charge: Transaction, make_run: Make, state: str, counted: str
) -> None:
    Transaction.objects.all().delete()
    Operation.objects.update(gateway_name="shop_two", state=state, outcome={})
    run = make_run()
    sweep(run)
    assert (run.counts[counted], len(open_kinds())) == (1, counted == "differences")


def lost(gateway: RecordingGateway, customer: Customer, fault: Any = lose_reply) -> Operation:
    """A charge of 50 without an answer."""
    gateway.faults["charge"] = fault
    with pytest.raises(OutcomeUnknown) as caught:
        Transaction.create("50.00", customer=customer)
    operation: Operation = caught.value.operation
    return operation


def test_a_charge_without_an_answer_is_ended(
    gateway: RecordingGateway, customer: Customer, make_run: Make, told: Told
) -> None:
    operation = lost(gateway, customer)
    sweep(make_run())
    operation.refresh_from_db()
    assert operation.state == "succeeded"
    assert Transaction.objects.get().operation_key == operation.key
    assert told == []


def test_what_follows_a_row_that_is_gone_does_not_stop_the_sweep(
    gateway: RecordingGateway, settled: Transaction, make_run: Make
) -> None:
    Operation.objects.all().delete()
    Transaction.objects.all().delete()
    row = Transaction.retrieve(settled.transaction_id or "")
    gateway.faults["refund"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        row.refund("10.00")
    Transaction.objects.all().delete()
    run = make_run()
    sweep(run)
    assert (run.counts["unread"], Operation.objects.get().state) == (1, "unknown")


@pytest.mark.parametrize("state", ["absent", "failed"])
def test_what_lands_late_flips_once_and_is_told_once(
    gateway: RecordingGateway, customer: Customer, make_run: Make, told: Told, state: str
) -> None:
    operation = lost(gateway, customer)
    Operation.objects.filter(pk=operation.pk).update(state=state, held_lock=None)
    for _run in range(2):
        sweep(make_run())
    operation.refresh_from_db()
    assert operation.state == "succeeded"
    assert Transaction.objects.get().status == "approved"
    assert told == [("landed_late", "charge")]


def test_what_lands_late_with_another_amount_is_left_to_a_person(
    gateway: RecordingGateway, customer: Customer, make_run: Make
) -> None:
    operation = lost(gateway, customer)
    Operation.objects.filter(pk=operation.pk).update(state="absent", held_lock=None)
    gateway.bank.store.execute("UPDATE ledger SET amount = '49.00', settled_amount = '49.00'")
    for _run in range(2):
        sweep(make_run())
    operation.refresh_from_db()
    assert (operation.state, open_kinds()) == ("needs_attention", ["amount"])
    operation.close(note="refunded by hand", by="Ann")
    sweep(make_run())
    assert open_kinds() == []


def test_what_lands_after_its_operation_was_closed_is_a_difference_until_it_is_explained(
    gateway: RecordingGateway, customer: Customer, make_run: Make
) -> None:
    operation = lost(gateway, customer)
    Operation.objects.filter(pk=operation.pk).update(state="needs_attention")
    operation.refresh_from_db()
    operation.close(note="the gateway does not have it", by="Ann")
    for _run in range(2):
        sweep(make_run())
    found = Difference.objects.get(kind="status")
    assert (found.state, found.operation_key, found.times_seen) == ("open", operation.key, 2)
    assert "closed by hand before" in found.text
    found.close(note="refunded by hand", by="Ann")
    sweep(make_run())
    assert open_kinds() == []


def test_a_charge_that_is_being_made_is_left_to_its_worker(
    gateway: RecordingGateway, customer: Customer, make_run: Make
) -> None:
    operation = lost(gateway, customer)
    Operation.objects.filter(pk=operation.pk).update(state="sent")
    run = make_run()
    sweep(run)
    operation.refresh_from_db()
    assert (operation.state, run.counts["being_made"]) == ("sent", 1)
    assert not Transaction.objects.exists()


def test_a_refund_of_what_is_being_made_is_left_to_a_later_run(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    """The row of its charge may still be written, and what was refunded follows it."""
    gateway.bank.settle_batch()
    gateway.faults["refund"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        charge.refund("20.00")
    lose_in_rollback(charge)
    age()
    Operation.objects.filter(kind="charge").update(lease_until="2999-01-01T00:00:00Z")
    run = make_run()
    sweep(run)
    assert run.counts["being_made"] == 1
    assert Operation.objects.get(kind="refund").state == "unknown"
    Operation.objects.filter(kind="charge").update(lease_until=None)
    sweep(make_run())
    assert Operation.objects.get(kind="refund").state == "succeeded"


def test_a_lost_row_is_left_to_the_phase_for_orphans(
    gateway: RecordingGateway, charge: Transaction, make_run: Make, told: Told
) -> None:
    Transaction.objects.all().delete()
    age()
    run = make_run()
    sweep(run)
    assert (run.counts["without_row"], open_kinds(), told) == (1, [], [])
    assert not Transaction.objects.exists()


def second(found: list[RemoteTransaction]) -> list[RemoteTransaction]:
    return [*found, replace(found[0], transaction_id="777")]


def test_two_payments_with_one_key_are_a_difference(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    listing(gateway, second)
    sweep(make_run())
    found = Difference.objects.get()
    assert (found.kind, found.subject) == ("twice", "777")
    assert Transaction.objects.count() == 1


def test_a_refused_repetition_of_a_key_is_none(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    listing(
        gateway,
        lambda found: [*found, replace(second(found)[1], status=RemoteStatus.DECLINED)],
    )
    sweep(make_run())
    assert open_kinds() == []


def test_a_chargeback_that_is_an_entry_of_its_own_finds_its_payment(
    gateway: RecordingGateway, settled: Transaction, make_run: Make, told: Told
) -> None:
    def entries(found: list[RemoteTransaction]) -> list[RemoteTransaction]:
        status, parent = RemoteStatus.CHARGED_BACK, found[0].transaction_id
        return [*found, replace(found[0], transaction_id="777", status=status, parent_id=parent)]

    listing(gateway, entries)
    sweep(make_run())
    settled.refresh_from_db()
    assert (settled.status, open_kinds()) == ("charged_back", [])
    assert told == [("settled", "charge"), ("charged_back", "charge")]


def taken_back(
    found: list[RemoteTransaction], status: RemoteStatus, **values: Any
) -> list[RemoteTransaction]:
    """The list with an entry of its own behind its payment, which stays settled."""
    parent = found[0].transaction_id
    entry = replace(found[0], transaction_id="777", operation_key="", parent_id=parent)
    return [*found, replace(entry, status=status, **values)]


@pytest.mark.parametrize("status", [RemoteStatus.CHARGED_BACK, RemoteStatus.RETURNED])
@pytest.mark.parametrize("step", [1, -1], ids=["payment first", "entry first"])
def test_what_such_an_entry_took_back_is_told_once(
    gateway: RecordingGateway,
    settled: Transaction,
    make_run: Make,
    told: Told,
    status: RemoteStatus,
    step: int,
) -> None:
    for _time in range(3):
        listing(gateway, lambda found: taken_back(found, status)[::step])
        sweep(make_run())
        settled.refresh_from_db()
        assert (settled.status, open_kinds()) == (status.value, [])
    assert told.count((status.value, "charge")) == 1
    assert told.count(("settled", "charge")) <= 1
    assert not Difference.objects.exists()


def test_an_entry_takes_back_an_authorization_once(
    gateway: RecordingGateway, authorization: Transaction, make_run: Make, told: Told
) -> None:
    capture = authorization.capture("20.00")
    gateway.bank.settle_batch()
    values = {"amount": Decimal(20), "settled_amount": Decimal(20)}
    for _time in range(2):
        listing(gateway, lambda found: taken_back(found, RemoteStatus.CHARGED_BACK, **values))
        sweep(make_run())
        for row in (authorization, capture):
            row.refresh_from_db()
            assert row.status == "charged_back"
    assert (open_kinds(), told.count(("charged_back", "capture"))) == ([], 1)


def test_an_entry_that_takes_back_a_part_is_left_to_a_person(
    gateway: RecordingGateway, settled: Transaction, make_run: Make
) -> None:
    listing(gateway, lambda found: taken_back(found, RemoteStatus.RETURNED, amount=Decimal(5)))
    sweep(make_run())
    settled.refresh_from_db()
    found = Difference.objects.get()
    assert (settled.status, found.kind, found.subject) == ("settled", "amount", "777")
    assert (found.amount_here, found.amount_there) == (settled.price, Decimal(5))


def test_an_entry_that_takes_back_all_does_so_whatever_the_threads_context_is(
    gateway: RecordingGateway, customer: Customer, make_run: Make
) -> None:
    paid = Transaction.create("12345.67", customer=customer)
    gateway.bank.settle_batch()
    less = {"amount": Decimal("-12345.67"), "settled_amount": Decimal("-12345.67")}
    listing(gateway, lambda found: taken_back(found, RemoteStatus.RETURNED, **less))
    with localcontext(Context(prec=6)):
        sweep(make_run())
    paid.refresh_from_db()
    assert (paid.status, open_kinds()) == ("returned", [])


def test_what_is_listed_twice_otherwise_is_asked_about(
    gateway: RecordingGateway, settled: Transaction, make_run: Make, told: Told
) -> None:
    def twice(found: list[RemoteTransaction]) -> list[RemoteTransaction]:
        return [found[0], replace(found[0], status=RemoteStatus.CHARGED_BACK)]

    listing(gateway, twice)
    sweep(make_run())
    settled.refresh_from_db()
    assert (settled.status, told) == ("settled", [("settled", "charge")])


def test_the_payment_of_such_an_entry_is_asked_for_where_the_list_does_not_name_it(
    gateway: RecordingGateway, settled: Transaction, make_run: Make
) -> None:
    entries: list[RemoteTransaction] = []

    def without_parent(found: list[RemoteTransaction]) -> list[RemoteTransaction]:
        entries.append(
            replace(found[0], transaction_id="777", status=RemoteStatus.RETURNED, operation_key="")
        )
        return [*found, *entries]

    def with_parent(_call: Any) -> RemoteTransaction:
        return replace(entries[0], parent_id=settled.transaction_id or "")

    listing(gateway, without_parent)
    gateway.faults["retrieve_transaction"] = with_parent
    run = make_run()
    sweep(run)
    settled.refresh_from_db()
    assert (settled.status, run.counts["now_returned"]) == ("returned", 1)


def test_what_the_gateway_refused_to_do_stays_refused(
    gateway: RecordingGateway, customer: Customer, make_run: Make, told: Told
) -> None:
    operation = lost(gateway, customer)
    outcome = {"result": "failed", "reason": "gateway_error"}
    Operation.objects.filter(pk=operation.pk).update(state="failed", outcome=outcome)
    for _run in range(2):
        sweep(make_run())
    operation.refresh_from_db()
    assert (operation.state, open_kinds(), told) == ("failed", ["twice"], [])
    assert not Transaction.objects.exists()


def test_what_is_listed_and_cannot_be_fetched_is_left_to_the_next_run(
    gateway: RecordingGateway, customer: Customer, make_run: Make
) -> None:
    operation = lost(gateway, customer)
    refusal = gateway.retrieve_transaction("1")
    gateway.faults["retrieve_transaction"] = lambda _call: refusal
    run = make_run()
    sweep(run)
    operation.refresh_from_db()
    assert (operation.state, run.counts["unread"]) == ("unknown", 1)
    sweep(make_run())
    operation.refresh_from_db()
    assert operation.state == "succeeded"


# -- What the gateway does not have --------------------------------------------------------------


def forget(gateway: RecordingGateway) -> None:
    gateway.bank.store.execute("DELETE FROM ledger")


def test_what_the_gateway_does_not_have_is_a_difference_after_a_question(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    age(0.5)
    forget(gateway)
    mark = gateway.mark
    sweep(make_run())
    assert gateway.since(mark) == ["iter_transactions", "retrieve_transaction"]
    assert open_kinds() == ["missing_there"]


def refused(call: Any) -> Any:
    raise GatewayError("not this one")


def test_a_payment_that_the_gateway_does_not_tell_of_holds_up_no_other(
    gateway: RecordingGateway, customer: Customer, make_run: Make
) -> None:
    first, second = customer.charge("5.00"), customer.charge("6.00")
    age()
    forget(gateway)
    gateway.faults["retrieve_transaction"] = refused
    run = make_run()
    with pytest.raises(GatewayError, match="not this one"):
        sweep(run)
    assert run.counts["unread"] == 1
    assert Difference.objects.get(kind="missing_there").subject == second.transaction_id
    with pytest.raises(Difference.DoesNotExist):
        Difference.objects.get(kind="missing_there", subject=first.transaction_id)
    sweep(make_run())  # it is told of now
    assert Difference.objects.filter(kind="missing_there").count() == 2


def test_a_gateway_that_tells_of_none_is_not_asked_for_each(
    gateway: RecordingGateway, customer: Customer, make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _time in range(5):
        customer.charge("5.00")
    age()
    forget(gateway)
    monkeypatch.setattr(gateway, "retrieve_transaction", refused)
    run = make_run()
    with pytest.raises(GatewayError):
        sweep(run)
    assert run.counts["unread"] == 3


def test_an_answer_about_another_payment_is_not_believed(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    age()
    listing(gateway, lambda _found: [])
    gateway.faults["retrieve_transaction"] = lambda call: replace(
        call(), transaction_id="777", status=RemoteStatus.VOIDED, settled_amount=None
    )
    with pytest.raises(GatewayError, match="another transaction"):
        sweep(make_run())
    charge.refresh_from_db()
    assert (charge.status, open_kinds()) == ("approved", [])


def test_what_a_list_leaves_out_is_not_missing(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    age(0.5)
    listing(gateway, lambda _found: [])
    run = make_run()
    sweep(run)
    assert (run.counts["asked"], open_kinds()) == (1, [])


def test_what_was_just_made_is_not_missing(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    forget(gateway)
    run = make_run()
    sweep(run)
    assert (run.counts["asked"], open_kinds()) == (0, [])


def test_a_list_that_breaks_off_proves_nothing(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    age(0.5)
    differences.record(
        gateway,
        Found(kind=DifferenceKind.STATUS, subject="1", text="of old", transaction_id="1"),
    )
    forget(gateway)

    def broken(call: Any) -> Any:
        yield from call()
        raise GatewayError("page 2 failed")

    gateway.faults["iter_transactions"] = broken
    with pytest.raises(GatewayError):
        sweep(make_run())
    assert open_kinds() == ["status"]


# -- A dry run ------------------------------------------------------------------------------------


def test_a_dry_run_writes_nothing(
    gateway: RecordingGateway, settled: Transaction, customer: Customer, make_run: Make, told: Told
) -> None:
    late = lost(gateway, customer)
    Operation.objects.filter(pk=late.pk).update(state="absent", held_lock=None)
    Transaction.create("7.00", customer=customer)
    gateway.bank.store.execute("DELETE FROM ledger WHERE amount = '7.00'")
    captured = Transaction.create("9.00", customer=customer, settle=False)
    gateway.bank.capture(captured.transaction_id or "")
    age(0.5)
    before = [list(model.objects.order_by("pk").values()) for model in (Transaction, Operation)]
    run = make_run(days=0.7, dry_run=True)  # no whole day lies in it
    sweep(run)
    after = [list(model.objects.order_by("pk").values()) for model in (Transaction, Operation)]
    assert (before, told, Difference.objects.count()) == (after, [], 0)
    assert (run.counts["now_settled"], run.counts["landed_late"]) == (1, 1)
    assert run.counts["differences"] == 1


def test_a_charge_of_an_open_transaction_is_left_to_its_caller(
    gateway: RecordingGateway, make_customer: Callable[..., Customer], make_run: Make
) -> None:
    """It may commit, and would find the payment given back as an orphan."""
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        make_customer().charge("50.00")
    operation = Operation.objects.get(kind="charge")
    operation.intent |= {"in_transaction": True}
    operation.lease_until = datetime(2999, 1, 1, tzinfo=UTC)
    operation.save(update_fields=["intent", "lease_until"])
    run = make_run()
    sweep(run)
    assert Operation.objects.get(kind="charge").state == "unknown"
    assert (run.counts["being_made"], run.counts["concluded"]) == (1, 0)
    assert not Transaction.objects.exists()
    Operation.objects.update(lease_until=datetime(2026, 1, 1, tzinfo=UTC))
    sweep(make_run())
    assert Transaction.objects.get().status == "approved"
