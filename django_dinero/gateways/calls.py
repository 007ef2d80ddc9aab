"""Every call of a gateway goes through here: what comes back holds no secret.

It is also where a call is told to logs, traces and counters.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import UnionType
from typing import Any, TypeVar

from django_dinero.exceptions import DineroError, InvalidInput
from django_dinero.gateways.base import VERBS, Gateway, Request
from django_dinero.gateways.types import (
    CredentialsCheck,
    LookupResult,
    Refusal,
    RemoteTransaction,
    TransactionResult,
)
from django_dinero.logs import Lines, Loggable, get_logger
from django_dinero.observing import GatewayCall
from django_dinero.redaction import scrub, secrets_in_play, without_frames
from django_dinero.user_messages import ForCode

logger = get_logger("django_dinero.gateways")

AnswerT = TypeVar("AnswerT")

#: What is told of. A gateway checks requests and parses webhooks by itself, and asks nobody.
_BY_ITSELF = frozenset({"check_request", "parse_webhook"})
_TOLD = frozenset((*VERBS, "clock")) - _BY_ITSELF


def ask(
    gateway: Gateway,
    call: Callable[[], AnswerT],
    *,
    verb: str = "",
    operation: Loggable | None = None,
    answers: type[Any] | UnionType = object,
) -> AnswerT:
    """Make a call of a gateway, and mask in its answer what was sent.

    A gateway may quote whatever it got, and a backend of somebody else's may pass that on. So its
    texts are scrubbed here, where the secrets are known. A CVV or a key has no form by which it
    could be found later.

    Args:
        gateway: the gateway, whose credentials are masked too.
        call: the call. Number, CVV and token are known if it is a ``partial`` of a verb.
        verb: the verb that the call belongs to, where it is no ``partial`` of that.
        operation: the one that it is the call of; None if it only reads.
        answers: what the call may return, refusals among it.

    Raises:
        DineroError: as the backend raised it, without the frames of the backend. So are raised
            SystemExit and KeyboardInterrupt, by which a server stops a worker.
        Exception: as the backend raised it, which no backend may. Whoever catches it gives it to
            :func:`log_broken_call`, and passes nothing of it on. So is raised TypeError, where the
            backend returned something else than ``answers``, as None by a missing ``return``.
    """
    ended: BaseException
    told = GatewayCall(gateway.name, verb or _verb_of(call), operation)
    with told, secrets_in_play(gateway.secrets, call):
        try:
            answer = call()
            if not isinstance(answer, answers):
                raise TypeError(f"The backend returned a {type(answer).__name__}.")
            told.outcome = _outcome_of(answer)
            return _scrubbed(answer)
        except DineroError as error:
            _scrub_error(error)
            ended = error
        except Exception:
            raise
        except BaseException as stop:
            ended = stop
        told.fail(ended)
    try:
        raise without_frames(ended)
    finally:
        del ended  # it refers to this frame


def _verb_of(call: Callable[[], object]) -> str:
    """Return the name of the verb that is called, one of a few; empty where nobody is asked."""
    function = call.func if isinstance(call, partial) else call
    name = str(getattr(function, "__name__", ""))
    if name in _BY_ITSELF:
        return ""
    return name if name in _TOLD else "other"


def _outcome_of(answer: object) -> str:
    if isinstance(answer, TransactionResult):
        return answer.outcome.value
    return "refused" if isinstance(answer, Refusal) else "done"


def check_request(gateway: Gateway, request: Request) -> None:
    """Raise what a gateway has to say against a request before it is sent, as :func:`ask` does."""
    ask(gateway, partial(gateway.check_request, request))


def _scrubbed(answer: AnswerT) -> AnswerT:
    if isinstance(answer, LookupResult):
        return replace(answer, matches=tuple(_scrubbed(match) for match in answer.matches))
    if isinstance(answer, CredentialsCheck):
        return replace(answer, text=scrub(answer.text))
    if not isinstance(answer, Refusal | TransactionResult | RemoteTransaction):
        return answer
    reasons = tuple(replace(reason, text=scrub(reason.text)) for reason in answer.reasons)
    return replace(answer, reasons=reasons)


def _scrub_error(error: DineroError) -> None:
    error.message = scrub(error.message)
    error.args = tuple(scrub(each) if isinstance(each, str) else each for each in error.args)
    if isinstance(error, InvalidInput):
        error.errors = {name: list(map(_scrubbed_text, t)) for name, t in error.errors.items()}


def _scrubbed_text(text: str) -> str:
    return ForCode(scrub(text)) if isinstance(text, ForCode) else scrub(text)


def log_broken_call(
    asked: str, error: Exception, fields: Mapping[str, object] | None = None
) -> str:
    """Tell the log what a backend raised that no backend may raise; return its name.

    Args:
        asked: the operation or the gateway that it happened to.
        error: its text is not told, since it may quote a card code that no pattern would find.
        fields: of the record.
    """
    logger.error(
        "%s: the backend raised %s\n%s",
        asked,
        type(error).__name__,
        Lines("".join(traceback.format_tb(error.__traceback__))),
        extra=fields,
    )
    return type(error).__name__
