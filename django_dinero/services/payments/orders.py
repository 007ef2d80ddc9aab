"""Whether an order may be paid: not while something that may have paid it is open."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from django_dinero.exceptions import DuplicateTransactionError, OperationInProgress
from django_dinero.gateways.base import Gateway
from django_dinero.models.operation import (
    BEING_SENT,
    CHARGES,
    OPEN_STATES,
    RARE_STATES,
    Operation,
)
from django_dinero.models.transaction import COUNTED, Transaction
from django_dinero.services import journal

#: Leases last minutes: what is older and still being sent has lost its worker, and reconcile makes
#: it unknown. The whole journal has no index for what is being sent.
SENDING_SINCE = timedelta(hours=1)


def refuse_second_payment(order_reference: str, gateway: Gateway) -> None:
    """Refuse to charge for an order that is paid, or that may be.

    It holds nothing: two requests at the same moment both pass.

    Args:
        order_reference: as it is passed to the charges; nothing is refused without one.
        gateway: where it would be paid. What a test account took pays nothing at a live one.

    Raises:
        DuplicateTransactionError: the order is paid.
        OperationInProgress: an attempt is not decided, or its outcome is not known.
    """
    if not order_reference:
        return
    # Before the rows: what ends meanwhile has one.
    is_open = _open_attempts(order_reference, gateway).exists()
    paid = Transaction.objects.paid_for(order_reference, gateway_name=gateway.name)
    statuses = set(paid.order_by().values_list("status", flat=True))
    if statuses.intersection(COUNTED):
        raise DuplicateTransactionError(_("This order is paid already."))
    if is_open or statuses:
        raise OperationInProgress(_("An attempt to pay this order is not finished."))


def _open_attempts(order_reference: str, gateway: Gateway) -> QuerySet[Operation]:
    rows = Operation.objects.using(journal.current_alias()).filter(
        Q(rare_state__in=set(OPEN_STATES).intersection(RARE_STATES))
        | Q(state__in=BEING_SENT, created_at__gt=timezone.now() - SENDING_SINCE),
        kind__in=CHARGES,
        intent__order_reference=order_reference,
    )
    return rows.filter(live=True) if gateway.live else rows
