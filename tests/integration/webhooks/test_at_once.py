"""One webhook twenty times at the same moment, and a webhook beside its own charge."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.db import connections

from django_dinero import signals
from django_dinero.exceptions import OutcomeUnknown
from django_dinero.models import Customer, Operation, Transaction, WebhookEvent
from django_dinero.services import webhooks
from tests.databases import VENDOR
from tests.support.racing import at_once
from tests.support.recording import RecordingGateway, lose_reply
from tests.support.webhooks import let_time_pass, notice, post

ALIASES = ["default"] if VENDOR == "sqlite" else ["default", "journal"]
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, databases=ALIASES)]


@pytest.fixture
def heard() -> Any:
    """What users heard, in order."""
    names: list[str] = []
    wanted = ("webhook_applied", "charged")
    hooks = {name: partial(_note, names, name) for name in wanted}
    for name, hook in hooks.items():
        getattr(signals, name).connect(hook)
    yield names
    for name, hook in hooks.items():
        getattr(signals, name).disconnect(hook)


def _note(names: list[str], name: str, **_: Any) -> None:
    names.append(name)


def test_twenty_at_once_are_one_event_with_one_effect(
    gateway: RecordingGateway, customer: Customer, heard: list[str]
) -> None:
    for _round in range(3):
        heard.clear()
        gateway.faults["charge"] = lose_reply
        with pytest.raises(OutcomeUnknown):
            Transaction.create(5, customer=customer)
        row = gateway.bank.transactions()[-1]
        told = notice("transaction", row.id, operation_key=row.operation_key)
        answers = at_once(*[partial(_status, gateway, told)] * 20)
        assert answers == [200] * 20
        event = WebhookEvent.objects.get(event_id=told.event_id)
        if event.is_waiting:  # a busy database may have ended its only try
            let_time_pass()
            webhooks.drain(gateway)
            event.refresh_from_db()
        assert event.state == "applied"
        assert Transaction.objects.filter(transaction_id=row.id).count() == 1
        assert sorted(heard) == ["charged", "webhook_applied"]


def test_many_events_about_one_charge_at_once(
    gateway: RecordingGateway, customer: Customer, heard: list[str]
) -> None:
    """Each has an id of its own: all are applied, and the charge is ended once."""
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        Transaction.create(5, customer=customer)
    row = gateway.bank.transactions()[-1]
    told = [notice("transaction", row.id, operation_key=row.operation_key) for _ in range(10)]
    assert at_once(*[partial(_status, gateway, each) for each in told]) == [200] * 10
    let_time_pass()
    webhooks.drain(gateway)
    assert set(WebhookEvent.objects.values_list("state", flat=True)) == {"applied"}
    assert Transaction.objects.get().status == "approved"
    assert heard.count("charged") == 1


def _status(gateway: RecordingGateway, told: Any) -> int:
    return int(post(gateway, told).status_code)


def test_webhooks_beside_the_workers_that_charge(
    gateway: RecordingGateway, customer: Customer, heard: list[str]
) -> None:
    """The webhook comes while its own charge waits for the answer, on another connection."""

    def charge_and_be_told() -> str:
        def webhook_first(call: Any) -> Any:
            answer = call()
            operation_key = Operation.objects.latest("pk").key
            told = notice("transaction", answer.transaction_id, operation_key=operation_key)
            at_once(partial(_status, gateway, told))
            return answer

        gateway.faults["charge"] = webhook_first
        return str(Transaction.create(5, customer=customer).status)

    for number in range(1, 6):
        assert charge_and_be_told() == "approved"
        assert Transaction.objects.count() == number
        assert heard.count("charged") == number
    assert set(Operation.objects.values_list("state", flat=True)) == {"succeeded"}


def test_drains_at_once_apply_each_event_once(
    gateway: RecordingGateway, customer: Customer, heard: list[str], monkeypatch: Any
) -> None:
    charge = Transaction.create(5, customer=customer)
    for _ in range(20):
        webhooks.store(gateway, notice("transaction", charge.transaction_id or ""), b"{}")
    heard.clear()
    at_once(*[lambda: webhooks.drain(gateway).total()] * 4)
    let_time_pass()
    webhooks.drain(gateway)
    assert set(WebhookEvent.objects.values_list("state", flat=True)) == {"applied"}
    assert heard.count("webhook_applied") == 20


def test_atomic_requests_do_not_wrap_it(
    gateway: RecordingGateway, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def look(call: Any) -> Any:
        seen.append(any(connections[alias].in_atomic_block for alias in ALIASES))
        return call()

    for alias in ALIASES:
        monkeypatch.setitem(connections[alias].settings_dict, "ATOMIC_REQUESTS", True)
    gateway.faults["retrieve_customer"] = look
    assert post(gateway, notice("customer", customer.customer_id or "")).status_code == 200
    assert seen == [False]
    assert WebhookEvent.objects.get().state == "applied"
