"""Values that must never be shown, and a last filter over text that others wrote."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any, NoReturn

MASK = "[secret]"

# 12 digits and more, with single spaces or dashes between them: card numbers have 12 to 19, and
# a gateway echoes malformed ones too. \d is any script's digit: a full-width number is a number.
_NUMBER = re.compile(r"(?<!\d)\d(?:[ -]?\d){11,}")


class Secret:
    """A card number, CVV or key, kept where ``repr``, ``pickle`` and ``__dict__`` cannot reach it.

    ``reveal()`` gives the text back, at the last line before it leaves for the gateway.
    """

    __slots__ = ("reveal",)
    reveal: Callable[[], str]

    def __init__(self, text: str | Secret) -> None:
        value = text.reveal() if isinstance(text, Secret) else text
        if not isinstance(value, str):
            del text, value  # a traceback shows the locals, and a number may be an int
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
        text: what a gateway or a library wrote; it may echo what was sent to it.
        secrets: values known to be in play (a CVV, a key) that no pattern would find.
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret.reveal(), MASK)
    return _NUMBER.sub(MASK, text)
