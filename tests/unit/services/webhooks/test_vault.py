"""Events about customers and cards: the customer is fetched, and pulled with all cards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_dinero.exceptions import OutcomeUnknown
from django_dinero.models import CreditCard, Customer, Operation, WebhookEvent
from django_dinero.sandbox.bank.records import NewCard
from django_dinero.services import webhooks
from tests.support.aging import grow_old
from tests.support.recording import RecordingGateway, lose_reply
from tests.support.testbank import MASTERCARD, plain
from tests.support.webhooks import PAST, let_time_pass, notice, receive

pytestmark = pytest.mark.django_db


def told(gateway: RecordingGateway, kind: str, object_id: str, **given: Any) -> str:
    """Receive an event; return its state."""
    event = receive(gateway, notice(kind, object_id, **given))
    assert event is not None
    return str(event.state)


def changed_there(gateway: RecordingGateway, customer: Customer) -> str:
    """Change the e-mail address at the gateway; return the gateway's id."""
    there = gateway.bank.customer(customer.customer_id or "")
    gateway.bank.update_customer(there.id, key=there.key, email="new@example.com")
    return there.id


def test_a_customer_changed_at_the_gateway(gateway: RecordingGateway, customer: Customer) -> None:
    assert told(gateway, "customer", changed_there(gateway, customer)) == "applied"
    customer.refresh_from_db()
    assert (customer.email, customer.sync_state) == ("new@example.com", "synced")


def test_an_answer_about_another_customer_is_not_believed(
    gateway: RecordingGateway, customer: Customer, make_customer: Callable[..., Customer]
) -> None:
    other = make_customer(email="ada@example.com", number=MASTERCARD)
    changed_there(gateway, other)
    gateway.faults["retrieve_customer"] = lambda call: gateway.retrieve_customer(
        other.customer_id or ""
    )
    assert told(gateway, "customer", customer.customer_id or "") == "parked"
    other.refresh_from_db()
    assert other.email == "ada@example.com"


def test_an_edit_that_waits_is_kept(gateway: RecordingGateway, customer: Customer) -> None:
    Customer.objects.filter(pk=customer.pk).update(email="mine@example.com")
    assert told(gateway, "customer", changed_there(gateway, customer)) == "applied"
    customer.refresh_from_db()
    assert (customer.email, customer.sync_state) == ("mine@example.com", "pending")


@pytest.mark.parametrize("says_customer", [True, False])
def test_a_card_deleted_at_the_gateway(
    gateway: RecordingGateway, customer: Customer, says_customer: bool
) -> None:
    (card,) = customer.cards
    gateway.bank.delete_card(card.customer_id, card.card_id)
    customer_id = card.customer_id if says_customer else ""
    assert told(gateway, "card", card.card_id, customer_id=customer_id) == "applied"
    card.refresh_from_db()
    assert card.sync_state == "missing"


def test_a_card_stored_at_the_gateway(gateway: RecordingGateway, customer: Customer) -> None:
    new = gateway.bank.add_card(customer.customer_id or "", NewCard(plain(MASTERCARD)))
    # Nothing here leads from the card to its customer, unless the webhook does.
    assert told(gateway, "card", new.id) == "not_ours"
    assert told(gateway, "card", new.id, customer_id=new.customer_id) == "applied"
    assert set(CreditCard.objects.values_list("last_4", flat=True)) == {"1111", "0015"}


def test_a_customer_deleted_at_the_gateway(gateway: RecordingGateway, customer: Customer) -> None:
    gateway.bank.delete_customer(customer.customer_id or "")
    assert told(gateway, "customer", customer.customer_id or "") == "applied"
    assert Customer.objects.get().sync_state == "missing"
    card = CreditCard.objects.get()
    assert (card.sync_state, card.is_default) == ("missing", False)


@pytest.mark.parametrize("kind", ["customer", "card"])
def test_what_is_new_may_not_be_found_yet(gateway: RecordingGateway, card: Any, kind: str) -> None:
    """Nothing is called gone in its first minute."""
    customer = Customer.create("bill@example.com", **card)
    (stored,) = customer.cards
    if kind == "customer":
        gateway.bank.delete_customer(customer.customer_id or "")
        ids = {"object_id": customer.customer_id or ""}
    else:
        gateway.bank.delete_card(stored.customer_id, stored.card_id)
        ids = {"object_id": stored.card_id, "customer_id": stored.customer_id}
    assert told(gateway, kind, **ids) == "parked"
    assert {customer.sync_state, stored.sync_state} == {"synced"}
    grow_old()
    let_time_pass()
    assert webhooks.drain(gateway) == {"applied": 1}
    stored.refresh_from_db()
    assert stored.sync_state == "missing"


def test_what_was_deleted_here_stays_deleted(gateway: RecordingGateway, customer: Customer) -> None:
    customer_id = customer.customer_id or ""
    gateway.faults["delete_customer"] = lambda call: (_ for _ in ()).throw(OutcomeUnknown("lost"))
    with pytest.raises(OutcomeUnknown):
        customer.delete()
    Operation.objects.filter(kind="create_customer").update(updated_at=PAST)
    assert told(gateway, "customer", customer_id) == "not_ours"
    assert not Customer.objects.exists()


def test_customers_and_cards_of_other_software(gateway: RecordingGateway) -> None:
    there = gateway.bank.create_customer(key="theirs", cards=[NewCard(plain())])
    assert told(gateway, "customer", there.id) == "not_ours"
    assert told(gateway, "card", there.cards[0].id, customer_id=there.id) == "not_ours"
    assert told(gateway, "customer", "999999999") == "not_ours"
    assert told(gateway, "card", "999999999", customer_id="999999999") == "not_ours"
    assert told(gateway, "subscription", "1") == "not_ours"
    assert not Customer.objects.exists()
    assert not CreditCard.objects.exists()


def test_the_webhook_comes_before_the_reply_to_a_creation(
    gateway: RecordingGateway, card: Any
) -> None:
    """The worker writes the row, and the event waits for it."""
    states: list[str] = []

    def webhook_first(call: Callable[[], Any]) -> Any:
        answer = call()
        states.append(told(gateway, "customer", answer.customer_id))
        stored = answer.cards[0].card_id
        states.append(told(gateway, "card", stored, customer_id=answer.customer_id))
        return answer

    gateway.faults["create_customer"] = webhook_first
    customer = Customer.create("bill@example.com", **card)
    assert states == ["parked", "parked"]
    assert Customer.objects.get() == customer
    from_models = [event.replay().state for event in events()]
    assert from_models == ["applied", "applied"]
    assert CreditCard.objects.count() == 1


def events() -> Any:
    """All events, in order."""
    return WebhookEvent.objects.order_by("pk")


def test_the_webhook_comes_before_the_reply_to_a_new_card(
    gateway: RecordingGateway, customer: Customer, card: Any
) -> None:
    states: list[str] = []

    def webhook_first(call: Callable[[], Any]) -> Any:
        answer = call()
        states.append(told(gateway, "card", answer.card_id, customer_id=answer.customer_id))
        return answer

    gateway.faults["add_card"] = webhook_first
    made = customer.add_card(**{**card, "number": MASTERCARD})
    assert states == ["parked"]
    assert events().get().replay().state == "applied"
    made.refresh_from_db()
    assert CreditCard.objects.count() == 2


def test_a_creation_whose_reply_was_lost(gateway: RecordingGateway, card: Any) -> None:
    gateway.faults["create_customer"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        Customer.create("bill@example.com", **card)
    (there,) = gateway.bank.customers()
    assert told(gateway, "customer", there.id) == "applied"
    customer = Customer.objects.get()
    assert customer.customer_id == there.id
    assert Operation.objects.get().state == "succeeded"


def test_a_card_whose_worker_died(gateway: RecordingGateway, customer: Customer, card: Any) -> None:
    gateway.faults["add_card"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        customer.add_card(**{**card, "number": MASTERCARD})
    Operation.objects.filter(kind="add_card").update(state="sent", lease_until=PAST)
    new = gateway.bank.customer(customer.customer_id or "").cards[-1]
    assert told(gateway, "card", new.id, customer_id=new.customer_id) == "applied"
    assert CreditCard.objects.filter(card_id=new.id).count() == 1


def test_the_gateway_cannot_be_reached(gateway: RecordingGateway, customer: Customer) -> None:
    customer_id = changed_there(gateway, customer)
    gateway.faults["retrieve_customer"] = lambda call: (_ for _ in ()).throw(OutcomeUnknown("lost"))
    assert told(gateway, "customer", customer_id) == "parked"
    let_time_pass()
    assert events().get().replay().state == "applied"
