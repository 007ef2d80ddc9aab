"""In a site of the project's own, and with a part of the app registered."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from django_dinero.models import CreditCard, Operation, Transaction
from tests.integration.admin.pages import charge, confirm, new_card
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db


def at(site: str, name: str, *args: Any) -> str:
    """The address of a page at one of the sites."""
    return reverse(f"admin:dinero_{name}", args=args, current_app=site)


@pytest.fixture
def paid(card: CreditCard) -> Transaction:
    """An authorization that was settled: it has a child."""
    row = Transaction.create("12.50", card=card, settle=False)
    row.settle("10.00")
    return row


def test_every_link_stays_at_its_site(
    root: Client, card: CreditCard, paid: Transaction, settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.integration.admin.urls_two_sites"
    operation = Operation.objects.get(key=paid.operation_key)
    for name, args in {
        "customer_changelist": (),
        "customer_change": (card.customer_pk,),
        "customer_add_card": (card.customer_pk,),
        "customer_delete": (card.customer_pk,),
        "creditcard_changelist": (),
        "creditcard_change": (card.pk,),
        "creditcard_charge": (card.pk,),
        "transaction_changelist": (),
        "transaction_change": (paid.pk,),
        "transaction_refund": (Transaction.objects.get(kind="capture").pk,),
        "operation_changelist": (),
        "operation_change": (operation.pk,),
        "operation_look_up": (operation.pk,),
    }.items():
        address = at("shop", name, *args)
        assert address.startswith("/shop/")
        links = re.findall(r'href="(/[^"]*)"', root.get(address).content.decode())
        strangers = [link for link in links if link.startswith("/admin/")]
        assert strangers == [], f"{name} leads to another site"


def test_every_page_comes_back_to_its_site(
    root: Client, card: CreditCard, gateway: RecordingGateway, settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.integration.admin.urls_two_sites"
    for name, pk, posted in (
        ("customer_add_card", card.customer_pk, new_card()),
        ("creditcard_charge", card.pk, charge()),
    ):
        assert root.post(at("shop", name, pk), posted)["Location"].startswith("/shop/")
    assert root.get(at("shop", "customer_charge", card.customer_pk))["Location"] == at(
        "shop", "creditcard_charge", card.pk
    )
    row = Transaction.objects.get()
    assert root.post(at("shop", "transaction_void", row.pk), confirm())["Location"].startswith(
        "/shop/"
    )


def test_customers_alone(root: Client, card: CreditCard, paid: Transaction, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.integration.admin.urls_customers_alone"
    page = root.get(f"/office/dinero/customer/{card.customer_pk}/change/")
    assert page.status_code == 200
    # Whom their cards and payments may be shown to, nobody has said here.
    assert "visa •••• 1111" not in page.content.decode()
    assert "12.50" not in page.content.decode()
    assert "/charge/" not in page.content.decode()
    there = f"/office/dinero/customer/{card.customer_pk}/charge/"
    assert root.get(there).status_code == 404
    address = f"/office/dinero/customer/{card.customer_pk}/add-card/"
    assert root.get(address).status_code == 200
    assert root.post(address, new_card())["Location"].endswith("/change/")
