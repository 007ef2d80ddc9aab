"""What all that asks the whole has in common."""

from __future__ import annotations

import pytest

from tests.support import contract_of_the_api


@pytest.fixture(scope="session", autouse=True)
def contract_of_unchanged_settings() -> None:
    """The schema is made before any test changes settings: guests who may pay stand in it."""
    contract_of_the_api.contract()
