"""Webhook events in the admin: to be found, to be read, and to be applied again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from django_dinero.models import CreditCard, Transaction, WebhookEvent
from tests.integration.admin.pages import confirm, messages, text, url
from tests.support.recording import RecordingGateway, refuse_connection
from tests.support.webhooks import notice, receive

pytestmark = pytest.mark.django_db


@pytest.fixture
def charge(card: CreditCard) -> Transaction:
    return Transaction.create("12.50", card=card)


@pytest.fixture
def parked(gateway: RecordingGateway, charge: Transaction) -> WebhookEvent:
    """An event about a charge that has settled, and could not be applied."""
    gateway.bank.settle_batch()
    gateway.faults["retrieve_transaction"] = refuse_connection
    event = receive(gateway, notice("transaction", charge.transaction_id or "", "net.charged"))
    assert event is not None
    return event


def test_the_list(root: Client, parked: WebhookEvent) -> None:
    page = root.get(url("webhookevent_changelist"))
    assert "net.charged test" in text(page)
    assert '<span class="dinero-word dinero-open">parked</span>' in page.content.decode()
    assert root.get(url("webhookevent_add")).status_code == 403
    for query, there in (
        ({"q": parked.object_id}, True),
        ({"q": parked.event_id}, True),
        ({"q": "nothing"}, False),
        ({"q": "2026-02-31"}, False),
        ({"state__exact": "parked"}, True),
        ({"state__exact": "applied"}, False),
        ({"live": "1"}, False),
    ):
        assert ("net.charged" in text(root.get(url("webhookevent_changelist"), query))) is there


def test_the_page_of_one(root: Client, parked: WebhookEvent, charge: Transaction) -> None:
    page = root.get(url("webhookevent_change", parked.pk))
    assert "connection refused" in text(page)
    assert f'"object_id": "{charge.transaction_id}"' in text(page)
    assert url("transaction_change", charge.pk) in page.content.decode()
    assert url("webhookevent_replay", parked.pk) in page.content.decode()
    assert 'name="state"' not in page.content.decode()


@pytest.mark.parametrize("kind", ["customer", "card", "moon"])
def test_other_objects(
    root: Client, gateway: RecordingGateway, card: CreditCard, kind: str
) -> None:
    ids = {"customer": card.customer_id, "card": card.card_id}
    rows = {"customer": card.customer_pk, "card": card.pk}
    event = receive(gateway, notice(kind, ids.get(kind, "7"), customer_id=card.customer_id))
    assert event is not None
    page = root.get(url("webhookevent_change", event.pk)).content.decode()
    names = {"customer": "customer_change", "card": "creditcard_change"}
    assert kind == "moon" or url(names[kind], rows[kind]) in page


def test_it_is_applied_again(root: Client, parked: WebhookEvent, charge: Transaction) -> None:
    address = url("webhookevent_replay", parked.pk)
    page = root.get(address)
    assert "fetched from the gateway" in text(page)
    response = root.post(address, confirm())
    assert response.headers["Location"] == url("webhookevent_change", parked.pk)
    assert messages(response) == [f"Event {parked.pk}: applied."]
    charge.refresh_from_db()
    assert charge.status == "settled"
    assert LogEntry.objects.get().get_change_message() == "Applied again: applied."


def test_it_fails_again(root: Client, parked: WebhookEvent, gateway: RecordingGateway) -> None:
    gateway.faults["retrieve_transaction"] = refuse_connection
    response = root.post(url("webhookevent_replay", parked.pk), confirm())
    assert messages(response) == [f"Event {parked.pk}: parked. connection refused"]


def test_somebody_is_at_it(root: Client, parked: WebhookEvent) -> None:
    WebhookEvent.objects.update(lease_until="2100-01-01T00:00:00Z")
    page = root.post(url("webhookevent_replay", parked.pk), confirm())
    assert page.status_code == 200
    assert "Another worker is applying this event" in text(page)


def test_who_may(staff: Callable[..., Client], parked: WebhookEvent) -> None:
    reader = staff("view_webhookevent", name="reader")
    address = url("webhookevent_replay", parked.pk)
    assert reader.get(address).status_code == 403
    assert reader.post(address, confirm()).status_code == 403
    assert address not in reader.get(url("webhookevent_change", parked.pk)).content.decode()
    parked.refresh_from_db()
    assert parked.state == "parked"
    fixer = staff("view_webhookevent", "replay_webhookevent", name="fixer")
    assert address in fixer.get(url("webhookevent_change", parked.pk)).content.decode()
    fixer.post(address, confirm())
    parked.refresh_from_db()
    assert parked.state == "applied"
    assert staff(name="nobody").get(url("webhookevent_changelist")).status_code == 403
