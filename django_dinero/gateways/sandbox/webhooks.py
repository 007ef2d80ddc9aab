"""The webhooks of the in-process bank: how they are signed, and how they are read.

The bank sends none by itself. Tests sign one with :func:`sign` and post it to their own view.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping

from django.utils.translation import gettext as _

from django_dinero.enums import ReasonKind
from django_dinero.gateways.json_bodies import read_object
from django_dinero.gateways.types import Reason, Refusal, WebhookNotice
from django_dinero.redaction import Secret

HEADER = "X-Dinero-Signature"
PREFIX = "sha256="
FIELDS = ("event_id", "event_type", "object_kind", "object_id", "operation_key", "customer_id")


def sign(notice: WebhookNotice, key: Secret) -> tuple[dict[str, str], bytes]:
    """Return headers and body of a webhook that says this."""
    body = json.dumps({name: getattr(notice, name) for name in FIELDS}).encode()
    return {HEADER: PREFIX + _digest(key, body)}, body


def parse(headers: Mapping[str, str], raw_body: bytes, key: Secret) -> WebhookNotice | Refusal:
    """Return the verified notice, or why it cannot be believed."""
    given = next((v for name, v in headers.items() if name.lower() == HEADER.lower()), "")
    if not given:
        text = _("It has no signature: the header %(header)s is missing or empty.")
        return _refuse("signature", text % {"header": HEADER})
    signed = (PREFIX + _digest(key, raw_body)).encode()
    if not hmac.compare_digest(given.encode("utf-8", "replace"), signed):
        return _refuse("signature", _("The signature does not match the body."))
    body = read_object(raw_body)
    if body is None:
        return _refuse("body", _("The body is no notice."))
    return WebhookNotice(**{name: str(body.get(name, "")) for name in FIELDS}, live=False)


def _digest(key: Secret, body: bytes) -> str:
    return hmac.new(key.reveal().encode(), body, hashlib.sha256).hexdigest()


def _refuse(code: str, text: str) -> Refusal:
    return Refusal((Reason(ReasonKind.AUTHENTICATION, f"webhook:{code}", text),))
