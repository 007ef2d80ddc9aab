"""What all verbs have in common: a failing database is told as our own error, and they are traced.

It is one decorator, and no code of ours is called between it and the verb: what a caller passed
would stand in that frame, card number and all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from django_dinero.db.failures import translate_database_failures
from django_dinero.observing.spans import span

ParamsT = ParamSpec("ParamsT")
ResultT = TypeVar("ResultT")


def verb(name: str) -> Callable[[Callable[ParamsT, ResultT]], Callable[ParamsT, ResultT]]:
    """Make a function a verb, which raises our exceptions where the database fails it.

    Args:
        name: what its span is called, after ``dinero.``.
    """
    return _verb(name)


@contextmanager
def _verb(name: str) -> Iterator[None]:
    with span(name), translate_database_failures():
        yield


@contextmanager
def traced(name: str) -> Iterator[None]:
    """Trace a part of a verb that somebody else watches over. Also a decorator."""
    with span(name):
        yield
