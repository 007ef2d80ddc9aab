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
    return _as_key(fingerprint({"parts": parts}))


def earlier_derived_keys(*parts: str) -> list[str]:
    """Return what :func:`derived_key` was under each of SECRET_KEY_FALLBACKS."""
    return [_as_key(_keyed(each, {"parts": parts})) for each in settings.SECRET_KEY_FALLBACKS]


def address_key(email: str) -> str:
    """Return what stands for an e-mail address where it is not kept itself, in any case of it."""
    return derived_key("email", email.lower())


def address_keys(email: str) -> list[str]:
    """Return :func:`address_key` under SECRET_KEY and under each of SECRET_KEY_FALLBACKS."""
    return [address_key(email), *earlier_derived_keys("email", email.lower())]


def key_after(*parts: str) -> str:
    """Return the key that follows from a random one among these texts: the same each time.

    Whoever does not know the random one cannot work it out. A changed SECRET_KEY changes nothing:
    what is tried again after that is still the same.
    """
    return _as_key(digest({"parts": parts}))


def _as_key(hexadecimal: str) -> str:
    return base64.b32encode(bytes.fromhex(hexadecimal)[:13]).decode("ascii")[:KEY_LENGTH]


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
    return _keyed(settings.SECRET_KEY, values)


def is_fingerprint_of(stored: str, values: Mapping[str, object]) -> bool:
    """Say whether a fingerprint is that of these parameters, under SECRET_KEY or a fallback."""
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return any(hmac.compare_digest(stored, _keyed(each, values)) for each in secrets)


def _keyed(secret: str | bytes, values: Mapping[str, object]) -> str:
    key = hashlib.sha256(b"django_dinero.fingerprint" + force_bytes(secret)).digest()
    return hmac.new(key, digest(values).encode("ascii"), hashlib.sha256).hexdigest()[:32]
