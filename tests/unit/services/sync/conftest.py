"""An account with customers that have no rows here yet."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from django_dinero.gateways.types import RemoteCustomer
from tests.support.recording import RecordingGateway

Stored = Callable[..., RemoteCustomer]


@pytest.fixture
def stored_there(gateway: RecordingGateway) -> Stored:
    """Store a customer at the gateway as other software does."""

    def store(email: str = "ann@example.com", key: str = "") -> RemoteCustomer:
        stored = gateway.bank.create_customer(
            key=key, email=email, first_name="", last_name="", cards=[]
        )
        found = gateway.retrieve_customer(stored.id)
        assert isinstance(found, RemoteCustomer)
        return found

    return store
