"""The fixture with which projects test their own endpoint."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import NoReverseMatch

from django_dinero import signals
from django_dinero.gateways.authorizenet import AuthorizeNetGateway
from django_dinero.gateways.types import WebhookNotice
from django_dinero.models import Customer, Transaction, WebhookEvent
from django_dinero.testing.webhooks import webhook_about
from tests.contract.test_stranger import Stranger
from tests.support.aging import grow_old

pytestmark = pytest.mark.django_db


def test_it_is_delivered_and_applied(
    dinero_webhook: Any, dinero_customer: Customer, dinero_bank: Any
) -> None:
    charge = Transaction.create("5.00", customer=dinero_customer)
    dinero_bank.settle_batch()
    heard: list[Any] = []

    def hear(instance: Any, event: WebhookEvent, **_: Any) -> None:
        heard.append((instance, event.event_type))

    signals.webhook_applied.connect(hear, sender=Transaction)
    try:
        assert dinero_webhook(charge, "settled.today").status_code == 200
    finally:
        signals.webhook_applied.disconnect(hear, sender=Transaction)
    charge.refresh_from_db()
    assert charge.status == "settled"
    assert heard == [(charge, "settled.today")]


def test_customers_and_cards(
    dinero_webhook: Any, dinero_customer: Customer, dinero_bank: Any
) -> None:
    grow_old()
    (card,) = dinero_customer.cards
    dinero_bank.delete_card(card.customer_id, card.card_id)
    assert dinero_webhook(card).status_code == 200
    card.refresh_from_db()
    assert card.sync_state == "missing"
    dinero_bank.delete_customer(dinero_customer.customer_id)
    assert dinero_webhook(dinero_customer).status_code == 200
    dinero_customer.refresh_from_db()
    assert dinero_customer.sync_state == "missing"
    assert WebhookEvent.objects.count() == 2


def test_a_test_that_changes_a_byte(dinero_webhook: Any, dinero_customer: Customer) -> None:
    call = dinero_webhook.about(dinero_customer)
    changed = type(call)(call.url, call.headers, call.body + b" ")
    assert changed.post().status_code == 400
    assert [call.post().status_code for _ in range(2)] == [200, 200]
    assert WebhookEvent.objects.count() == 1


def test_authorizenets_are_signed_as_its_are(dinero_customer: Customer) -> None:
    keys = {"login_id": "login", "transaction_key": "key", "signature_key": ["0A1B", "2C3D"]}
    gateway = AuthorizeNetGateway("default", {"environment": "sandbox", **keys})
    (card,) = dinero_customer.cards
    charge = Transaction.create("5.00", card=card)
    ids = []
    for row in (dinero_customer, card, charge):
        call = webhook_about(gateway, row)
        notice = gateway.parse_webhook(call.headers, call.body)
        assert isinstance(notice, WebhookNotice)
        ids.append(notice.object_id)
    assert ids == [card.customer_id, card.card_id, charge.transaction_id]


def test_a_gateway_of_somebody_else(dinero_customer: Customer) -> None:
    with pytest.raises(TypeError, match="as its provider does"):
        webhook_about(Stranger("default"), dinero_customer)


def test_a_project_without_the_endpoint(
    dinero_webhook: Any, dinero_customer: Customer, settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.integration.admin.urls"
    with pytest.raises(NoReverseMatch, match=r"Include django_dinero\.webhooks\.urls"):
        dinero_webhook(dinero_customer)
