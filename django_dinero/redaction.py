"""Secret values that cannot be shown by accident, and a filter for text written by others."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any, NoReturn

MASK = "[secret]"

# 12 or more digits with single spaces or dashes between them. Card numbers have 12 to 19 digits,
# and a gateway may echo malformed ones. \d matches the digits of every script, full-width ones too.
_NUMBER = re.compile(r"(?<!\d)\d(?:[ -]?\d){11,}")


class Secret:
    """A card number, CVV or key, kept where ``repr``, ``pickle`` and ``__dict__`` cannot reach it.

    ``reveal()`` returns the text. Call it as late as possible, right before it is sent.
    """

    __slots__ = ("reveal",)
    reveal: Callable[[], str]

    def __init__(self, text: str | Secret) -> None:
        value = text.reveal() if isinstance(text, Secret) else text
        if not isinstance(value, str):
            del text, value  # a traceback shows local variables, and a number may be an int
            raise TypeError("A secret is a str.")
        object.__setattr__(self, "reveal", lambda: value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("A secret cannot be changed.")

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self.reveal())

    def __len__(self) -> int:
        return len(self.reveal())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._digest(), other._digest())

    def __hash__(self) -> int:
        return hash(self._digest())

    def _digest(self) -> bytes:
        return hashlib.sha256(self.reveal().encode("utf-8", "surrogatepass")).digest()

    def _refuse(self, *args: Any) -> NoReturn:
        raise TypeError("A secret cannot be copied, pickled or serialized.")

    __reduce_ex__ = _refuse
    __copy__ = _refuse
    __deepcopy__ = _refuse


def scrub(text: str, *secrets: Secret | None) -> str:
    """Return ``text`` with every run of 12 or more digits, and each given secret, masked.

    Args:
        text: what a gateway or a library wrote. It may repeat what was sent to it.
        secrets: values that were sent and that no pattern would find (a CVV, a key).
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret.reveal(), MASK)
    return _NUMBER.sub(MASK, text)
