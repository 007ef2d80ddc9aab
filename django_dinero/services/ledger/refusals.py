"""The exception for a recorded answer that is no approval, the same each time it is asked for."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from django_dinero import exceptions
from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import GatewayError
from django_dinero.gateways.types import Reason
from django_dinero.models import journal_notes
from django_dinero.models.operation import Operation
from django_dinero.models.records import RecordedOutcome
from django_dinero.models.transaction import Transaction
from django_dinero.services.errors import error_for


def recorded_refusal(
    operation: Operation, row: Transaction, *, again: bool = False
) -> GatewayError:
    """Return the exception for the answer that an operation has recorded.

    Args:
        again: whether somebody repeats the idempotency key, and is told what to do instead.
    """
    outcome = RecordedOutcome.of(operation)
    context: dict[str, Any] = {
        "transaction": row,
        "operation": operation,
        "gateway_name": operation.gateway_name,
    }
    said = journal_notes.shown(outcome.gateway_text)
    if outcome.status is ResultStatus.REQUIRES_ACTION:
        return exceptions.ActionRequired(
            said or _("The card's holder has to confirm this payment."),
            next_action=operation.next_action,
            gateway_code=outcome.gateway_code,
            **context,
        )
    if outcome.status is ResultStatus.HELD:
        message = said or _("The gateway holds this payment for review.")
        return exceptions.HeldForReview(message, gateway_code=outcome.gateway_code, **context)
    unnamed = (
        ReasonKind.GATEWAY_ERROR
        if outcome.status is ResultStatus.FAILED
        else ReasonKind.CARD_DECLINED
    )
    reasons = [Reason(kind, outcome.gateway_code) for kind in outcome.kinds or (unnamed,)]
    text = said
    if again:
        cure = _("This is the answer to an earlier attempt; a new attempt needs a new key.")
        text = f"{text} {cure}".strip()
    reasons[0] = Reason(reasons[0].kind, outcome.gateway_code, text)
    return error_for(reasons, **context)
