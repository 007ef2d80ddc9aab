"""Fetch one transaction of the gateway's, and bring its row up to date."""

from __future__ import annotations

from django.utils.translation import gettext as _

from django_dinero.db.queries import primary
from django_dinero.exceptions import InvalidTransactionError
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import RemoteTransaction
from django_dinero.models.mode import Account
from django_dinero.models.operation import Operation
from django_dinero.models.transaction import Transaction
from django_dinero.observing.verbs import verb
from django_dinero.services import ledger, modes
from django_dinero.services.errors import read_transaction
from django_dinero.services.ledger import statuses
from django_dinero.services.modes import account_of
from django_dinero.services.pull.ending import end_operation_from_remote, may_have_made
from django_dinero.services.pull.foreign import create_foreign_row
from django_dinero.services.pull.updating import write_remote_state


@verb("retrieve_transaction")
def retrieve_transaction(transaction_id: str, *, gateway_name: str | None = None) -> Transaction:
    """Fetch a transaction and bring its row up to date; see :meth:`Transaction.retrieve`."""
    gateway = get_gateway(gateway_name)
    account = account_of(gateway)
    # Read before the gateway is asked, because a row written meanwhile is newer than its answer.
    before = ledger.payment_with_id(account, str(transaction_id))
    remote = read_transaction(gateway, str(transaction_id))
    if before is not None:
        write_remote_state(before, remote)
        return before
    operation = _own_operation(account, remote)
    restored = operation is not None and operation.has_result
    if operation is not None:
        _end_own(operation, remote)
    row = ledger.payment_with_id(account, remote.transaction_id)
    if row is not None and restored:
        # The row was written again as the journal has it. Ask once more how the payment stands now.
        return retrieve_transaction(transaction_id, gateway_name=gateway.name)
    return row or create_foreign_row(account, remote, operation)


@verb("refresh_transaction")
def refresh_from_gateway(row: Transaction) -> Transaction:
    """Bring one row up to date; see :meth:`Transaction.refresh_from_gateway`."""
    gateway = modes.gateway_of(row)
    ledger.refresh(row)  # before the gateway is asked: what is written meanwhile is newer
    transaction_id = row.transaction_id
    if not transaction_id:
        text = _("It has no id at the gateway: it was refused.")
        raise InvalidTransactionError(text, gateway_name=gateway.name, transaction=row)
    whole = _whole_of(row)
    write_remote_state(whole, read_transaction(gateway, transaction_id))
    ledger.refresh(row)
    return row


def _whole_of(row: Transaction) -> Transaction:
    """Return the row of the gateway's transaction. A capture may be a mere state of it."""
    if row.kind not in statuses.SHARED:
        return row
    same = primary(Transaction).filter(children=row.pk, transaction_id=row.transaction_id)
    return same.first() or row


def _own_operation(account: Account, remote: RemoteTransaction) -> Operation | None:
    """Return the operation whose key the transaction has."""
    rows = Operation.objects.newest()
    return rows.filter(key=remote.operation_key or "", **account.columns).first()


def _end_own(operation: Operation, remote: RemoteTransaction) -> None:
    """End an operation, or write its lost row again if it was ended before."""
    if not may_have_made(operation, remote):
        return
    if operation.has_result:
        ledger.restore_row(operation)
    else:
        ledger.refuse_callers_charge(operation)
        end_operation_from_remote(operation, remote)
