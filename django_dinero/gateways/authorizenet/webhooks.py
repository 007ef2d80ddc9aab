"""Webhooks: checks the signature over the raw bytes, then reads what the notice points at.

``X-ANET-Signature`` is ``sha512=`` and the HMAC in hex. The HMAC's key is the *text* of the
signature key and not what its hex digits spell (checked against published vectors).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from django_dinero.enums import ReasonKind
from django_dinero.gateways.json_bodies import read_object
from django_dinero.gateways.types import Reason, Refusal, WebhookNotice
from django_dinero.redaction import Secret

HEADER = "X-ANET-Signature"
PREFIX = "sha512="
#: Notices have some hundred bytes. A longer body than this is refused.
MAX_BYTES = 64 * 1024
#: Characters of an id or of a type. Longer ones are of something else.
MAX_TEXT = 255

#: What :meth:`register_webhook` asks for: all that changes something we have a row of.
EVENT_TYPES = (
    *(
        f"net.authorize.payment.{name}.created"
        for name in (
            *("authorization", "authcapture", "capture", "priorAuthCapture", "refund", "void"),
        )
    ),
    *(f"net.authorize.payment.fraud.{name}" for name in ("held", "approved", "declined")),
    *(f"net.authorize.customer.{name}" for name in ("created", "updated", "deleted")),
    *(
        f"net.authorize.customer.paymentProfile.{name}"
        for name in ("created", "updated", "deleted")
    ),
)

OBJECTS: Mapping[str, str] = {
    "transaction": "transaction",
    "customerProfile": "customer",
    "customerPaymentProfile": "card",
    "subscription": "subscription",
}


def parse(
    headers: Mapping[str, str], raw_body: bytes, keys: Iterable[Secret]
) -> WebhookNotice | Refusal:
    """Return the verified notice, or why it cannot be believed.

    Args:
        keys: any of them may have signed it; none of them is empty.
    """
    keys = tuple(keys)
    if not keys:
        return _refuse("unconfigured", _("The option signature_key is not set."))
    if len(raw_body) > MAX_BYTES:
        return _refuse("size", _("The body is too large for a notice."))
    if not _signature(headers):
        text = _("It has no signature: the header %(header)s is missing or empty.")
        return _refuse("signature", text % {"header": HEADER})
    if not signed(headers, raw_body, keys):
        return _refuse("signature", _("The signature does not match the body."))
    body = read_object(raw_body) or {}
    payload = body.get("payload")
    if not isinstance(payload, dict):
        return _refuse("body", _("The body is no notice."))
    event_id, event_type = _text(body, "notificationId"), _text(body, "eventType")
    entity = OBJECTS.get(str(payload.get("entityName")), "")
    object_id = _text(payload, "id")
    if not event_id or not event_type or not entity or not object_id:
        return _refuse("body", _("The notice names no event or no object."))
    return WebhookNotice(
        event_id=event_id,
        event_type=event_type,
        object_kind=entity,
        object_id=object_id,
        operation_key=_text(payload, "merchantReferenceId") or _text(payload, "invoiceNumber"),
        customer_id=_text(payload, "customerProfileId"),
    )


def _text(values: Mapping[str, Any], name: str) -> str:
    """Return a text or a number of a notice; empty where it is neither, or could be no id."""
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = str(value)
    return text if len(text) <= MAX_TEXT and text.isprintable() else ""


def _signature(headers: Mapping[str, str]) -> str:
    """Return the header with the signature; empty where it is missing."""
    return next((v for name, v in headers.items() if name.lower() == HEADER.lower()), "")


def signed(headers: Mapping[str, str], raw_body: bytes, keys: Iterable[Secret]) -> bool:
    """Say whether the signature is that of these very bytes, by one of the keys."""
    found = _signature(headers)
    given = found[len(PREFIX) :] if found.lower().startswith(PREFIX) else ""
    digits = given.lower().encode("utf-8", "replace")
    # Compared with all of them: how long it takes must not tell which one it was.
    matches = [hmac.compare_digest(digits, _digest(key, raw_body)) for key in keys]
    return any(matches)


def _digest(key: Secret, raw_body: bytes) -> bytes:
    return hmac.new(key.reveal().encode(), raw_body, hashlib.sha512).hexdigest().encode()


def _refuse(code: str, text: str) -> Refusal:
    return Refusal((Reason(ReasonKind.AUTHENTICATION, f"webhook:{code}", text),))
