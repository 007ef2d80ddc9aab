"""Exceptions for what a gateway refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from types import UnionType
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from django_dinero import exceptions
from django_dinero.enums import ReasonKind
from django_dinero.exceptions import DineroError, GatewayError, OutcomeUnknown
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.calls import ask, log_broken_call
from django_dinero.gateways.types import Reason, Refusal, RemoteCustomer, RemoteTransaction
from django_dinero.redaction import scrub

ResultT = TypeVar("ResultT")

ERRORS: dict[ReasonKind, type[GatewayError]] = {
    ReasonKind.CARD_DECLINED: exceptions.CardDeclinedError,
    ReasonKind.AVS: exceptions.AVSError,
    ReasonKind.CVV: exceptions.CVVError,
    ReasonKind.INVALID_CARD: exceptions.InvalidCardError,
    ReasonKind.EXPIRY: exceptions.ExpiryError,
    ReasonKind.INVALID_AMOUNT: exceptions.InvalidAmountError,
    ReasonKind.DUPLICATE_TRANSACTION: exceptions.DuplicateTransactionError,
    ReasonKind.REFUND: exceptions.RefundError,
    ReasonKind.INVALID_TRANSACTION: exceptions.InvalidTransactionError,
    ReasonKind.HELD: exceptions.HeldForReview,
    ReasonKind.ACTION_REQUIRED: exceptions.ActionRequired,
    ReasonKind.CUSTOMER_NOT_FOUND: exceptions.CustomerNotFoundError,
    ReasonKind.CARD_NOT_FOUND: exceptions.CardNotFoundError,
    ReasonKind.DUPLICATE_CUSTOMER: exceptions.DuplicateCustomerError,
    ReasonKind.DUPLICATE_CARD: exceptions.DuplicateCardError,
    ReasonKind.CARD_LIMIT: exceptions.CardLimitError,
    ReasonKind.AUTHENTICATION: exceptions.AuthenticationError,
    ReasonKind.NOT_PERMITTED: exceptions.NotPermittedError,
    ReasonKind.UNAVAILABLE: exceptions.GatewayUnavailableError,
    ReasonKind.GATEWAY_ERROR: exceptions.GatewayError,
}
#: Refusals that say nothing about what was asked: the account's settings, or the gateway's own
#: trouble. Nothing was done, and the same may be asked again when they have passed.
PASSING = (ReasonKind.AUTHENTICATION, ReasonKind.NOT_PERMITTED, ReasonKind.UNAVAILABLE)


def error_for(reasons: Iterable[Reason], *, existing_id: str = "", **context: Any) -> GatewayError:
    """Return the exception for a refusal's reasons.

    Args:
        reasons: what the gateway said. The first one decides, except that AVS and CVV together
            have an exception of their own.
        existing_id: the gateway's id of what the duplicate collides with.
        **context: ``transaction``, ``operation`` and ``gateway_name`` for the exception.
    """
    known = tuple(reasons) or (Reason(ReasonKind.GATEWAY_ERROR),)
    kinds = {reason.kind for reason in known}
    text = scrub(" ".join(reason.text for reason in known if reason.text))
    context.setdefault("gateway_code", known[0].code)
    message = text or _("The gateway refused without a reason.")
    if {ReasonKind.AVS, ReasonKind.CVV} <= kinds:
        return exceptions.AVSAndCVVError(message, **context)
    error = ERRORS[known[0].kind]
    if issubclass(error, exceptions.DuplicateCustomerError):
        return error(message, customer_id=existing_id, **context)
    if issubclass(error, exceptions.DuplicateCardError):
        return error(message, card_id=existing_id, **context)
    return error(message, **context)


def read(
    gateway: Gateway,
    call: Callable[[], ResultT | Refusal],
    *,
    verb: str = "",
    answers: type[Any] | UnionType = object,
    changes: bool = False,
) -> ResultT:
    """Make a call that is no operation: one that reads, or one that may be made again.

    Args:
        answers: what it may return beside a refusal.
        changes: whether the gateway may have done something when its reply is lost.
        call, verb: as for :func:`ask`.

    Raises:
        NotSent: nothing reached the gateway.
        GatewayError: it refused, its answer was lost, or the backend broke off.
    """
    lost = ""
    answer: ResultT | Refusal | None = None
    try:
        answer = ask(gateway, call, verb=verb, answers=answers | Refusal)
    except OutcomeUnknown as error:
        lost = str(error)
    except DineroError:
        raise
    except Exception as error:  # its frames and its text may hold a card code
        lost = log_broken_call(gateway.name, error, {"dinero_gateway": gateway.name})
    if lost or answer is None:
        text = (
            _("%(gateway)s did not answer; look whether it has done it. %(detail)s")
            if changes
            else _("%(gateway)s did not answer; nothing was changed. %(detail)s")
        )
        raise GatewayError(
            text % {"gateway": gateway.name, "detail": lost}, gateway_name=gateway.name
        )
    if isinstance(answer, Refusal):
        raise error_for(answer.reasons, existing_id=answer.existing_id, gateway_name=gateway.name)
    return answer


def read_transaction(gateway: Gateway, transaction_id: str) -> RemoteTransaction:
    """Fetch one transaction, and believe the answer only if it is about that one.

    Raises:
        NotSent: nothing reached the gateway.
        GatewayError: as :func:`read`, or it answered with another transaction.
    """
    remote = read(
        gateway,
        partial(gateway.retrieve_transaction, transaction_id),
        answers=RemoteTransaction,
    )
    if remote.transaction_id != transaction_id:
        text = _("%(gateway)s answered with another transaction; nothing was changed.")
        raise GatewayError(text % {"gateway": gateway.name}, gateway_name=gateway.name)
    return remote


def read_customer(gateway: Gateway, customer_id: str) -> RemoteCustomer:
    """Fetch one customer with all cards, and believe the answer only if it is about that one.

    Raises:
        NotSent: nothing reached the gateway.
        GatewayError: as :func:`read`, or it answered with another customer.
    """
    remote = read(gateway, partial(gateway.retrieve_customer, customer_id), answers=RemoteCustomer)
    if remote.customer_id != customer_id:
        text = _("%(gateway)s answered with another customer; nothing was changed.")
        raise GatewayError(text % {"gateway": gateway.name}, gateway_name=gateway.name)
    return remote
