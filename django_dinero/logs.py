"""Loggers whose lines nobody can forge, whatever a gateway, a receiver or a client has said.

A project configures the handlers and formatters, so the texts are made harmless before these see
them: by a filter on each logger, which no configuration of the project's takes away.
"""

from __future__ import annotations

import logging
from typing import Any


class Lines(str):
    """A text of several lines that is our own, such as a traceback: it is logged as it is."""

    __slots__ = ()


def get_logger(name: str) -> logging.Logger:
    """Return a logger that escapes the arguments of its records."""
    logger = logging.getLogger(name)
    logger.addFilter(_escape_arguments)
    return logger


def escape(text: str) -> str:
    """Return a text with line breaks, escape sequences and other control characters written out.

    Marks that change the direction of what follows are written out as well.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


class _Escaped:
    """Anything that is turned into text when the record is, if it is at all."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __str__(self) -> str:
        return escape(str(self._value))

    def __repr__(self) -> str:
        return escape(repr(self._value))


def _escape_arguments(record: logging.LogRecord) -> bool:
    if isinstance(record.args, tuple):
        record.args = tuple(map(_escaped, record.args))
    return True


def _escaped(value: Any) -> Any:
    if isinstance(value, int | float | Lines):
        return value
    return _Escaped(value)
