"""The endpoints of webhooks: Authorize.Net's REST API, which stands beside the XML one.

``/rest/v1/webhooks`` on the same host, with login and transaction key as HTTP Basic credentials.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from django.utils.translation import gettext as _

from django_dinero.enums import ReasonKind
from django_dinero.exceptions import OutcomeUnknown
from django_dinero.gateways.authorizenet.options import Options
from django_dinero.gateways.authorizenet.webhooks import EVENT_TYPES
from django_dinero.gateways.http.client import HttpClient, HttpReply, Message, Timeouts
from django_dinero.gateways.types import Ack, Reason, Refusal, WebhookEndpoint
from django_dinero.redaction import scrub

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

PATH = "/rest/v1/webhooks"
DONE = frozenset({200, 201, 204})
#: Its refusals, each with a reason and a message. After any other status nobody knows.
REFUSED = {
    400: ReasonKind.GATEWAY_ERROR,
    401: ReasonKind.AUTHENTICATION,
    403: ReasonKind.NOT_PERMITTED,
    404: ReasonKind.INVALID_TRANSACTION,
    409: ReasonKind.GATEWAY_ERROR,
}


class Endpoints:
    """Lists, registers and removes endpoints of one account; threads may share it."""

    def __init__(self, options: Options, adapter: BaseAdapter | None = None) -> None:
        self._options = options
        parts = urlsplit(options.endpoint)
        self._http = HttpClient(
            f"{parts.scheme}://{parts.netloc}{PATH}",
            timeouts=Timeouts(options.connect_timeout, options.read_timeout, options.deadline),
            ca_bundle=options.ca_bundle,
            proxy=options.proxy,
            max_reply_bytes=1024 * 1024,
            adapter=adapter,
            pool_size=1,
        )

    def all(self) -> tuple[WebhookEndpoint, ...] | Refusal:
        """Return all endpoints of the account."""
        reply = self._call("GET")
        if reply.status not in DONE:
            return self._refusal(reply)
        found = self._json(reply) or []
        if not isinstance(found, list):
            raise self._unreadable()
        return tuple(self._endpoint(each) for each in found)

    def add(self, url: str) -> WebhookEndpoint | Refusal:
        """Register an address for every event that can be applied."""
        wanted = {"url": url, "eventTypes": list(EVENT_TYPES), "status": "active"}
        reply = self._call("POST", values=wanted)
        if reply.status not in DONE:
            return self._refusal(reply)
        return self._endpoint(self._json(reply))

    def remove(self, endpoint_id: str) -> Ack | Refusal:
        """Remove an endpoint; one that is gone counts as removed."""
        reply = self._call("DELETE", f"/{quote(endpoint_id, safe='')}")
        if reply.status == 404:
            return Ack(already=True)
        return Ack() if reply.status in DONE else self._refusal(reply)

    def _call(
        self, method: str, path: str = "", values: Mapping[str, Any] | None = None
    ) -> HttpReply:
        message = Message(
            body=b"" if values is None else json.dumps(values).encode(),
            headers=self._headers(),
            method=method,
            path=path,
            statuses=DONE | set(REFUSED),
            may_be_empty=True,
        )
        return self._http.exchange(message, changes=method != "GET")

    def _headers(self) -> dict[str, str]:
        pair = f"{self._options.login_id.reveal()}:{self._options.transaction_key.reveal()}"
        return {
            "Authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "django-dinero",
        }

    def _endpoint(self, found: object) -> WebhookEndpoint:
        if not isinstance(found, dict) or not found.get("webhookId") or not found.get("url"):
            raise self._unreadable()
        events = found.get("eventTypes")
        return WebhookEndpoint(
            endpoint_id=str(found["webhookId"]),
            url=str(found["url"]),
            event_types=tuple(map(str, events)) if isinstance(events, list) else (),
            is_active=found.get("status") == "active",
        )

    def _json(self, reply: HttpReply) -> Any:
        try:
            return json.loads(reply.body) if reply.body else None
        except (ValueError, RecursionError):
            pass
        raise self._unreadable()

    def _unreadable(self) -> OutcomeUnknown:
        return OutcomeUnknown(
            _("%(gateway)s sent an unreadable reply about its webhooks.")
            % {"gateway": self._options.gateway_name}
        )

    def _refusal(self, reply: HttpReply) -> Refusal:
        try:
            told = json.loads(reply.body)
        except (ValueError, RecursionError):
            told = None
        found = told if isinstance(told, dict) else {}
        code, text = str(found.get("reason") or reply.status), str(found.get("message") or "")
        return Refusal((Reason(REFUSED[reply.status], code[:60], scrub(text)),))
