"""Apply an event about a transaction: fetch it, and bring our books up to date."""

from __future__ import annotations

from django.utils.translation import gettext as _

from django_dinero.exceptions import InvalidTransactionError
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.types import RemoteTransaction
from django_dinero.logs import get_logger
from django_dinero.models.operation import Operation, OperationState
from django_dinero.models.transaction import FOLLOW_UPS, Transaction
from django_dinero.models.webhook_event import WebhookEvent
from django_dinero.services import journal, ledger, pull
from django_dinero.services.errors import read_transaction
from django_dinero.services.modes import account_of
from django_dinero.services.webhooks import operations
from django_dinero.services.webhooks.found import Found

logger = get_logger("django_dinero.webhooks")

#: A person has to find out what became of it, or has done so.
LEFT_TO_A_PERSON = (OperationState.NEEDS_ATTENTION, OperationState.CLOSED)


def apply_transaction(gateway: Gateway, event: WebhookEvent) -> Found | None:
    """Bring the transaction of an event up to date; None if it is not ours.

    Ours is what has a row or an operation here, and what follows such a transaction.
    """
    operation = operations.named(gateway, event.operation_key)
    if operation is not None:
        operations.resolve_follow_up(operation)
    # Read before the gateway is asked: what is written meanwhile is newer than its answer.
    row = _row_of(gateway, event.object_id)
    remote = _fetched(gateway, event.object_id)
    if remote is None:
        if row is None and operation is None:
            return None
        raise InvalidTransactionError(_("The gateway does not find it."), gateway_name=gateway.name)
    if row is None:
        return _without_row(gateway, remote)
    pull.write_remote_state_if_it_follows(row, remote)
    return Found(row)


def _row_of(gateway: Gateway, transaction_id: str) -> Transaction | None:
    return ledger.payment_with_id(account_of(gateway), transaction_id)


def _fetched(gateway: Gateway, transaction_id: str) -> RemoteTransaction | None:
    try:
        return read_transaction(gateway, transaction_id)
    except InvalidTransactionError:
        return None


def _without_row(gateway: Gateway, remote: RemoteTransaction) -> Found | None:
    operation = operations.named(gateway, remote.operation_key)
    if operation is not None and pull.may_have_made(operation, remote):
        return Found(_row_of_operation(gateway, operation, remote))
    parent = _parent_of(gateway, remote) if remote.kind in FOLLOW_UPS else None
    if parent is None:
        return None
    return Found(pull.create_foreign_row(account_of(gateway), remote, parent=parent))


def _row_of_operation(
    gateway: Gateway, operation: Operation, remote: RemoteTransaction
) -> Transaction | None:
    """End an operation, or write its lost row again, and return the row.

    Raises:
        OperationInProgress: its caller may still end it, or commit the row.
        InvalidTransactionError: the operation has made another transaction.
    """
    if operation.state in LEFT_TO_A_PERSON:
        return None
    if not operation.has_result:
        ledger.refuse_callers_charge(operation)
        pull.end_operation_from_remote(operation, remote)
        row = _row_of(gateway, remote.transaction_id)
        if row is not None:
            pull.write_remote_state_if_it_follows(
                row, remote
            )  # it may have been captured there since
        return row
    row = _row_of(gateway, remote.transaction_id)
    if row is None and operations.may_be_uncommitted(operation):
        raise journal.in_progress(operation)
    row = row or ledger.restore_row(operation, patient=False)
    if row.transaction_id != remote.transaction_id:
        # The row is of one payment, and this is another one. A sweep tells of it too.
        text = _("The gateway has a second payment for operation %(key)s.") % {"key": operation.key}
        logger.error("%s: %s", gateway.name, text, extra={"dinero_gateway": gateway.name})
        raise InvalidTransactionError(text, operation=operation, gateway_name=gateway.name)
    again = _fetched(gateway, remote.transaction_id)
    if again is not None:
        pull.write_remote_state_if_it_follows(row, again)
    return row


def _parent_of(gateway: Gateway, remote: RemoteTransaction) -> Transaction | None:
    """Return the row of what a follow-up follows, written now if its own event is still to come."""
    if not remote.parent_id:
        return None
    row = _row_of(gateway, remote.parent_id)
    if row is not None:
        return row
    parent = _fetched(gateway, remote.parent_id)
    if parent is None:
        return None
    operation = operations.named(gateway, parent.operation_key)
    if operation is not None:
        return _row_of_operation(gateway, operation, parent)
    return pull.row_of_capture(account_of(gateway), parent)
