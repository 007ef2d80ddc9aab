"""The ``Idempotency-Key`` header: a movement of money that is asked for twice is done once."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _
from rest_framework.request import Request

from django_dinero.cards import unsendable
from django_dinero.exceptions import InvalidInput
from django_dinero.models import Transaction
from django_dinero.services.recovery import idempotency

HEADER = "Idempotency-Key"
#: On an answer that was given before: nothing was sent to the gateway this time.
REPLAYED = "Idempotency-Replayed"

#: Visible ASCII, without blanks.
_KEY = re.compile(r"[!-~]{8,64}")


@dataclass(frozen=True, slots=True)
class Once:
    """A caller's key, in a scope of their own, and the operation that it had before this request.

    Attributes:
        key: the header.
        scope: keys of two users never meet.
        before: the journal's key of the earlier operation, empty if there was none.
    """

    key: str
    scope: str
    before: str = ""

    @property
    def arguments(self) -> dict[str, str]:
        """The arguments of the money verbs."""
        return {"idempotency_key": self.key, "scope": self.scope}

    def made(self, row: Transaction | None) -> bool:
        """Say whether ``row`` came of the earlier operation, and not of this request."""
        return row is not None and row.operation_key == self.before


def of(request: Request) -> Once:
    """Return what the request's header says.

    Raises:
        InvalidInput: there is none, or one of another form.
    """
    once = _read(request)
    before = idempotency.operation_of(idempotency.CallerKey(once.key, once.scope))
    return replace(once, before=before.key if before is not None else "")


def of_creation(request: Request) -> Once | None:
    """Return what the header says where none is needed, None without one.

    Raises:
        InvalidInput: one of another form.
    """
    return _read(request) if HEADER in request.headers else None


def _read(request: Request) -> Once:
    key = request.headers.get(HEADER, "")
    problem = unsendable(key)
    if not _KEY.fullmatch(key):
        problem = _(
            "Send this header with 8 to 64 visible ASCII characters: a new one for each payment, "
            "and the same one when you repeat a request."
        )
    if problem:
        raise InvalidInput({HEADER: problem})
    return Once(key, f"user:{request.user.pk}")
