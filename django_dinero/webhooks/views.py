"""The view that gateways post webhooks to.

It verifies, stores and answers. What an event means is found out by ``services/webhooks/``, after
the answer has been sent.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error, connections, transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    UnreadablePostError,
)
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables

from django_dinero.exceptions import InvalidInput
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.calls import ask, log_broken_call
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import Refusal, WebhookNotice
from django_dinero.logs import get_logger
from django_dinero.models.webhook_event import WebhookEvent
from django_dinero.observing import WebhookHandled, tell
from django_dinero.services import webhooks
from django_dinero.tasks import queue
from django_dinero.webhooks.refusals import WebhookRefused, leave_out_of_log, refusals

logger = get_logger("django_dinero.webhooks")

#: Bytes. No gateway sends as much; a longer body is refused before it is read.
MAX_BODY = 256 * 1024
PLAIN = "text/plain; charset=utf-8"

View = Callable[..., HttpResponseBase]


class Stored(HttpResponse):
    """The answer to an event that is stored. The event is applied once the answer is sent.

    A server closes a response after its last byte. So the gateway waits for our database alone,
    never for itself, and not for a queue either.
    """

    def __init__(self, event: WebhookEvent) -> None:
        super().__init__("stored\n", content_type=PLAIN)
        self._event: WebhookEvent | None = event

    def close(self) -> None:
        event, self._event = self._event, None
        try:
            if event is not None and event.is_waiting:
                _hand_over(event)
        finally:
            super().close()


def _hand_over(event: WebhookEvent) -> None:
    """Give an event to the queue where there is one, and apply it here where there is none."""
    if queue.is_configured():
        queue.enqueue("apply_webhook", event.pk, event.attempts)
    else:
        webhooks.apply_inline(event)


def _outside_transactions(view: View) -> View:
    """Exempt a view from ATOMIC_REQUESTS, on every database."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


@_outside_transactions
@login_not_required
@csrf_exempt
@never_cache
def webhook(request: HttpRequest, gateway_name: str, **kwargs: object) -> HttpResponseBase:
    """Answer 200 to an event that is stored now or was before, and 4xx to anything else."""
    gateway = _gateway(gateway_name)
    if request.method == "GET":
        challenge = gateway.webhook_challenge(request.GET)
        if challenge is not None:
            return HttpResponse(challenge, content_type=PLAIN)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    return _receive(request, gateway)


def _gateway(gateway_name: str) -> Gateway:
    try:
        gateway = get_gateway(gateway_name)
    except InvalidInput:
        raise Http404 from None
    if not gateway.supports("parse_webhook"):
        raise Http404
    return gateway


@sensitive_variables("raw_body")
def _receive(request: HttpRequest, gateway: Gateway) -> HttpResponseBase:
    raw_body = _read(request)
    if raw_body is None:
        tell(WebhookHandled(gateway.name, "refused"))
        return _too_large(gateway)
    notice = _parsed(request, gateway, raw_body)
    if isinstance(notice, Refusal):
        raw_body = b""
        return _refused(gateway, notice)
    try:
        event = webhooks.store(gateway, notice, raw_body)
    except Error as error:
        # It is sent again, when the database can take it.
        tell(WebhookHandled(gateway.name, "not_stored"))
        logger.error(
            "%s: an event was not stored: %s",
            gateway.name,
            type(error).__name__,
            extra={"dinero_gateway": gateway.name},
        )
        return HttpResponse("try again\n", status=503, content_type=PLAIN)
    tell(WebhookHandled(gateway.name, "known" if event is None else "stored"))
    return HttpResponse("known\n", content_type=PLAIN) if event is None else Stored(event)


def _read(request: HttpRequest) -> bytes | None:
    """Return the body as it was sent, empty if it cannot be read; None if it is too long."""
    told: str = request.META.get("CONTENT_LENGTH") or "0"
    if not (told.isascii() and told.isdigit()):
        return b""
    if len(told) > 9 or int(told) > MAX_BODY:
        return None
    try:
        raw_body = request.read(MAX_BODY + 1)
    except UnreadablePostError:
        return b""
    return raw_body if len(raw_body) <= MAX_BODY else None


def _parsed(request: HttpRequest, gateway: Gateway, raw_body: bytes) -> WebhookNotice | Refusal:
    try:
        return ask(gateway, partial(gateway.parse_webhook, request.headers, raw_body))
    except Exception as error:  # no backend may raise for what a stranger sends
        log_broken_call(gateway.name, error)
        return Refusal(())


def _too_large(gateway: Gateway) -> HttpResponseBase:
    told = _counted(gateway, "It is too large.")
    if told:
        logger.warning("%s", told)
    return leave_out_of_log(HttpResponse("too large\n", status=413, content_type=PLAIN))


def _refused(gateway: Gateway, refusal: Refusal) -> HttpResponseBase:
    """Refuse a webhook. The log hears of the first in a minute, and how many there were.

    Raises:
        WebhookRefused: Django logs it and answers 400.
    """
    tell(WebhookHandled(gateway.name, "refused"))
    if any(reason.code == "webhook:size" for reason in refusal.reasons):
        return _too_large(gateway)
    why = " ".join(reason.text for reason in refusal.reasons) or "The backend broke off."
    told = _counted(gateway, why)
    if told and not settings.DEBUG:
        raise WebhookRefused(told)
    if told:
        # Django's debug page would show the request's frames to whoever has sent it.
        logger.warning("%s", told, extra={"dinero_gateway": gateway.name})
    return leave_out_of_log(HttpResponse("refused\n", status=400, content_type=PLAIN))


def _counted(gateway: Gateway, why: str) -> str:
    """Count a refusal; return what the log is to hear of it, if it is time for that."""
    count = refusals.count(gateway.name)
    if count is None:
        logger.debug(
            "%s: a webhook was refused: %s",
            gateway.name,
            why,
            extra={"dinero_gateway": gateway.name},
        )
        return ""
    told = f"{gateway.name}: a webhook was refused: {why}"
    return told if count == 1 else f"{told} ({count} were refused since the last such line)"
