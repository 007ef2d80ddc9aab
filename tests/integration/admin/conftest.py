"""Somebody signed in to the admin, a recording gateway, a customer with a card."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from django_dinero.models import CreditCard, Customer, Operation, Reconciliation, Transaction
from django_dinero.models.difference import DifferenceKind
from django_dinero.services.reconcile import differences
from django_dinero.services.reconcile.differences import Found
from tests.support.recording import RecordingGateway
from tests.support.webhooks import notice, receive

NUMBER = "4111111111111111"


@pytest.fixture
def staff() -> Callable[..., Client]:
    """A signed-in member of staff with the permissions named."""

    def sign_in(*codenames: str, name: str = "staff", **options: Any) -> Client:
        user = get_user_model().objects.create_user(name, is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        assert user.user_permissions.count() == len(codenames)
        client = Client(**options)
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def root(db: None) -> Client:
    """A signed-in superuser."""
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root"))
    return client


@pytest.fixture
def customer(db: None, gateway: RecordingGateway) -> Customer:
    """A customer with one card, at the gateway too."""
    return Customer.create(
        "bill@example.com",
        first_name="Bill",
        last_name="Bloggs",
        number=NUMBER,
        month=12,
        year=2060,
        zip="12345",
    )


@pytest.fixture
def card(customer: Customer) -> CreditCard:
    """The customer's card."""
    return customer.cards[0]


@pytest.fixture
def rows(card: CreditCard, gateway: RecordingGateway) -> dict[str, Any]:
    """One row of each model; the transaction is an authorization."""
    found = Found(kind=DifferenceKind.BOOKS, subject="2026-11-28 USD", text="12 here, 13 there")
    row = Transaction.create("12.50", card=card, settle=False)
    return {
        "customer": card.customer,
        "creditcard": card,
        "transaction": row,
        "operation": Operation.objects.get(key=row.operation_key),
        "difference": differences.record(gateway, found),
        "reconciliation": Reconciliation.objects.create(
            gateway_name="default", state="finished", since="2026-11-28T00:00:00Z"
        ),
        "webhookevent": receive(gateway, notice("transaction", str(row.transaction_id))),
    }
