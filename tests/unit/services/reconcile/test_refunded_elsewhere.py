"""Refunds that somebody made in the gateway's own pages, and whose webhook never came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.exceptions import GatewayError
from django_dinero.models import Customer, Difference, Transaction
from django_dinero.services.reconcile import unmatched
from django_dinero.services.reconcile.phase import Run
from django_dinero.services.reconcile.sweep import sweep
from tests.support.recording import RecordingGateway
from tests.support.sweeping import make_run
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
