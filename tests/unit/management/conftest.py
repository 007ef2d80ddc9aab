"""A command as somebody calls it: what it prints, and its exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.unit.services.conftest import (
    authorization,
    card,
    charge,
    customer,
    held,
    make_customer,
    settled,
)

__all__ = [
    "authorization",
    "card",
    "charge",
    "customer",
    "held",
    "make_customer",
    "settled",
]

Told = Callable[..., str]


def rows(printed: str, name: str) -> list[Any]:
    """The rows of a list in JSON, of all gateways together."""
    return [row for section in json.loads(printed)["gateways"] for row in section[name]]


@pytest.fixture
def told() -> Told:
    """Call a command, and return all that it prints; ``ends`` is the exit code."""

    def call(*arguments: str, ends: int = 0) -> str:
        out, err = StringIO(), StringIO()
        try:
            call_command(*arguments, stdout=out, stderr=err)
        except CommandError as error:
            assert error.returncode == ends, str(error)
            return f"{out.getvalue()}{error}"
        assert ends == 0
        return out.getvalue()

    return call
