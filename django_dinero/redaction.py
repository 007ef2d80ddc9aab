"""Secret values that cannot be shown by accident, and a filter for text written by others."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any, NoReturn, TypeVar

from django_dinero.card_numbers import SHORTEST, find_card_numbers, find_number

MASK = "[secret]"
#: A shorter secret is masked only where it stands by itself: three digits are in every other text.
SHORT = 8
_WORD_BEFORE = re.compile(r"(?:\w|\d[.,])\Z")
_WORD_AFTER = re.compile(r"\w|[.,]\d")

#: What a gateway's answer may quote: the secrets of the call that is being made.
_in_play: ContextVar[tuple[object, ...]] = ContextVar("dinero_secrets_in_play", default=())


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


@contextmanager
def secrets_in_play(*values: object) -> Iterator[None]:
    """Let :func:`scrub` mask the secrets of these values too, until the end of the block.

    Put it around a call of a gateway: no backend has to know which of its texts quote what. The
    values are searched when there is a text to mask, which is seldom.
    """
    token = _in_play.set((*_in_play.get(), *values))
    try:
        yield
    finally:
        _in_play.reset(token)


def secrets_of(value: object) -> Iterator[Secret]:
    """Return the secrets in a value: a request, what a request consists of, or a partial call."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, partial):
        yield from secrets_of(value.args)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from secrets_of(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield from secrets_of(getattr(value, each.name))


ErrorT = TypeVar("ErrorT", bound=BaseException)


def without_frames(error: ErrorT) -> ErrorT:
    """Return an exception without its traceback, cause and context.

    Error reporters send the local variables of every frame, and those of a call that was
    interrupted (SystemExit, KeyboardInterrupt) hold what was being sent. Raise it outside the
    ``except`` block, since it would get a new context inside.
    """
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def scrub(text: str, *secrets: Secret | None) -> str:
    """Return ``text`` as it may be stored, with card numbers and secrets masked.

    Masked are the given secrets, those of the call of a gateway that is being made, and every
    number that is a card's. A short secret (a CVV) is masked as a whole word or number only, and a
    card number in any grouping.

    Args:
        text: what a gateway or a library wrote. It may repeat what was sent to it.
        secrets: values that were sent and that no pattern would find (a CVV, a key).
    """
    if not text:
        return text
    text = storable(text)
    values = {secret.reveal() for secret in secrets_of((*secrets, *_in_play.get())) if secret}
    # The longest first: a CVV may be a part of a key.
    for value in sorted(values, key=len, reverse=True):
        text = _mask_value(text, value)
    return mask_card_numbers(text)


def storable(text: str) -> str:
    """Return a text without what databases refuse: NUL, and halves of characters."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "").encode("utf-8", "ignore").decode()


def _mask_value(text: str, value: str) -> str:
    # Without a pattern made of the value: ``re`` keeps its patterns, and a core dump would show it.
    value = value.strip()
    if len(value) >= SHORTEST and value.isascii() and value.isdigit():
        return _mask_spans(text, find_number(text, value))
    if len(value) < SHORT:
        return _mask_spans(text, _find_word(text, value))
    return text.replace(value, MASK)


def _find_word(text: str, word: str) -> Iterator[tuple[int, int]]:
    """Find a word where it is not a part of another one, of a longer number or of an amount."""
    start = text.find(word) if word else -1
    while start >= 0:
        end = start + len(word)
        before, after = text[max(start - 2, 0) : start], text[end : end + 2]
        if not (_WORD_BEFORE.search(before) or _WORD_AFTER.match(after)):
            yield start, end
        start = text.find(word, end)


def mask_card_numbers(text: str) -> str:
    """Return ``text`` with every card number masked, and nothing else."""
    return _mask_spans(text, find_card_numbers(text))


def _mask_spans(text: str, spans: Iterable[tuple[int, int]]) -> str:
    parts: list[str] = []
    done = 0
    for start, end in spans:
        if start >= done:
            parts += (text[done:start], MASK)
        done = max(done, end)
    return "".join((*parts, text[done:]))
