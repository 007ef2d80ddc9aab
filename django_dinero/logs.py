"""Loggers whose lines nobody can forge, whatever a gateway, a receiver or a client has said.

A project configures the handlers and formatters, so the texts are made harmless before these see
them: by a filter on each logger, which no configuration of the project's takes away. The same
filter gives each record the fields of what is under way, for formatters that write JSON.
"""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Any, Protocol
from urllib.parse import unquote_plus

from django_dinero.card_numbers import looks_like_card_number
from django_dinero.money import normalise
from django_dinero.redaction import MASK, mask_card_numbers

INFO, ERROR = logging.INFO, logging.ERROR

#: The fields that our records have where they are known. ``docs/watching.md`` says what each is.
FIELDS = (
    *("dinero_gateway", "dinero_verb", "dinero_phase", "dinero_operation", "dinero_kind"),
    *("dinero_state", "dinero_transaction", "dinero_amount", "dinero_currency", "dinero_event"),
    *("dinero_outcome", "dinero_seconds"),
)

#: Parameters of an address that are secret whatever they hold, with their values. A query that
#: stands alone begins with one.
_SECRET = re.compile(
    r"((?:\A|[?&])(?:card_?)?(?:number|cvv2?|cvc2?|code|token)=)[^&#\s\"']*", re.IGNORECASE
)
#: A word of an address with escapes in it.
_ESCAPED = re.compile(r"[^\s\"'?&=#]*[%+][^\s\"'?&=#]*")
#: How often an address is unescaped: a proxy may have escaped it once more.
_TIMES = 3

#: The loggers that write addresses down: Django's, and those of servers that have one.
ACCESS_LOGGERS = ("django.server", "django.request", "gunicorn.access", "uvicorn.access")

#: The fields of what this thread is doing.
_known: ContextVar[Mapping[str, object] | None] = ContextVar("dinero_log_fields", default=None)


class Loggable(Protocol):
    """What is read of an operation; this file knows no model."""

    key: str
    kind: str
    gateway_name: str
    state: str
    transaction_id: str
    amount: Decimal | None
    currency: str


class Lines(str):
    """A text of several lines that is our own, such as a traceback: it is logged as it is."""

    __slots__ = ()


def get_logger(name: str) -> logging.Logger:
    """Return a logger that escapes the arguments of its records."""
    logger = logging.getLogger(name)
    logger.addFilter(_complete)
    return logger


@contextmanager
def log_fields(**fields: object) -> Iterator[None]:
    """Give the records of this block fields of :data:`FIELDS`, unless they have their own."""
    token = _known.set({**(_known.get() or {}), **fields})
    try:
        yield
    finally:
        _known.reset(token)


def fields_of(operation: Loggable) -> dict[str, object]:
    """Return the fields of an operation: no names, no e-mail, no numbers of cards."""
    fields: dict[str, object] = {
        "dinero_operation": operation.key,
        "dinero_gateway": operation.gateway_name,
        "dinero_kind": str(operation.kind),
        "dinero_state": str(operation.state),
    }
    if operation.transaction_id:
        fields["dinero_transaction"] = operation.transaction_id
    if operation.amount is not None and operation.currency:
        amount = normalise(Decimal(operation.amount), operation.currency)
        fields["dinero_amount"] = str(amount)
        fields["dinero_currency"] = operation.currency
    return fields


def escape(text: str) -> str:
    """Return a text with line breaks, escape sequences and other control characters written out.

    Marks that change the direction of what follows are written out as well.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


class MaskCardNumbers(logging.Filter):
    """Masks card numbers in what a web server logs of addresses: nobody else can.

    Somebody may call ``/api/cards/?number=4111…``, or type a number into any search box. We refuse
    it and show it nowhere, but the server has written the address down.
    :func:`mask_access_logs` puts this filter at the loggers that do so.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the text and its arguments. The number of arguments stays, for formatters' sake."""
        record.msg = _masked(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(map(_masked, record.args))
        elif record.args:
            record.args = _masked_fields(record.args)
        return True


def mask_access_logs(*names: str) -> None:
    """Put :class:`MaskCardNumbers` at the loggers that write addresses down. Twice is once.

    Call it at the end of ``wsgi.py`` and ``asgi.py``, which every server loads and ``runserver``
    too. ``LOGGING`` is no place for it: Python takes the handlers of each logger that is configured
    there, servers have given theirs before, and then there is no access log any more.

    Args:
        *names: more loggers, beside those of Django, gunicorn and uvicorn.
    """
    for name in (*ACCESS_LOGGERS, *names):
        logger = logging.getLogger(name)
        if not any(isinstance(each, MaskCardNumbers) for each in logger.filters):
            logger.addFilter(MaskCardNumbers())


def _masked_fields(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Mask what a text has by name.

    The class of a dict stays: gunicorn's finds a header however it is written, and has "-" for one
    that is not there. Without that the text fails, and logging prints all fields, cookies too.
    """
    masked = copy.copy(fields) if isinstance(fields, dict) else {}
    masked.update({name: _masked(value) for name, value in fields.items()})
    return masked


def _masked(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = _SECRET.sub(rf"\1{MASK}", value)
    return mask_card_numbers(_ESCAPED.sub(_masked_word, text))


def _masked_word(found: re.Match[str]) -> str:
    word = found[0]
    for _time in range(_TIMES):
        word = unquote_plus(word)
        if looks_like_card_number(word):
            return MASK
    return found[0]


class _Escaped:
    """Anything that is turned into text when the record is, if it is at all."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __str__(self) -> str:
        return escape(str(self._value))

    def __repr__(self) -> str:
        return escape(repr(self._value))


def _complete(record: logging.LogRecord) -> bool:
    if isinstance(record.args, tuple):
        record.args = tuple(map(_escaped, record.args))
    values = record.__dict__
    for name, value in (_known.get() or {}).items():
        values.setdefault(name, value)
    for name in FIELDS:
        if isinstance(value := values.get(name), str):
            values[name] = escape(str(value))
    return True


def _escaped(value: Any) -> Any:
    if isinstance(value, int | float | Lines):
        return value
    return _Escaped(value)
