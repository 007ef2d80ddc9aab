"""The REST API beside the XML one, of which the bank has the endpoints of webhooks."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.endpoints import Endpoint
from django_dinero.sandbox.dialects.authorizenet.notices import EVENTS
from django_dinero.sandbox.http.exchange import Request, Response, Route

PATH = "/rest/v1/webhooks"
ROUTE = Route(PATH, ("GET", "POST", "DELETE"), f"endpoints are at {PATH}", below=True)


def is_rest(request: Request) -> bool:
    """Say whether a request is for this API."""
    return ROUTE.serves(request.path)


def operation_of(request: Request) -> str:
    """Return what is asked for, for faults and counts."""
    return f"{request.method} webhooks"


def answer(bank: Bank, request: Request) -> Response:
    """Do what is asked for. Nothing that a client sends raises."""
    if not _is_known(bank, request):
        return _error(401, "UNAUTHORIZED", "The credentials are wrong.")
    endpoint_id = unquote(request.path.removeprefix(PATH).strip("/"))
    if request.method == "POST" and not endpoint_id:
        return _create(bank, request)
    known = {each.id: each for each in bank.endpoints()}
    if request.method == "GET" and not endpoint_id:
        return _json(200, [_shown(each) for each in known.values()])
    if endpoint_id not in known:
        return not_found()
    if request.method == "GET":
        return _json(200, _shown(known[endpoint_id]))
    if request.method == "DELETE":
        bank.remove_endpoint(endpoint_id)
        return Response(200, b"", {"Content-Type": "application/json"})
    return _error(400, "INCORRECT_DATA", "This cannot be done to an endpoint.")


def not_found() -> Response:
    """Say that there is no such endpoint."""
    return _error(404, "MISSING_DATA", "There is no such endpoint.")


def _create(bank: Bank, request: Request) -> Response:
    try:
        given = json.loads(request.body)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        return _error(400, "INCORRECT_DATA", "The body is no JSON object.")
    url, events = given.get("url"), given.get("eventTypes")
    if not isinstance(url, str) or not is_address(url):
        return _error(400, "INCORRECT_DATA", "url is no address.")
    if not isinstance(events, list) or not events or not EVENTS.issuperset(map(str, events)):
        return _error(400, "INCORRECT_DATA", "eventTypes has a type that does not exist.")
    return _json(200, _shown(bank.add_endpoint(url, tuple(map(str, events)))))


def is_address(url: str) -> bool:
    """Say whether webhooks can be sent there: http or https, with a host."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_known(bank: Bank, request: Request) -> bool:
    scheme, _, given = request.header("Authorization").partition(" ")
    try:
        pair = base64.b64decode(given.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return False
    account = bank.account
    wanted = f"{account.login_id}:{account.transaction_key.reveal()}".encode()
    return scheme.lower() == "basic" and hmac.compare_digest(pair, wanted)


def _shown(endpoint: Endpoint) -> Mapping[str, Any]:
    return {
        "_links": {"self": {"href": f"{PATH}/{endpoint.id}"}},
        "webhookId": endpoint.id,
        "eventTypes": sorted(endpoint.events or EVENTS),
        "status": "active",
        "url": endpoint.url,
    }


def _error(status: int, reason: str, message: str) -> Response:
    return _json(status, {"status": status, "reason": reason, "message": message})


def _json(status: int, value: object) -> Response:
    return Response(status, json.dumps(value).encode(), {"Content-Type": "application/json"})
