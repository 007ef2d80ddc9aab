"""Places where a secret could end up, and a search that finds it in any usual disguise."""

from __future__ import annotations

import base64
import io
import logging
import pickle
import re
import traceback
import urllib.parse
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.apps import apps
from django.db import connection


def disguises(secret: str) -> set[str]:
    """The secret as it is, and as it looks with separators, URL-encoded and in base64."""
    groups = [secret[i : i + 4] for i in range(0, len(secret), 4)]
    encoded = {
        base64.b64encode((b" " * shift) + secret.encode()).decode()[4:-4] for shift in range(3)
    }
    return {
        secret,
        " ".join(groups),
        "-".join(groups),
        urllib.parse.quote(" ".join(groups)),
        secret[::-1],
        *encoded,
    }


def found(text: str, secrets: Iterable[str]) -> list[str]:
    """Which of the secrets stand in a text, in any disguise.

    A short one counts only where it stands by itself: four digits are in some random id by chance.
    """
    return [secret for secret in secrets if _stands_in(text, secret)]


def _stands_in(text: str, secret: str) -> bool:
    if len(secret) > 8:
        return any(shape in text for shape in disguises(secret))
    return re.search(rf"(?<![0-9A-Za-z-]){re.escape(secret)}(?![0-9A-Za-z-])", text) is not None


@contextmanager
def every_log() -> Iterator[io.StringIO]:
    """Collect what every logger says at DEBUG, other libraries' included."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setLevel(logging.DEBUG)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)r"))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def every_row() -> str:
    """All columns of all rows of all tables, as text."""
    lines: list[str] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            lines += [repr(row) for row in cursor.fetchall()]
    return "\n".join(lines)


def every_repr() -> str:
    """repr, str and __dict__ of every model instance of the app."""
    lines: list[str] = []
    for model in apps.get_app_config("dinero").get_models():
        for row in model._default_manager.all():
            lines += [repr(row), str(row), repr(vars(row))]
    return "\n".join(lines)


def chain(error: BaseException) -> list[BaseException]:
    """An exception with all its causes and contexts."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.append(current)
        waiting += [e for e in (current.__cause__, current.__context__) if e is not None]
    return seen


def traceback_with_locals(error: BaseException, *, skip: str) -> str:
    """The traceback as error reporters send it: each frame's locals, but for the test's own.

    Args:
        skip: a file whose frames are left out: a test knows the number that it planted.
    """
    lines: list[str] = []
    for member in chain(error):
        for frame, _line in traceback.walk_tb(member.__traceback__):
            if frame.f_code.co_filename != skip:
                lines.append(frame.f_code.co_name)
                lines += [f"{name}={_shown(value)}" for name, value in frame.f_locals.items()]
        lines += [str(member), repr(member), repr(vars(member))]
    return "\n".join(lines)


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # a query set with locked rows, whose transaction is over
        return repr(error)


def pickled(error: BaseException) -> str:
    """What travels when a task queue sends an exception; empty if it refuses to be pickled."""
    parts: list[str] = []
    for member in chain(error):
        try:
            parts.append(pickle.dumps(member).decode("latin-1"))
        except Exception as refusal:  # a refusal is a good answer here
            parts.append(repr(refusal))
    return "\n".join(parts)
