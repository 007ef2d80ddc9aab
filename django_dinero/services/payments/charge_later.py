"""Charges that are asked for inside a transaction, and made right after its commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Any, Unpack

from django.db import Error, router
from django.utils.translation import gettext as _

from django_dinero.db.on_commit import when_committed
from django_dinero.db.transactions import is_commit_told
from django_dinero.exceptions import (
    DineroError,
    InsideTransaction,
    NotSent,
    OperationInProgress,
    OrderPaid,
    OutcomeUnknown,
)
from django_dinero.gateways.calls import log_broken_call
from django_dinero.logs import get_logger
from django_dinero.models.arguments import ChargeOptions, PaymentOptions, names_of, refuse_unknown
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.operation import Operation, OperationState
from django_dinero.models.pending_charge import PendingCharge
from django_dinero.models.transaction import Transaction
from django_dinero.observing.verbs import verb
from django_dinero.services import journal
from django_dinero.services.payments import execute
from django_dinero.services.payments.charge import ChargeOrder, charge
from django_dinero.services.recovery import idempotency

logger = get_logger("django_dinero.journal")


@verb("charge_on_commit")
def charge_on_commit(price: Decimal | int | str, **options: Unpack[ChargeOptions]) -> PendingCharge:
    """Charge right after the commit; see :meth:`Transaction.charge_on_commit`.

    The operation is written as NEW in the caller's transaction, so it is committed together with
    the caller's rows or not at all. If the worker dies between the commit and the call, nothing was
    sent, and the operation says so.
    """
    order = ChargeOrder.read(price, options)
    using = router.db_for_write(Operation)
    if not is_commit_told(using):
        raise InsideTransaction(
            _("Autocommit is off, so that nobody can tell when your transaction is committed.")
        )
    operation = _made_before(order)
    make = partial(_repeat, price, options)
    if operation is None or idempotency.free_if_undone(operation, order.parameters):
        order = order.with_present_rows()
        operation, is_new = _open(order, using)
        make = partial(_send, order, operation) if is_new else make
    pending = PendingCharge(operation.key)
    when_committed(using, partial(_make, pending, order, make))
    return pending


def _made_before(order: ChargeOrder) -> Operation | None:
    """Return what has this key already: in the caller's transaction, or committed by a rival."""
    aliases = Operation.objects.aliases_to_read(Operation)
    found = (idempotency.operation_of(order.key, using=alias) for alias in aliases)
    return next(filter(None, found), None)


def _open(order: ChargeOrder, using: str) -> tuple[Operation, bool]:
    """Write the operation, and return it with True; or a rival's of the same key, with False."""
    try:
        return order.open(order.full_request(), on_commit_of=using), True
    except journal.KeyTaken as taken:
        return taken.operation, False
    except (OperationInProgress, OrderPaid):
        # Another worker may have paid under this very key since we looked.
        rival = _made_before(order)
        if rival is None:
            raise
        return rival, False


def charge_stored_on_commit(
    price: Decimal | int | str,
    source: Customer | CreditCard,
    **options: Unpack[PaymentOptions],
) -> PendingCharge:
    """As :func:`charge_on_commit`, of a customer's default card or of a card."""
    refuse_unknown(options, names_of(PaymentOptions) | {"price"})
    if isinstance(source, Customer):
        return charge_on_commit(price, customer=source, **options)
    return charge_on_commit(price, card=source, **options)


def _make(pending: PendingCharge, order: ChargeOrder, make: Callable[[], Transaction]) -> None:
    try:
        pending.transaction = make()
    except DineroError as error:
        # Raised here, it would reach the caller after the commit, and drop later callbacks.
        pending.error = error
    except Exception as error:  # of a project's backend or hooks; the same holds for it
        pending.error = _broken(pending, order, error)
    if pending.error is not None:
        code = pending.error.code
        pending.transaction = pending.error.transaction
        logger.warning(
            "Charge %s after a commit: %s",
            pending.operation_key,
            code,
            extra={"dinero_operation": pending.operation_key, "dinero_outcome": code},
        )


def _broken(pending: PendingCharge, order: ChargeOrder, error: Exception) -> DineroError:
    """Return what is told of an error that is none of ours."""
    fields = {"dinero_operation": pending.operation_key}
    name = log_broken_call(f"Operation {pending.operation_key}", error, fields)
    found: Operation | None = None
    with suppress(Error, NotSent):
        # By the caller's key first: a repetition may have made another operation.
        keyed = idempotency.operation_of(order.key)
        found = keyed or Operation.objects.newest().filter(key=pending.operation_key).first()
    # A refusal is a failure too, and was sent.
    if found is not None and found.state == OperationState.FAILED and not found.has_result:
        text = _("The backend broke off (%(error)s); nothing was sent.")
        return NotSent(text % {"error": name}, operation=found)
    text = _("The backend broke off (%(error)s); whether the gateway did it is not known.")
    return OutcomeUnknown(text % {"error": name}, operation=found)


def _repeat(price: Decimal | int | str, options: Mapping[str, Any]) -> Transaction:
    return charge(price, **options)


@verb("charge_later")
def _send(order: ChargeOrder, operation: Operation) -> Transaction:
    try:
        with journal.released_on_failure(operation):
            # Read the rows again: the caller's transaction may have been a long one.
            order = order.with_present_rows(again=True)
            request = order.full_request()
            journal.add_to_intent(operation, **order.present_facts(request))
    except DineroError as error:
        error.operation = operation
        raise
    if order.pays_order:
        order.shop_order.confirm(operation)
    return execute.perform(order.gateway, operation, partial(order.gateway.charge, request))
