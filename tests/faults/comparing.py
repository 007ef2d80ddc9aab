"""Holds every row against every entry of the bank's ledger, one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from django_dinero.enums import RemoteStatus
from django_dinero.models import Difference, Operation, Transaction
from django_dinero.models.difference import DifferenceKind, DifferenceState
from django_dinero.models.operation import OPEN_STATES, OperationState
from django_dinero.models.transaction_status import TransactionStatus
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.records import LedgerRow

ORIGINALS = ("charge", "authorization", "refund")
LIVE = (TransactionStatus.APPROVED, TransactionStatus.SETTLED)
#: What the bank's states are here, for an entry that no capture changed.
HERE = {
    RemoteStatus.AUTHORIZED: ("approved",),
    RemoteStatus.CAPTURED: ("approved", "settled"),
    RemoteStatus.SETTLED: ("approved", "settled"),
    RemoteStatus.VOIDED: ("voided",),
    RemoteStatus.DECLINED: ("declined",),
    RemoteStatus.HELD: ("held",),
    RemoteStatus.EXPIRED: ("expired",),
    RemoteStatus.RETURNED: ("returned",),
    RemoteStatus.CHARGED_BACK: ("charged_back",),
}


def differences(bank: Bank) -> Iterator[str]:
    """Yield a line for each entry without its row, row without its entry, and amount that differs.

    Also for an idempotency key that took money twice.
    """
    entries = {entry.operation_key: entry for entry in bank.transactions()}
    rows = {
        row.operation_key or "": row
        for row in Transaction.objects.filter(kind__in=ORIGINALS).select_related("parent")
    }
    # What contradicts is left to a person, and is told: a part that was approved and stands.
    told = set(
        Operation.objects.filter(state=OperationState.NEEDS_ATTENTION).values_list("key", flat=True)
    )
    if len(entries) != len(bank.transactions()):
        yield "double: two entries of the bank have one operation key"
    for key in entries.keys() - rows.keys() - told:
        yield f"lost: the bank has {entries[key].id} ({key}), the books do not"
    for key, row in rows.items():
        entry = entries.get(key)
        if key in told or (entry is not None and _is_unpaid_part(row, entry)):
            continue
        if entry is None:
            if row.status not in (TransactionStatus.FAILED, TransactionStatus.DECLINED):
                yield f"invented: the books have {row} ({key}), the bank does not"
        else:
            yield from _differs(row, entry)
    yield from _twice(entries)


def _is_unpaid_part(row: Transaction, entry: LedgerRow) -> bool:
    """Say whether less was approved than was asked for, and nothing of it was paid."""
    if entry.amount >= row.price:
        return False
    if row.status == TransactionStatus.DECLINED:
        return entry.status in (RemoteStatus.VOIDED, RemoteStatus.DECLINED)
    return row.status == TransactionStatus.HELD and entry.status is RemoteStatus.HELD


def _differs(row: Transaction, entry: LedgerRow) -> Iterator[str]:
    if row.price != entry.amount or row.transaction_id != entry.id:
        yield f"differs: {row} {row.transaction_id}, the bank has {entry.amount} {entry.id}"
    if row.status not in HERE.get(entry.status, ()):
        yield f"differs: {row.transaction_id} is {row.status} here, {entry.status} at the bank"
    if row.kind != "authorization":
        return
    captured = sum(
        (c.price for c in row.children.filter(kind="capture", status__in=LIVE)), Decimal(0)
    )
    expected = (
        (entry.settled_amount or Decimal(0)) if entry.status is not RemoteStatus.VOIDED else 0
    )
    if captured != expected:
        yield f"differs: {row.transaction_id} captured {captured} here, {expected} at the bank"


def _twice(entries: dict[str, LedgerRow]) -> Iterator[str]:
    taken = [key for key, e in entries.items() if e.status is not RemoteStatus.DECLINED]
    operations = Operation.objects.filter(key__in=taken).exclude(idempotency_key=None)
    counts = Counter(operations.values_list("scope", "idempotency_key"))
    for (_scope, idempotency_key), count in counts.items():
        if count > 1:
            yield f"double: the idempotency key {idempotency_key} took money {count} times"


def left_open() -> Iterator[str]:
    """Yield a line for each operation whose outcome is still not known."""
    left = [state for state in OPEN_STATES if state != OperationState.NEEDS_ATTENTION]
    for stuck in Operation.objects.filter(state__in=left):
        yield f"left open: {stuck} {stuck.lock_name} {stuck.outcome}"


def told() -> Iterator[str]:
    """Yield a line for each open difference that reconcile has found, and a person would look at.

    A part that was approved and stands is one: that is told above, and left to a person.
    """
    kinds = (
        DifferenceKind.MISSING_THERE,
        DifferenceKind.TWICE,
        DifferenceKind.UNKNOWN_KEY,
        DifferenceKind.VAULT_ONLY_HERE,
        DifferenceKind.VAULT_ONLY_THERE,
    )
    for row in Difference.objects.filter(state=DifferenceState.OPEN, kind__in=kinds):
        yield f"reconcile: {row}: {row.text}"
