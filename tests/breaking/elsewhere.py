"""What has happened at the gateway without us: in its own pages, at the bank, by other software."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django_dinero.identifiers import new_key
from django_dinero.models import CreditCard, Customer, Operation, Reconciliation, Transaction
from django_dinero.sandbox.bank.clock import stamp
from django_dinero.sandbox.bank.records import MaskedCard
from django_dinero.services.reconcile.run import reconcile
from tests.breaking import states
from tests.breaking.clock import let_time_pass
from tests.breaking.verbs import first_customer
from tests.support.aging import grow_old
from tests.support.recording import RecordingGateway
from tests.support.testbank import AMEX, MASTERCARD, VISA, new_card


def settled(gateway: RecordingGateway) -> None:
    """A charge is settled."""
    states.charge(gateway)
    gateway.bank.settle_batch()


def voided(gateway: RecordingGateway) -> None:
    """A charge is voided."""
    states.charge(gateway)
    gateway.bank.void(first_id(gateway))


def refunded(gateway: RecordingGateway) -> None:
    """A part of a settled charge is given back."""
    states.settled(gateway)
    gateway.bank.refund(first_id(gateway), Decimal("20.00"))


def charged_back(gateway: RecordingGateway) -> None:
    """The cardholder disputes a charge."""
    states.settled(gateway)
    gateway.bank.chargeback(first_id(gateway))


def captured(gateway: RecordingGateway) -> None:
    """A part of an authorization is captured."""
    states.authorization(gateway)
    gateway.bank.capture(first_id(gateway), Decimal("30.00"))


def approved(gateway: RecordingGateway) -> None:
    """What was held is let go."""
    states.held(gateway)
    gateway.bank.decide_review(first_id(gateway), approve=True)


def declined(gateway: RecordingGateway) -> None:
    """What was held is refused."""
    states.held(gateway)
    gateway.bank.decide_review(first_id(gateway), approve=False)


def expired(gateway: RecordingGateway) -> None:
    """An authorization of last month has run out, long after a run looked at it."""
    states.authorization(gateway)
    made = datetime.now(UTC) - timedelta(days=35)
    with gateway.bank.store.writing():
        gateway.bank.store.execute("UPDATE ledger SET submitted_at = ?", (stamp(made),))
    gateway.bank.settle_batch()
    for rows in (Operation.objects, Transaction.objects):
        rows.update(created_at=made)
    Reconciliation.objects.create(
        gateway_name="default",
        live=False,
        state="finished",
        since=datetime.now(UTC),
        is_watermark=True,
    )


def batches(gateway: RecordingGateway) -> None:
    """A day of the bank's: settled, voided, taken back, given back, captured, one of each."""
    states.customer(gateway)
    row = first_customer()
    rows = [row.charge(f"1{n}.00") for n in range(4)]
    authorized = row.charge("15.00", settle=False)
    bank = gateway.bank
    bank.void(rows[1].transaction_id or "")
    bank.capture(authorized.transaction_id or "", Decimal("9.00"))
    bank.settle_batch()
    bank.return_item(rows[2].transaction_id or "")
    bank.refund(rows[3].transaction_id or "", Decimal("4.00"))


def edited(gateway: RecordingGateway) -> None:
    """A customer and its card are changed, and it gets one card more."""
    states.customer(gateway)
    row = first_customer()
    there = gateway.bank.customer(row.customer_id or "")
    gateway.bank.update_customer(there.id, key=there.key, email="new@example.com")
    card = there.cards[0]
    gateway.bank.update_card(there.id, card.id, MaskedCard(card.last_4), {"zip": "77777"})
    gateway.bank.add_card(there.id, new_card(AMEX))


def card_deleted(gateway: RecordingGateway) -> None:
    """A card is deleted."""
    states.customer(gateway)
    card = CreditCard.objects.order_by("pk")[1]
    gateway.bank.delete_card(card.customer_id, card.card_id)
    let_time_pass()


def customer_deleted(gateway: RecordingGateway) -> None:
    """A customer is deleted, with its cards."""
    states.customer(gateway)
    gateway.bank.delete_customer(first_customer().customer_id or "")
    let_time_pass()


def others(gateway: RecordingGateway) -> None:
    """The account has more customers than there are here, and lacks one that is here."""
    states.customer(gateway)
    lacking = Customer.create("gone@example.com")
    grow_old()
    Operation.objects.update(updated_at=datetime.now(UTC) - timedelta(days=1))
    gateway.bank.delete_customer(lacking.customer_id or "")
    for number, card in enumerate((VISA, MASTERCARD, AMEX)):
        email = f"c{number}@example.com"
        gateway.bank.create_customer(new_key(), email, cards=[new_card(card)])


def orphaned(gateway: RecordingGateway) -> None:
    """Rollbacks of the caller took the rows of a charge, an authorization and a capture."""
    states.customer(gateway)
    row = first_customer()
    row.charge("11.00")
    row.charge("12.00", settle=False)
    row.charge("13.00", settle=False).capture("7.00")
    for rows in (Transaction.objects.exclude(parent=None), Transaction.objects.all()):
        rows._raw_delete("default")
    let_time_pass()


def over(gateway: RecordingGateway) -> None:
    """Differences that a run has told of are over."""
    card_deleted(gateway)
    paid = first_customer().charge("50.00")
    Transaction.objects.update(status="voided")
    reconcile("default")
    gateway.bank.void(paid.transaction_id or "")
    CreditCard.objects.order_by("-pk").first().delete()  # type: ignore[union-attr]
    let_time_pass()


def first_id(gateway: RecordingGateway) -> str:
    """Return the gateway's id of its first payment."""
    return gateway.bank.transactions()[0].id
