"""Refunds that somebody made in the gateway's own pages, and whose webhook never came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.exceptions import GatewayError, OutcomeUnknown
from django_dinero.models import Customer, Difference, Transaction
from django_dinero.models.family import Family
from django_dinero.services import ledger
from django_dinero.services.reconcile import sweep as sweep_module
from django_dinero.services.reconcile import unmatched
from django_dinero.services.reconcile.phase import Run
from django_dinero.services.reconcile.sweep import sweep
from tests.support.racing import before_statement
from tests.support.recording import RecordingGateway, lose_reply
from tests.support.rollbacks import lose_in_rollback
from tests.support.sweeping import make_run
from tests.support.webhooks import notice, receive
from tests.unit.services.reconcile.test_sweep import listing

__all__ = ["make_run"]

pytestmark = pytest.mark.django_db

Make = Callable[..., Run]


@pytest.fixture
def charge(gateway: RecordingGateway, customer: Customer) -> Transaction:
    """A settled charge, of which the gateway has given back 20.00."""
    row = Transaction.create("50.00", customer=customer)
    gateway.bank.settle_batch()
    gateway.bank.refund(row.transaction_id or "", Decimal("20.00"))
    return row


def without_original(gateway: RecordingGateway) -> None:
    """Let the next list not tell what its refunds give back."""
    listing(gateway, lambda found: [replace(each, parent_id="") for each in found])


@pytest.mark.parametrize("told", [True, False])
def test_it_gets_a_row(
    gateway: RecordingGateway, charge: Transaction, make_run: Make, told: bool
) -> None:
    if not told:
        without_original(gateway)
    run = make_run()
    sweep(run)
    assert (run.counts["refunded_elsewhere"], run.counts["foreign"]) == (1, 0)
    refund = Transaction.objects.get(kind="refund")
    assert (refund.parent, refund.price, refund.status) == (charge, Decimal(20), "approved")
    assert charge.refunded_amount == 20
    again = make_run()
    sweep(again)
    assert again.counts["refunded_elsewhere"] == 0
    assert Transaction.objects.filter(kind="refund").count() == 1
    assert not Difference.objects.exists()


def test_what_is_given_back_of_a_capture_with_an_id_of_its_own(
    gateway: RecordingGateway, customer: Customer, make_run: Make
) -> None:
    """As gateways give captures that count each as a payment."""
    authorization = Transaction.create("50.00", customer=customer, settle=False)
    capture = authorization.capture()
    gateway.bank.settle_batch()
    gateway.bank.refund(capture.transaction_id or "", Decimal("20.00"))
    Transaction.objects.filter(pk=capture.pk).update(transaction_id="CAPTURE-1")
    listing(
        gateway,
        lambda found: [
            replace(each, parent_id="CAPTURE-1") if each.kind == "refund" else each
            for each in found
        ],
    )
    run = make_run()
    sweep(run)
    assert (run.counts["refunded_elsewhere"], run.counts["foreign"]) == (1, 0)
    assert Transaction.objects.get(kind="refund").parent == capture
    assert capture.refunded_amount == 20


@pytest.mark.parametrize("told", [True, False])
def test_one_that_repeats_the_key_of_its_charge_is_no_second_payment(
    gateway: RecordingGateway, charge: Transaction, make_run: Make, told: bool
) -> None:
    """Gateways copy the invoice number of a payment to a refund made in their pages."""

    def copied(found: Any) -> list[Any]:
        return [
            replace(
                each,
                operation_key=charge.operation_key or "",
                parent_id=each.parent_id if told else "",
            )
            for each in found
        ]

    listing(gateway, copied)
    run = make_run()
    sweep(run)
    assert run.counts["refunded_elsewhere"] == 1
    refund = Transaction.objects.get(kind="refund")
    assert (refund.parent, refund.customer, refund.card) == (charge, charge.customer, charge.card)
    assert not Difference.objects.exists()


def test_an_amount_that_is_none_does_not_break_the_run_off(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    odd = Decimal("20.005")
    listing(
        gateway,
        lambda found: [
            replace(each, amount=odd) if each.parent_id == charge.transaction_id else each
            for each in found
        ],
    )
    run = make_run()
    sweep(run)
    assert run.counts["foreign"] == 1
    assert not Transaction.objects.filter(kind="refund").exists()


def test_a_dry_run_counts_it(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    run = make_run(dry_run=True)
    sweep(run)
    assert run.counts["refunded_elsewhere"] == 1
    assert not Transaction.objects.filter(kind="refund").exists()


def test_one_of_other_softwares_payment_is_only_counted(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    Transaction.objects.all().delete()
    charge_id = charge.transaction_id
    listing(gateway, lambda found: [each for each in found if each.transaction_id != charge_id])
    run = make_run()
    sweep(run)
    assert (run.counts["foreign"], Transaction.objects.count()) == (1, 0)


def test_what_the_gateway_does_not_tell_is_asked_about_in_the_next_run(
    gateway: RecordingGateway, charge: Transaction, make_run: Make
) -> None:
    without_original(gateway)

    def refuse(call: Any) -> Any:
        raise GatewayError("not today")

    gateway.faults["retrieve_transaction"] = refuse
    with pytest.raises(GatewayError):
        sweep(make_run())
    without_original(gateway)
    sweep(make_run())
    assert charge.refunded_amount == 20


def test_so_many_are_asked_about_in_a_run(
    gateway: RecordingGateway,
    charge: Transaction,
    make_run: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unmatched, "ASKED", 0)
    without_original(gateway)
    run = make_run()
    sweep(run)
    assert run.counts["foreign"] == 1


# -- Before its capture is seen --------------------------------------------------------------------


@pytest.fixture
def refunded(gateway: RecordingGateway, authorization: Transaction) -> str:
    """An authorization that was captured and refunded in part elsewhere: the refund's id."""
    taken = authorization.transaction_id or ""
    gateway.bank.capture(taken, Decimal("50.00"))
    gateway.bank.settle_batch()
    return refund_there(gateway, taken)


def refund_there(gateway: RecordingGateway, transaction_id: str) -> str:
    """Give back 30.00 in the gateway's pages; return the id of the refund."""
    row = gateway.bank.refund(transaction_id, Decimal("30.00")).row
    assert row is not None
    return row.id


def left_of_capture() -> Decimal:
    capture = Transaction.objects.get(kind="capture")
    assert Transaction.objects.get(kind="refund").parent == capture
    return Family.of(capture).left_to_refund


def test_a_refund_whose_event_comes_first_belongs_to_the_capture(
    gateway: RecordingGateway, authorization: Transaction, refunded: str
) -> None:
    receive(gateway, notice("transaction", refunded))
    assert Transaction.objects.get(kind="refund").parent == authorization
    receive(gateway, notice("transaction", authorization.transaction_id or ""))
    assert left_of_capture() == 20
    assert authorization.refund().price == 20


def test_a_refund_that_stands_in_an_earlier_part_of_the_list(
    gateway: RecordingGateway,
    refunded: str,
    make_run: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lists have the newest first, and are read in parts."""
    monkeypatch.setattr(sweep_module, "BATCH", 1)
    listing(gateway, lambda found: sorted(found, key=lambda each: each.kind != "refund"))
    sweep(make_run())
    assert left_of_capture() == 20
    assert not Difference.objects.exists()


def test_a_refund_whose_event_comes_before_the_answer_to_our_capture(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    gateway.faults["capture"] = lose_reply
    with pytest.raises(OutcomeUnknown) as caught:
        authorization.capture()
    gateway.bank.settle_batch()
    refund = refund_there(gateway, authorization.transaction_id or "")
    receive(gateway, notice("transaction", refund))
    assert Transaction.objects.get(kind="refund").parent == authorization
    assert caught.value.operation.look_up().state == "succeeded"
    assert left_of_capture() == 20


def test_a_refund_whose_event_comes_while_the_row_of_the_capture_is_lost(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    capture = authorization.capture()
    lose_in_rollback(capture)
    gateway.bank.settle_batch()
    refund = refund_there(gateway, authorization.transaction_id or "")
    receive(gateway, notice("transaction", refund))
    ledger.restore_lost_rows(authorization)
    assert left_of_capture() == 20


def test_what_was_killed_before_it_moved_a_refund_is_made_up_for(
    gateway: RecordingGateway, authorization: Transaction, refunded: str
) -> None:
    authorization.refresh_from_gateway()
    receive(gateway, notice("transaction", refunded))
    Transaction.objects.filter(kind="refund").update(parent=authorization)
    authorization.refresh_from_gateway()
    assert left_of_capture() == 20


def test_a_capture_that_is_added_while_its_refund_is_written_gets_the_refund(
    gateway: RecordingGateway, authorization: Transaction, refunded: str
) -> None:
    with before_statement("UPDATE dinero_transaction", authorization.refresh_from_gateway):
        receive(gateway, notice("transaction", refunded))
    assert left_of_capture() == 20
