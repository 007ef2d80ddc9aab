"""With ATOMIC_REQUESTS on: nothing that pushes or moves money runs inside a transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from django_dinero.api.urls import router
from django_dinero.models import Customer, Operation, Transaction
from tests.databases import VENDOR
from tests.integration.api.calling import CARD, OTHER_NUMBER, Caller, json_of, user_with
from tests.support.recording import RecordingGateway, lose_reply

ALIASES = ["default"] if VENDOR == "sqlite" else ["default", "journal"]

pytestmark = pytest.mark.django_db(transaction=True, databases=ALIASES)


@pytest.fixture
def atomic_requests() -> Any:
    """ATOMIC_REQUESTS for every database."""
    with pytest.MonkeyPatch.context() as patch:
        for alias in connections:
            patch.setitem(connections[alias].settings_dict, "ATOMIC_REQUESTS", True)
        yield


@pytest.fixture
def watched(gateway: RecordingGateway) -> Callable[..., list[bool]]:
    """Notes, at the next call of each verb named, whether a transaction is open."""
    seen: list[bool] = []

    def watch(*verbs: str) -> list[bool]:
        def note(call: Callable[[], Any]) -> Any:
            seen.append(any(connections[alias].in_atomic_block for alias in ALIASES))
            return call()

        gateway.faults |= dict.fromkeys(verbs, note)
        return seen

    return watch


@pytest.fixture
def root(atomic_requests: None, db: None) -> Caller:
    """Somebody who may do everything."""
    return Caller(user_with("root", is_staff=True, is_superuser=True))


@pytest.fixture
def charged(root: Caller, gateway: RecordingGateway) -> Transaction:
    """A charge of a customer's card."""
    customer = Customer.create("bill@example.com", **CARD)
    return Transaction.create("10.00", customer=customer)


def test_no_view_is_wrapped() -> None:
    everything: list[Any] = list(router.urls)
    patterns = [each for each in everything if each.name != "api-root"]
    assert len(patterns) > 5
    for pattern in patterns:
        assert set(pattern.callback._non_atomic_requests) == set(connections), pattern.name


def test_a_view_that_is_not_exempt_would_be_seen(
    root: Caller, charged: Transaction, watched: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    patterns: list[Any] = list(router.urls)
    view = next(each.callback for each in patterns if each.name == "customer-cards")
    monkeypatch.setattr(view, "_non_atomic_requests", set())
    seen = watched("add_card")
    assert charged.customer is not None
    path = f"customers/{charged.customer.public_id}/cards/"
    json_of(root.post(path, {**CARD, "number": OTHER_NUMBER}), 201)
    assert seen == [True]


def test_the_vault(root: Caller, charged: Transaction, watched: Any) -> None:
    verbs = ("create_customer", "update_customer", "add_card", "update_card", "delete_card")
    seen = watched(*verbs, "delete_customer")
    customer = charged.customer
    assert customer is not None
    path, card = f"customers/{customer.public_id}/", customer.cards[0]
    json_of(root.post("customers/", {"email": "new@example.com"}), 201)
    json_of(root.patch(path, {"last_name": "Smith"}), 200)
    json_of(root.post(f"{path}cards/", {**CARD, "number": OTHER_NUMBER}), 201)
    json_of(root.patch(f"cards/{card.public_id}/", {"zip": "11111"}), 200)
    json_of(root.delete(f"cards/{card.public_id}/"), 204)
    json_of(root.delete(path), 204)
    assert seen == [False] * 6


def test_money(root: Caller, charged: Transaction, watched: Any, gateway: RecordingGateway) -> None:
    customer = charged.customer
    assert customer is not None
    seen = watched("charge", "capture", "void", "refund")
    body = {"price": "3.00", "settle": False}
    made = json_of(root.post(f"customers/{customer.public_id}/charge/", body), 201)
    json_of(root.post(f"transactions/{made['id']}/capture/"), 201)
    json_of(root.post(f"transactions/{made['id']}/void/"), 201)
    gateway.bank.settle_batch()
    json_of(root.post(f"transactions/{charged.public_id}/refund/", {"amount": "4.00"}), 201)
    assert seen == [False] * 4


def test_an_error_answer_undoes_nothing(
    root: Caller, charged: Transaction, gateway: RecordingGateway
) -> None:
    customer = charged.customer
    assert customer is not None
    gateway.faults["charge"] = lose_reply
    path = f"customers/{customer.public_id}/charge/"
    lost = json_of(root.post(path, {"price": "3.00"}), 202)
    assert Operation.objects.get(key=lost["operation"]).state == "unknown"
    customer.cards[0].delete()
    declined = Customer.create("eve@example.com", **CARD)
    card = declined.cards[0]
    card.zip = "46282"  # with which the test bank declines
    card.save()
    refused = json_of(root.post(f"cards/{card.public_id}/charge/", {"price": "3.00"}), 402)
    assert Transaction.objects.get(public_id=refused["transaction"]).status == "declined"
