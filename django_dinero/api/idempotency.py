"""The ``Idempotency-Key`` header: what is asked for twice with one key is done once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _
from rest_framework.request import Request

from django_dinero.api.permissions import is_signed_in
from django_dinero.exceptions import InvalidInput
from django_dinero.identifiers import user_scope

HEADER = "Idempotency-Key"
#: On an answer that was given before: nothing was sent to the gateway this time.
REPLAYED = "Idempotency-Replayed"

#: Visible ASCII, without blanks.
_KEY = re.compile(r"[!-~]{1,64}")
#: A random one (RFC 9562, version 4). Strangers share a scope: who guesses a key sees the payment.
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.I)
#: The scope of callers who are not signed in.
GUESTS = "guests"


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's key, in a scope of their own.

    Attributes:
        value: the header.
        scope: keeps the keys of two users apart.
    """

    value: str
    scope: str

    @property
    def arguments(self) -> dict[str, str]:
        """The arguments of the money verbs."""
        return {"idempotency_key": self.value, "scope": self.scope}


def required_key(request: Request) -> IdempotencyKey:
    """Return the request's key.

    Raises:
        InvalidInput: there is no such header, or it has another form.
    """
    return _read(request)


def optional_key(request: Request) -> IdempotencyKey | None:
    """Return the request's key, None without one.

    Raises:
        InvalidInput: the header has another form.
    """
    return _read(request) if HEADER in request.headers else None


def _read(request: Request) -> IdempotencyKey:
    key = request.headers.get(HEADER, "")
    if not _KEY.fullmatch(key):
        problem = _(
            "Send this header with 1 to 64 visible ASCII characters: a new one for each payment, "
            "and the same one when you repeat a request."
        )
        raise InvalidInput({HEADER: problem})
    if is_signed_in(request):
        return IdempotencyKey(key, user_scope("user", request.user.pk))
    if not _UUID.fullmatch(key):
        raise InvalidInput({HEADER: _("Send a random UUID, as crypto.randomUUID() makes them.")})
    return IdempotencyKey(key, GUESTS)
