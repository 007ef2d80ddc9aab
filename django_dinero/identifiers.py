"""Keys that we choose: unguessable, short enough for every gateway, and keyed digests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Mapping

from django.conf import settings
from django.utils.encoding import force_bytes

#: Authorize.Net's refId, invoiceNumber and merchantCustomerId hold 20 characters (its schema).
KEY_LENGTH = 20


def new_key() -> str:
    """Return 20 characters, base32 of 100 random bits: the name of an operation or a customer."""
    return base64.b32encode(os.urandom(13)).decode("ascii")[:KEY_LENGTH]


def derived_key(*parts: str) -> str:
    """Return 20 characters that these texts make, each time the same: as a new key to anyone else.

    Keyed by SECRET_KEY: whoever knows the texts does not know the key.
    """
    mac = bytes.fromhex(fingerprint({"parts": parts}))
    return base64.b32encode(mac[:13]).decode("ascii")[:KEY_LENGTH]


def digest(values: Mapping[str, object]) -> str:
    """Return the SHA-256 of named values, independent of their order (64 hex characters)."""
    canonical = json.dumps(dict(values), sort_keys=True, default=str, ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def fingerprint(values: Mapping[str, object]) -> str:
    """Return an HMAC of a request's parameters, keyed by SECRET_KEY (64 hex characters).

    A bare hash of a card number can be reversed by trying all numbers; a keyed one cannot.
    """
    secret = force_bytes(settings.SECRET_KEY)  # bytes or str, as Django allows
    key = hashlib.sha256(b"django_dinero.fingerprint" + secret).digest()
    return hmac.new(key, digest(values).encode("ascii"), hashlib.sha256).hexdigest()
