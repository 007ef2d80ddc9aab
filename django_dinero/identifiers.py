"""Keys that this app generates, short enough for every gateway, and digests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import socket
import threading
from collections.abc import Mapping

from django.conf import settings
from django.utils.encoding import force_bytes

#: Authorize.Net's refId, invoiceNumber and merchantCustomerId have at most 20 characters.
KEY_LENGTH = 20


def new_key() -> str:
    """Return a random key for an operation or a customer: 100 bits in base32, 20 characters."""
    return base64.b32encode(os.urandom(13)).decode("ascii")[:KEY_LENGTH]


def derived_key(*parts: str) -> str:
    """Return a key derived from these texts: 20 characters, the same each time.

    The derivation uses SECRET_KEY, so that nobody who knows the texts can work out the key.
    """
    mac = bytes.fromhex(fingerprint({"parts": parts}))
    return base64.b32encode(mac[:13]).decode("ascii")[:KEY_LENGTH]


def worker_name() -> str:
    """Return who works here: host, process and thread, as far as the column has room."""
    return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"[:100]


def user_scope(room: str, pk: object) -> str:
    """Return the scope of a user's idempotency keys, told apart from those of other rooms."""
    return f"{room}:{pk}"


def digest(values: Mapping[str, object]) -> str:
    """Return the SHA-256 of named values, independent of their order (64 hex characters)."""
    canonical = json.dumps(dict(values), sort_keys=True, default=str, ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def fingerprint(values: Mapping[str, object]) -> str:
    """Return an HMAC of a request's parameters, keyed by SECRET_KEY (32 hex characters).

    A plain hash of a card number can be reversed by trying all numbers. A keyed one cannot. Half of
    it tells any two requests apart, and stands in the row of every charge.
    """
    secret = force_bytes(settings.SECRET_KEY)  # bytes or str, as Django allows
    key = hashlib.sha256(b"django_dinero.fingerprint" + secret).digest()
    return hmac.new(key, digest(values).encode("ascii"), hashlib.sha256).hexdigest()[:32]
