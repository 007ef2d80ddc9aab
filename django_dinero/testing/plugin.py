"""The pytest plugin, loaded by its entry point wherever django-dinero is installed.

It must not touch Django while pytest starts: settings are not configured then, and in a project
without Django they never will be. What it needs is loaded in the fixtures, by name.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

#: Without this pytest shows a failed assert of the contract suite without its values.
pytest.register_assert_rewrite("django_dinero.testing.contract")

_REGISTRY = "django_dinero.gateways.registry"
_BANKS = "django_dinero.testing.isolation"
_SANDBOX = "django_dinero.gateways.sandbox"


@pytest.fixture(autouse=True, scope="class")
def _dinero_banks_end() -> Iterator[None]:
    """Forget every gateway after a class or module: a test bank lives as long as its gateway."""
    yield
    _forget()


@pytest.fixture(autouse=True)
def _dinero_fresh_banks() -> Iterator[None]:
    """Undo what a test did at a test bank: what ``setUpTestData`` stored there stays."""
    # Where no gateway was used yet there is nothing to keep, and perhaps no Django either.
    bring_back = import_module(_BANKS).keep() if _REGISTRY in sys.modules else _forget
    yield
    bring_back()


def _forget() -> None:
    registry = sys.modules.get(_REGISTRY)
    if registry is not None:
        registry.reset()


@pytest.fixture
def dinero_gateway() -> Any:
    """The gateway called "default", fresh in each test."""
    registry = import_module(_REGISTRY)
    registry.reset()
    return registry.get_gateway()


@pytest.fixture
def dinero_bank(dinero_gateway: Any) -> Any:
    """The test bank of the gateway called "default", empty in each test.

    Its controls: ``settle_batch()``, ``hold_next()``, ``chargeback(id)``, ``mint_token(number,
    month=, year=)`` and ``clock.advance(seconds)``.
    """
    sandbox = import_module(_SANDBOX).SandboxGateway
    if not isinstance(dinero_gateway, sandbox):
        pytest.fail(
            f"dinero_bank: the gateway 'default' of your test settings is {dinero_gateway!r}; set "
            f'DINERO["GATEWAYS"]["default"] to {{"BACKEND": "{_SANDBOX}.SandboxGateway"}}.',
            pytrace=False,
        )
    return dinero_gateway.bank


@pytest.fixture
def dinero_customer(db: None, dinero_bank: Any) -> Any:
    """A customer whose Visa 4111 1111 1111 1111 is stored at the test bank and can be charged."""
    return import_module("django_dinero.models").Customer.create(
        "ann@example.com",
        first_name="Ann",
        last_name="Example",
        number="4111111111111111",
        cvv="900",
        address="1 Main Street",
        zip="46201",
    )
