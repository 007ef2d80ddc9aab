"""``manage.py dinero_close``: which operation it closes, and who has closed it."""

from __future__ import annotations

import getpass
from typing import Any

import pytest

from django_dinero.testing.factories import OperationFactory
from tests.unit.management.conftest import Told

pytestmark = pytest.mark.django_db


def no_name() -> str:
    """What Python 3.13 raises for a container's user; before it was a KeyError."""
    raise OSError("No username set in the environment")


def no_entry() -> str:
    raise KeyError("getpwuid(): uid not found: 12345")


@pytest.mark.parametrize(
    ("account", "given", "closed_by"),
    [
        (lambda: "root", (), "root"),
        (lambda: "root", ("--by", "Ann"), "Ann"),
        (no_name, (), "dinero_close"),
        (no_entry, (), "dinero_close"),
        (no_entry, ("--by", "Ann"), "Ann"),
    ],
)
def test_whoever_runs_it_has_closed_it(
    gateway: Any,
    told: Told,
    monkeypatch: pytest.MonkeyPatch,
    account: Any,
    given: tuple[str, ...],
    closed_by: str,
) -> None:
    monkeypatch.setattr(getpass, "getuser", account)
    operation = OperationFactory(state="needs_attention")
    text = told("dinero_close", operation.key, "--note", "looked it up", "--no-input", *given)
    assert text == f"Operation {operation.key} is closed.\n"
    operation.refresh_from_db()
    assert operation.outcome["closed_by"] == closed_by


def test_an_operation_of_another_gateway_is_not_closed(gateway: Any, told: Told) -> None:
    operation = OperationFactory(state="needs_attention")
    close = ("dinero_close", operation.key, "--note", "looked it up", "--no-input")
    text = told(*close, "--gateway", "other", ends=1)
    assert text == (f"There is no operation {operation.key} at other. There is one at: default.")
    operation.refresh_from_db()
    assert operation.state == "needs_attention"
    told(*close, "--gateway", "default")
