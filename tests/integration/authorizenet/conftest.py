"""The Authorize.Net client behind the default gateway, a test bank behind an address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from django_dinero.gateways.registry import reset
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.http.server import SandboxServer
from tests.support.witness import Witness


@pytest.fixture
def witness() -> Iterator[Witness]:
    """Sees every request and every reply; fails the test if one is not valid."""
    seen = Witness(Bank())
    yield seen
    assert seen.faults == []


@pytest.fixture
def bank(witness: Witness, settings: Any) -> Iterator[SandboxServer]:
    """The server; ``bank.bank`` is the bank itself, ``bank.faults`` what goes wrong."""
    account = witness.bank.account
    with SandboxServer(witness.bank, dialect=witness) as server:
        entry = {
            "BACKEND": "django_dinero.gateways.authorizenet.AuthorizeNetGateway",
            "OPTIONS": {
                "login_id": account.login_id,
                "transaction_key": account.transaction_key.reveal(),
                "endpoint": server.endpoint,
            },
        }
        settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry}}
        reset()
        yield server
    reset()
