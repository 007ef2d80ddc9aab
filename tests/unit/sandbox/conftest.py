"""A bank in memory, or on a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from django_dinero.sandbox.bank.bank import Bank


@pytest.fixture
def bank() -> Iterator[Bank]:
    """A bank in memory."""
    bank = Bank()
    yield bank
    bank.close()


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    """Where a bank may keep its books."""
    return tmp_path / "bank.sqlite3"
