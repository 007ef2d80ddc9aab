"""The vault's tests once more, as a server runs them: without a test's transaction around."""

from __future__ import annotations

import pytest

from tests.unit.services.conftest import card, make_customer
from tests.unit.services.pull.test_retrieving import *  # noqa: F403
from tests.unit.services.pull.test_snapshot import *  # noqa: F403
from tests.unit.services.vault.test_cards import *  # noqa: F403
from tests.unit.services.vault.test_customers import *  # noqa: F403
from tests.unit.services.vault.test_deletions import *  # noqa: F403
from tests.unit.services.vault.test_deletions_early import *  # noqa: F403

pytestmark = [  # type: ignore[assignment]
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True, databases="__all__"),
]

__all__ = ["card", "make_customer"]
