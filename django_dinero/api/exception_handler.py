"""Turns exceptions into answers: one shape, one status for each class.

``{"code", "detail"}``, and where there are such ``errors`` (texts by field), ``transaction`` (the
public id of the row that the error is about), ``operation`` (the journal's key), ``existing`` (the
public id of the row that a duplicate or an unfinished creation left here) and ``next_action`` (what
the card's holder has to do first).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import Error
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from django_dinero import exceptions
from django_dinero.api.addresses import address_of_operation
from django_dinero.api.disclosure import code_for, detail_for
from django_dinero.api.fields import TimeField
from django_dinero.api.permissions import is_signed_in
from django_dinero.db.failures import is_unmigrated, not_sent
from django_dinero.db.queries import primary
from django_dinero.enums import NextActionKind
from django_dinero.exceptions import DineroError, InvalidInput
from django_dinero.gateways.registry import GatewayMisconfigured, get_gateway
from django_dinero.gateways.types import NextAction
from django_dinero.logs import get_logger
from django_dinero.models import CreditCard, Customer, Transaction
from django_dinero.models.operation import OperationKind
from django_dinero.redaction import scrub
from django_dinero.user_messages import NOT_SET_UP

logger = get_logger("django_dinero.api")

#: Seconds after which it makes sense to repeat a request that was not sent or came too early.
RETRY_AFTER = "5"

#: The code where a gateway cannot be made of its configuration; no exception of ours has it.
MISCONFIGURED = "misconfigured"

#: Looked through from the top; the first class that fits counts.
STATUSES: tuple[tuple[type[DineroError], int], ...] = (
    (InvalidInput, status.HTTP_400_BAD_REQUEST),
    (exceptions.UnsupportedFeature, status.HTTP_400_BAD_REQUEST),
    (exceptions.IdempotencyKeyReused, status.HTTP_422_UNPROCESSABLE_ENTITY),
    (exceptions.OperationInProgress, status.HTTP_409_CONFLICT),
    (exceptions.NotSent, status.HTTP_503_SERVICE_UNAVAILABLE),
    # Not an error of the caller's, and not a success: the outcome is still to come.
    (exceptions.OutcomeUnknown, status.HTTP_202_ACCEPTED),
    (exceptions.NeedsAttention, status.HTTP_202_ACCEPTED),
    (exceptions.HeldForReview, status.HTTP_202_ACCEPTED),
    # Whoever takes every 2xx for paid must not take this for it.
    (exceptions.ActionRequired, status.HTTP_402_PAYMENT_REQUIRED),
    (exceptions.OperationClosed, status.HTTP_409_CONFLICT),
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
    (exceptions.GatewayUnavailableError, status.HTTP_503_SERVICE_UNAVAILABLE),
    (exceptions.GatewayError, status.HTTP_502_BAD_GATEWAY),
)


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer an exception of a view; None for one that is a bug: the server's own report."""
    if isinstance(error, GatewayMisconfigured):
        return _misconfigured(error)
    ours = first_dinero_error(error) or _unmigrated(error, context)
    if ours is not None:
        # Asked only here: where the caller is not known yet, asking would sign in once more.
        response = response_to(ours, in_full=context["view"].sees_all())
        still_to_come = isinstance(ours, exceptions.ActionRequired)
        return _with_address(response, context, still_to_come=still_to_come)
    answer = exception_handler(error, dict(context))
    if answer is not None:
        answer.data = _shape(error)
    return answer


def _misconfigured(error: GatewayMisconfigured) -> Response:
    """Return the answer for a gateway that cannot be made; why stands in the log alone."""
    code = status.HTTP_503_SERVICE_UNAVAILABLE
    logger.error("Answered %s: %s: %s", code, MISCONFIGURED, scrub(str(error)))
    return Response({"code": MISCONFIGURED, "detail": str(NOT_SET_UP)}, status=code)


def _unmigrated(error: Exception, context: Mapping[str, Any]) -> DineroError | None:
    """Return the error for a read of a table or column that is missing, as a write has it.

    A write that fails may have been sent; the verbs translate that themselves.
    """
    if (
        not isinstance(error, Error)
        or context["request"].method not in ("GET", "HEAD")
        or not is_unmigrated(error)
    ):
        return None
    return not_sent(_("The database failed; nothing was sent."), error)


def _with_address(
    response: Response, context: Mapping[str, Any], *, still_to_come: bool
) -> Response:
    """Tell where the outcome will stand that is still to come."""
    still_to_come = still_to_come or response.status_code == status.HTTP_202_ACCEPTED
    request = context["request"]
    # A stranger may not ask there, and repeats the request instead.
    if still_to_come and "operation" in response.data and is_signed_in(request):
        address = address_of_operation(response.data["operation"], request)
        if address:
            response["Location"] = address
    return response


def first_dinero_error(error: BaseException) -> DineroError | None:
    """Return the app's exception, or the first of a group (several pushes of one commit).

    None for a group with a bug among them: an answer would hide it from the server's own report.
    """
    if isinstance(error, BaseExceptionGroup):
        found = [first_dinero_error(each) for each in error.exceptions]
        return None if None in found else found[0]
    return error if isinstance(error, DineroError) else None


def response_to(error: DineroError, *, in_full: bool) -> Response:
    """Return the answer to an exception of the app's, ``in_full`` to staff."""
    code = status_of(error)
    body: dict[str, Any] = {
        "code": code_for(error, in_full=in_full),
        "detail": detail_for(error, in_full=in_full),
    }
    if isinstance(error, InvalidInput):
        body["errors"] = {name: [scrub(t) for t in texts] for name, texts in error.errors.items()}
    if error.transaction is not None:
        body["transaction"] = str(error.transaction.public_id)
    if error.operation is not None:
        body["operation"] = error.operation.key
    if isinstance(error, exceptions.ActionRequired) and error.next_action is not None:
        body["next_action"] = _shown(error.next_action, error.transaction)
    existing = _existing(error)
    if existing is not None:
        body["existing"] = str(existing.public_id)
    if code >= status.HTTP_500_INTERNAL_SERVER_ERROR:
        logger.error("Answered %s: %s: %s", code, error.code, scrub(str(error)))
    headers = {"Retry-After": RETRY_AFTER} if _is_passing(error) else None
    return Response(body, status=code, headers=headers)


def _shown(action: NextAction, row: Transaction | None) -> dict[str, str | None]:
    """Return what the card's holder has to do: shown to whoever pays, and kept nowhere."""
    expires_at, value = action.expires_at, action.value.reveal()
    if row is not None and action.kind is NextActionKind.REDIRECT:
        # The test bank's page is on a port of its own, which the gateway knows.
        value = get_gateway(row.gateway_name).action_address(action, "")
    return {
        "kind": action.kind.value,
        "value": value,
        "expires_at": TimeField().to_representation(expires_at) if expires_at else None,
    }


def status_of(error: DineroError) -> int:
    """Return the HTTP status for an exception's class."""
    known = (code for kind, code in STATUSES if isinstance(error, kind))
    return next(known, status.HTTP_500_INTERNAL_SERVER_ERROR)


def may_still_happen(error: DineroError) -> bool:
    """Say whether the gateway will still hear of it, or may have: it is not refused."""
    kinds = exceptions.NotSent | exceptions.OutcomeUnknown | exceptions.OperationInProgress
    return isinstance(error, kinds)


def unconfirmed_delete(failure: Exception, row: Customer | CreditCard) -> DineroError | None:
    """Return why the gateway has not confirmed a delete that is done here, None for any other end.

    Args:
        failure: what the delete raised, one error or several.
        row: what was deleted.
    """
    error = first_dinero_error(failure)
    if error is None or not may_still_happen(error):
        return None
    # A replica may not know yet that it was deleted.
    is_here = primary(type(row)).filter(public_id=row.public_id).exists()
    return None if is_here else error


def _is_passing(error: DineroError) -> bool:
    kinds = exceptions.NotSent | exceptions.OperationInProgress | exceptions.GatewayUnavailableError
    return isinstance(error, kinds)


def _existing(error: DineroError) -> Customer | CreditCard | None:
    """Return the row that is here in spite of the error: the operation's customer's, no other's.

    A replica may lack it, since it was written just now.
    """
    operation = error.operation
    if operation is None:
        return None
    if operation.kind == OperationKind.CREATE_CUSTOMER:
        # Stored here, to be pushed again; without this id a repeat would make a second one.
        customers = primary(Customer)
        customers = customers.filter(gateway_name=operation.gateway_name, live=operation.live)
        return customers.filter(customer_key=operation.customer_key).first()
    if isinstance(error, exceptions.DuplicateCardError) and error.card_id:
        cards = primary(CreditCard)
        cards = cards.filter(gateway_name=operation.gateway_name, live=operation.live)
        return cards.filter(customer_id=operation.customer_id, card_id=error.card_id).first()
    return None


def _shape(error: Exception) -> dict[str, Any]:
    """Return the framework's error in the shape of ours."""
    if isinstance(error, Http404):
        return {"code": "not_found", "detail": _("There is no such object.")}
    if isinstance(error, ValidationError):
        return _shape_of_fields(error.detail)
    if isinstance(error, APIException):
        return _shape_of_refusal(error)
    return {"code": "permission_denied", "detail": _("You may not do this.")}


def _shape_of_refusal(error: APIException) -> dict[str, Any]:
    detail: Any = error.detail
    if isinstance(detail, dict):  # as the refusals of token authentication have it
        detail = detail.get("detail", error.default_detail)
    codes = error.get_codes()
    code = codes if isinstance(codes, str) else error.default_code
    return {"code": code, "detail": scrub(str(detail))}


def _shape_of_fields(detail: Any) -> dict[str, Any]:
    fields = detail if isinstance(detail, dict) else {"non_field_errors": detail}
    texts = {
        name: [scrub(str(text)) for text in (found if isinstance(found, list) else [found])]
        for name, found in fields.items()
    }
    shown = " ".join(f"{name}: {' '.join(found)}" for name, found in texts.items())
    return {"code": "invalid_input", "detail": shown, "errors": texts}
