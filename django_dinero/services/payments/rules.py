"""The rules: why a transaction cannot be captured, voided, refunded or decided now."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.enums import ReasonKind, RemoteStatus, TransactionKind
from django_dinero.exceptions import (
    DineroError,
    InvalidTransactionError,
    NotPermittedError,
    RefundError,
)
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import Reason
from django_dinero.models.family import Family
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import COUNTED, TransactionStatus
from django_dinero.money import amount_text, number_text
from django_dinero.services import modes, pull
from django_dinero.services.errors import error_for, read_transaction
from django_dinero.services.ledger import statuses

TAKEN_ALREADY = gettext_lazy("A charge is taken already; only an authorization is captured.")
ONLY_THE_WHOLE = gettext_lazy(
    "The bank has not settled this yet, and until then only the whole of it can be taken back. "
    "Void it and charge again, or refund the part after the next settlement (usually the same "
    "night)."
)
NOT_YET = gettext_lazy(
    "The bank has not settled this yet, and until then this gateway gives nothing back. Refund it "
    "after the next settlement (usually the same night)."
)


def capture_error(family: Family, amount: Decimal) -> DineroError | None:
    """Return why ``amount`` of this authorization cannot be captured, None if it can."""
    row, problem = family.row, ""
    if row.kind == TransactionKind.CHARGE:
        problem = str(TAKEN_ALREADY)
    elif row.kind != TransactionKind.AUTHORIZATION:
        problem = _("Only an authorization can be captured; this is a %(kind)s.") % {
            "kind": row.get_kind_display()
        }
    elif row.status != TransactionStatus.APPROVED:
        problem = _("This authorization cannot be captured: %(status)s.") % {
            "status": row.get_status_display()
        }
    elif family.was_captured:
        problem = _("This authorization has been captured already, or its capture is held.")
    elif amount > Decimal(row.price):
        return error_for(
            [
                Reason(
                    ReasonKind.INVALID_AMOUNT,
                    text=_("At most %(price)s was authorized.")
                    % {"price": amount_text(row.price, row.currency)},
                )
            ],
            transaction=row,
        )
    return InvalidTransactionError(problem, transaction=row) if problem else None


def void_error(family: Family, amount: Decimal) -> DineroError | None:
    """Return why this cannot be voided, None if it can."""
    row, problem = family.row, ""
    if row.kind == TransactionKind.VOID:
        problem = _("A void cannot be voided.")
    elif row.status == TransactionStatus.SETTLED:
        problem = _settled_problem(family)
    elif row.status == TransactionStatus.VOIDED:
        problem = _("This was voided before.")
    elif row.status == TransactionStatus.HELD:
        problem = _("This is held for review: decline it instead.")
    elif row.status not in (TransactionStatus.APPROVED, TransactionStatus.REQUIRES_ACTION):
        problem = _("This cannot be voided: %(status)s.") % {"status": row.get_status_display()}
    elif family.given_back:
        problem = _("A part of this was refunded already; refund the rest.")
    return InvalidTransactionError(problem, transaction=row) if problem else None


def _settled_problem(family: Family) -> str:
    if family.row.kind == TransactionKind.REFUND:
        return _("This cannot be voided: %(status)s.") % {"status": family.row.get_status_display()}
    if 0 < family.captured <= family.sum_of(TransactionKind.REFUND):
        return _("All of it has been refunded.")
    return _("The bank has settled this; refund it.")


def with_way_out(error: InvalidTransactionError) -> InvalidTransactionError:
    """Return a gateway's refusal of a void, with the way out that it does not name: a refund."""
    if not error.gateway_code:
        return error  # ours
    text = _("%(text)s If the bank has settled it, refund it.") % {"text": error.message}
    return type(error)(
        text,
        transaction=error.transaction,
        operation=error.operation,
        gateway_code=error.gateway_code,
        gateway_name=error.gateway_name,
    )


def decision_error(family: Family, amount: Decimal) -> DineroError | None:
    """Return why a payment can be neither approved nor declined, None if it can."""
    row = family.row
    if row.status == TransactionStatus.HELD:
        return None
    return InvalidTransactionError(
        _("Only a held payment can be approved or declined; this one is: %(status)s.")
        % {"status": row.get_status_display()},
        transaction=row,
    )


def refundable(family: Family) -> Transaction:
    """Return the row that holds the money: an authorization's only capture, or the row itself."""
    if family.row.kind != TransactionKind.AUTHORIZATION:
        return family.row
    captures = [each for each in family.captures if each.status in COUNTED]
    if len(captures) == 1:
        return captures[0]
    text = _("Nothing of this authorization was captured; void it.")
    if captures:
        text = _("This authorization was captured in parts; refund one of the captures.")
    raise RefundError(text, transaction=family.row)


def refund_error(family: Family, amount: Decimal) -> DineroError | None:
    """Return why ``amount`` of this cannot be given back, None if it can."""
    row, problem = family.row, ""
    left = family.left_to_refund
    if row.kind not in (TransactionKind.CHARGE, TransactionKind.CAPTURE):
        problem = _("A %(kind)s cannot be refunded.") % {"kind": row.get_kind_display()}
    elif row.status not in COUNTED:
        problem = _("This cannot be refunded: %(status)s.") % {"status": row.get_status_display()}
    elif left <= 0:
        problem = _("All of it has been refunded.")
    elif amount > left:
        problem = _("At most %(left)s %(currency)s of it is left to refund.") % {
            "left": number_text(left),
            "currency": row.currency,
        }
    return RefundError(problem, transaction=row) if problem else None


def must_void(row: Transaction, amount: Decimal) -> bool:
    """Ask the gateway whether the bank has settled; say whether a void is the way.

    An account that may not read its transactions sends the refund, and the gateway decides.

    Raises:
        RefundError: it is not settled yet, and this gateway takes back the whole of it at most
            until then.
        UnsupportedFeature: the gateway can neither void nor refund.
        InvalidInput: the row is of another account than the gateway is now.
    """
    gateway = get_gateway(row.gateway_name)
    if row.live != gateway.live:
        modes.refuse_foreign(gateway, row)
    if not gateway.supports("void"):
        gateway.require("refund")
    try:
        found = read_transaction(gateway, row.transaction_id or "")
    except NotPermittedError:
        return False
    if found.status is RemoteStatus.SETTLED:
        pull.write_status(row, found)
        return False
    if found.status not in (RemoteStatus.CAPTURED, RemoteStatus.AUTHORIZED):
        pull.write_remote_state(row, found)
        status = TransactionStatus(statuses.FROM_REMOTE[found.status])
        raise RefundError(
            _("The gateway cannot refund it now: %(status)s.") % {"status": status.label},
            transaction=row,
        )
    can_void = gateway.supports("void")
    if can_void and amount == Decimal(row.price):
        return True
    if gateway.refunds_unsettled and found.status is RemoteStatus.CAPTURED:
        gateway.require("refund")
        return False
    raise RefundError(str(ONLY_THE_WHOLE if can_void else NOT_YET), transaction=row)
