"""``python -m tests.guards`` runs for minutes, and stops where a line of its table is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guards.guard import Guard
from tests.guards.table import GUARDS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_the_line_of_each_guard_is_there_once(guard: Guard) -> None:
    assert (ROOT / guard.path).read_text().count(guard.line) == 1
