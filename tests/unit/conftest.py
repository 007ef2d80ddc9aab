"""What the unit tests of several rooms need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.journaling import second_database


@pytest.fixture
def second(tmp_path: Path, settings: Any) -> Iterator[str]:
    """A second database, named as the journal's; SQLite until ``vendor`` says otherwise."""
    settings.DINERO = {**settings.DINERO, "JOURNAL_ALIAS": "second"}
    with second_database(tmp_path) as alias:
        yield alias
