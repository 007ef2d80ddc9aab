"""The pytest plugin, loaded by its entry point wherever django-dinero is installed.

It must not import Django while pytest starts: settings are not configured yet, and a project
without Django has none. The fixtures import what they need by name.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

#: Makes pytest show the values of a failed assert in the contract suite.
pytest.register_assert_rewrite("django_dinero.testing.contract")

_REGISTRY = "django_dinero.gateways.registry"
_BANKS = "django_dinero.testing.isolation"
_SANDBOX = "django_dinero.gateways.sandbox"
_WEBHOOKS = "django_dinero.testing.webhooks"


@pytest.fixture(autouse=True, scope="class")
def _dinero_banks_end() -> Iterator[None]:
    """Forget every gateway after a class or module, and their test banks with them."""
    yield
    _forget()


@pytest.fixture(autouse=True)
def _dinero_fresh_banks() -> Iterator[None]:
    """Undo what a test did at a test bank. What ``setUpTestData`` stored there stays."""
    # If no gateway was used yet, there is nothing to restore, and perhaps not even Django.
    restore_banks = import_module(_BANKS).remember_banks() if _REGISTRY in sys.modules else _forget
    yield
    restore_banks()


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


@pytest.fixture
def dinero_webhook(db: None) -> Any:
    """Post a signed webhook about a row to the project's own endpoint; return the response.

    ``dinero_webhook(transaction)``, or a customer or a card. The object is fetched from the gateway
    and applied when it returns. ``event_type`` is the gateway's name of what happened.
    ``dinero_webhook.about(row)`` returns it unsent, for a test that changes a byte.
    """
    module = import_module(_WEBHOOKS)
    registry = import_module(_REGISTRY)

    def about(row: Any, event_type: str = "") -> Any:
        return module.webhook_about(registry.get_gateway(row.gateway_name), row, event_type)

    def deliver(row: Any, event_type: str = "") -> Any:
        return about(row, event_type).post()

    deliver.about = about  # type: ignore[attr-defined]
    return deliver
