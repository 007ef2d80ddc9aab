"""The vault's tests once more, as a server runs them: without a test's transaction around."""

from __future__ import annotations

import pytest

from tests.unit.services.conftest import card, gateway, make_customer
from tests.unit.services.test_deletes import *  # noqa: F403
from tests.unit.services.test_deletes_early import *  # noqa: F403
from tests.unit.services.test_retrieving import *  # noqa: F403
from tests.unit.services.test_seen import *  # noqa: F403
from tests.unit.services.test_vault import *  # noqa: F403
from tests.unit.services.test_vaultcards import *  # noqa: F403

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

__all__ = ["card", "gateway", "make_customer"]
