"""Turns the app's exceptions into answers: one shape, one status for each class."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import status
from rest_framework.response import Response

from django_dinero import exceptions
from django_dinero.exceptions import DineroError, InvalidInput
from django_dinero.models import CreditCard, Customer
from django_dinero.secrets import scrub

#: Seconds after which it makes sense to repeat a request that was not sent or came too early.
RETRY_AFTER = "5"

#: Looked through from the top; the first class that fits counts.
STATUSES: tuple[tuple[type[DineroError], int], ...] = (
    (InvalidInput, status.HTTP_400_BAD_REQUEST),
    (exceptions.UnsupportedFeature, status.HTTP_400_BAD_REQUEST),
    (exceptions.IdempotencyKeyReused, status.HTTP_422_UNPROCESSABLE_ENTITY),
    (exceptions.OperationInProgress, status.HTTP_409_CONFLICT),
    (exceptions.NotSent, status.HTTP_503_SERVICE_UNAVAILABLE),
    # Not an error of the caller's, and not a success: the outcome is still to come.
    (exceptions.OutcomeUnknown, status.HTTP_202_ACCEPTED),
    (exceptions.NeedsReview, status.HTTP_202_ACCEPTED),
    (exceptions.HeldForReview, status.HTTP_202_ACCEPTED),
    (exceptions.CardDeclinedError, status.HTTP_402_PAYMENT_REQUIRED),
    (exceptions.InvalidCardError, status.HTTP_402_PAYMENT_REQUIRED),
    (exceptions.ExpiryError, status.HTTP_402_PAYMENT_REQUIRED),
    (exceptions.InvalidAmountError, status.HTTP_422_UNPROCESSABLE_ENTITY),
    (exceptions.DuplicateTransactionError, status.HTTP_409_CONFLICT),
    (exceptions.RefundError, status.HTTP_409_CONFLICT),
    (exceptions.InvalidTransactionError, status.HTTP_409_CONFLICT),
    (exceptions.CustomerNotFoundError, status.HTTP_409_CONFLICT),
    (exceptions.CardNotFoundError, status.HTTP_409_CONFLICT),
    (exceptions.DuplicateCustomerError, status.HTTP_409_CONFLICT),
    (exceptions.DuplicateCardError, status.HTTP_409_CONFLICT),
    (exceptions.CardLimitError, status.HTTP_409_CONFLICT),
    (exceptions.GatewayError, status.HTTP_502_BAD_GATEWAY),
)


def first_of(error: BaseException) -> DineroError | None:
    """Return the app's exception, or the first of a group (several pushes of one commit)."""
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(first_of, error.exceptions)), None)
    return error if isinstance(error, DineroError) else None


def response_to(error: DineroError) -> Response:
    """Return the answer to an exception: ``code``, ``detail`` and what it is about."""
    code = next((s for kind, s in STATUSES if isinstance(error, kind)), 500)
    body: dict[str, Any] = {"code": error.code, "detail": _detail(error)}
    if isinstance(error, InvalidInput):
        body["errors"] = {name: [scrub(t) for t in texts] for name, texts in error.errors.items()}
    if error.transaction is not None:
        body["transaction"] = str(error.transaction.public_id)
    if error.operation is not None:
        body["operation"] = error.operation.key
    existing = _existing(error)
    if existing:
        body["existing"] = existing
    headers = {"Retry-After": RETRY_AFTER} if code in (409, 503) and _is_passing(error) else None
    return Response(body, status=code, headers=headers)


def _detail(error: DineroError) -> str:
    if isinstance(error, exceptions.OutcomeUnknown):
        return _(
            "No answer came from the gateway: this may have been done. Repeat it only with the "
            "same Idempotency-Key; that looks it up and never does it twice."
        )
    if isinstance(error, exceptions.AuthenticationError | exceptions.InsideTransaction):
        # How this server is set up is for its log, not for whoever calls.
        return _("The server cannot reach its payment gateway.")
    return scrub(str(error))


def _is_passing(error: DineroError) -> bool:
    return isinstance(error, exceptions.NotSent | exceptions.OperationInProgress)


def _existing(error: DineroError) -> str:
    """Return the public id of a duplicate's row, where there is one here."""
    operation = error.operation
    if operation is None:
        return ""
    row: Customer | CreditCard | None = None
    if isinstance(error, exceptions.DuplicateCardError) and error.card_id:
        row = CreditCard.objects.filter(
            gateway_name=operation.gateway_name,
            customer_id=operation.customer_id,
            card_id=error.card_id,
        ).first()
    return str(row.public_id) if row else ""
