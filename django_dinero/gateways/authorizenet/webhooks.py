"""Webhooks: checks the signature over the raw bytes, then reads what the notice points at.

``X-ANET-Signature`` is ``sha512=`` and the HMAC in hex. The HMAC's key is the *text* of the
signature key and not what its hex digits spell (checked against published vectors).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from django_dinero.enums import ReasonKind
from django_dinero.gateways.types import Reason, Refusal, WebhookNotice
from django_dinero.redaction import Secret

HEADER = "x-anet-signature"
PREFIX = "sha512="
#: Notices have some hundred bytes. A longer body than this is refused.
MAX_BYTES = 64 * 1024

OBJECTS: Mapping[str, str] = {
    "transaction": "transaction",
    "customerProfile": "customer",
    "customerPaymentProfile": "card",
    "subscription": "subscription",
}


def parse(
    headers: Mapping[str, str], raw_body: bytes, key: Secret | None
) -> WebhookNotice | Refusal:
    """Return the verified notice, or why it cannot be believed."""
    if key is None:
        return _refuse("unconfigured", _("The option signature_key is not set."))
    if len(raw_body) > MAX_BYTES:
        return _refuse("size", _("The body is too large for a notice."))
    if not signed(headers, raw_body, key):
        return _refuse("signature", _("The signature does not match the body."))
    try:
        body = json.loads(raw_body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or not isinstance(body.get("payload"), dict):
        return _refuse("body", _("The body is no notice."))
    payload: dict[str, Any] = body["payload"]
    event_id, event_type = body.get("notificationId"), body.get("eventType")
    entity = OBJECTS.get(str(payload.get("entityName")), "")
    if not event_id or not event_type or not entity or not payload.get("id"):
        return _refuse("body", _("The notice names no event or no object."))
    return WebhookNotice(
        event_id=str(event_id),
        event_type=str(event_type),
        object_kind=entity,
        object_id=str(payload["id"]),
        operation_key=str(payload.get("merchantReferenceId") or payload.get("invoiceNumber") or ""),
    )


def signed(headers: Mapping[str, str], raw_body: bytes, key: Secret) -> bool:
    """Say whether the signature is that of these very bytes."""
    found = next((v for name, v in headers.items() if name.lower() == HEADER), "")
    expected = hmac.new(key.reveal().encode(), raw_body, hashlib.sha512).hexdigest()
    given = found[len(PREFIX) :] if found.lower().startswith(PREFIX) else ""
    return hmac.compare_digest(given.lower().encode("utf-8", "replace"), expected.encode())


def _refuse(code: str, text: str) -> Refusal:
    return Refusal((Reason(ReasonKind.AUTHENTICATION, f"webhook:{code}", text),))
