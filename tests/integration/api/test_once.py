"""Idempotency keys over the API: the same request twice is done once, and says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_dinero.api import idempotency
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.integration.api.calling import CARD, OTHER_NUMBER, Caller, json_of, new_key, user_with
from tests.support.recording import (
    RecordingGateway,
    lose_reply,
    lose_request,
    refuse_connection,
)

pytestmark = pytest.mark.django_db

HEADER, REPLAYED = idempotency.HEADER, idempotency.REPLAYED

#: Everything that moves money, and whether its original must have settled.
VERBS = ("customer-charge", "card-charge", "capture", "void", "refund")


@pytest.fixture
def clerk(db: None) -> Caller:
    """Staff who move money."""
    permissions = ("charge", "capture", "void", "refund")
    names = [
        f"{verb}_{'creditcard' if verb == 'charge' else 'transaction'}" for verb in permissions
    ]
    return Caller(user_with("clerk", *names, is_staff=True))


@pytest.fixture
def path_of(customer: Customer, gateway: RecordingGateway) -> Callable[[str], str]:
    """The address that a verb is posted to."""

    def find(verb: str) -> str:
        if verb == "customer-charge":
            return f"customers/{customer.public_id}/charge/"
        if verb == "card-charge":
            return f"cards/{customer.cards[0].public_id}/charge/"
        row = Transaction.create("10.00", customer=customer, settle=verb != "capture")
        if verb == "refund":
            gateway.bank.settle_batch()
        return f"transactions/{row.public_id}/{verb}/"

    return find


def body_of(verb: str, amount: str = "5.00") -> dict[str, str]:
    """A verb's own body."""
    if verb == "void":
        return {}
    return {"price" if verb.endswith("charge") else "amount": amount}


@pytest.mark.parametrize("verb", VERBS)
def test_the_same_key_moves_money_once(
    clerk: Caller, gateway: RecordingGateway, path_of: Any, verb: str
) -> None:
    path, key = path_of(verb), new_key()
    first = clerk.post(path, body_of(verb), key=key)
    made, asked = json_of(first, 201), gateway.mark
    assert REPLAYED not in first
    again = clerk.post(path, body_of(verb), key=key)
    assert json_of(again, 201) == made
    assert again[REPLAYED] == "true"
    assert gateway.since(asked) == []
    assert Transaction.objects.filter(public_id=made["id"]).count() == 1


@pytest.mark.parametrize("verb", ["customer-charge", "card-charge", "capture", "refund"])
def test_the_same_key_with_another_amount_is_422(
    clerk: Caller, gateway: RecordingGateway, path_of: Any, verb: str
) -> None:
    path, key = path_of(verb), new_key()
    json_of(clerk.post(path, body_of(verb), key=key), 201)
    asked = gateway.mark
    again = clerk.post(path, body_of(verb, "6.00"), key=key)
    assert json_of(again, 422)["code"] == "idempotency_key_reused"
    assert REPLAYED not in again
    assert gateway.since(asked) == []


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "key",
    [None, "x" * 65, "with a blank", "4111 1111 1111 1111", "schlüssel"],
    ids=["none", "long", "blank", "grouped card number", "not ASCII"],
)
def test_no_money_moves_without_a_good_key(
    clerk: Caller, gateway: RecordingGateway, path_of: Any, verb: str, key: str | None
) -> None:
    path = path_of(verb)
    asked, rows = gateway.mark, Operation.objects.count()
    shown = json_of(clerk.post(path, body_of(verb), key=key), 400)
    assert set(shown["errors"]) == {HEADER}
    assert key is None or key not in str(shown)
    assert gateway.since(asked) == []
    assert Operation.objects.count() == rows


def test_the_shortest_and_the_longest_key(clerk: Caller, card: CreditCard) -> None:
    path = f"cards/{card.public_id}/charge/"
    for key, price in (("!", "1.00"), ("~" * 64, "2.00")):
        json_of(clerk.post(path, {"price": price}, key=key), 201)


def test_two_users_may_choose_the_same_key(clerk: Caller, card: CreditCard) -> None:
    other = Caller(user_with("second", "charge_creditcard", is_staff=True))
    path = f"cards/{card.public_id}/charge/"
    first = json_of(clerk.post(path, {"price": "1.00"}, key="same-key"), 201)
    second = other.post(path, {"price": "2.00"}, key="same-key")
    assert json_of(second, 201)["id"] != first["id"]
    assert REPLAYED not in second
    scopes = set(
        Operation.objects.filter(idempotency_key="same-key").values_list("scope", flat=True)
    )
    assert scopes == {f"user:{clerk.user.pk}", f"user:{other.user.pk}"}


def test_a_decline_is_brought_again(
    clerk: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    card = customer.cards[0]
    card.zip = "46282"  # with which the test bank declines
    card.save()
    path, key = f"cards/{card.public_id}/charge/", new_key()
    first = clerk.post(path, {"price": "1.00"}, key=key)
    declined, asked = json_of(first, 402), gateway.mark
    assert REPLAYED not in first
    again = clerk.post(path, {"price": "1.00"}, key=key)
    told = json_of(again, 402)
    assert told == {**declined, "detail": told["detail"]}
    assert told["detail"].startswith(declined["detail"])
    assert told["detail"].endswith("a new attempt needs a new key.")
    assert again[REPLAYED] == "true"
    assert gateway.since(asked) == []


def _lose(customer: Customer) -> None:
    customer.cards[0].delete()


def _replace(customer: Customer) -> None:
    customer.add_card(**{**CARD, "number": OTHER_NUMBER}, is_default=True)


def _vanish(customer: Customer) -> None:
    customer.cards.update_without_push(sync_state="missing")


@pytest.mark.parametrize("change", [_lose, _replace, _vanish])
def test_a_charge_is_brought_again_though_the_customers_cards_changed(
    clerk: Caller, customer: Customer, gateway: RecordingGateway, change: Callable[..., None]
) -> None:
    path, key = f"customers/{customer.public_id}/charge/", new_key()
    made = json_of(clerk.post(path, {"price": "1.00"}, key=key), 201)
    change(customer)
    # "Nothing was sent" would be a lie: the first request has charged.
    again = clerk.post(path, {"price": "1.00"}, key=key)
    assert json_of(again, 201)["id"] == made["id"]
    assert again[REPLAYED] == "true"
    assert clerk.post(path, {"price": "2.00"}, key=key).status_code == 422
    assert gateway.verbs.count("charge") == 1


def test_a_card_that_vanished_answers_for_what_it_was_charged(
    clerk: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    path, key = f"cards/{customer.cards[0].public_id}/charge/", new_key()
    made = json_of(clerk.post(path, {"price": "1.00"}, key=key), 201)
    _vanish(customer)
    assert json_of(clerk.post(path, {"price": "1.00"}, key=key), 201)["id"] == made["id"]
    assert set(json_of(clerk.post(path, {"price": "1.00"}), 400)["errors"]) == {"card"}


def test_a_lost_reply_is_202_and_found_with_the_same_key(
    clerk: Caller, card: CreditCard, gateway: RecordingGateway
) -> None:
    path, key = f"cards/{card.public_id}/charge/", new_key()
    gateway.faults["charge"] = lose_reply
    lost = json_of(clerk.post(path, {"price": "1.00"}, key=key), 202)
    assert lost["code"] == "outcome_unknown"
    assert lost["operation"] == Operation.objects.get(idempotency_key=key).key
    assert "Do not repeat it with a new Idempotency-Key" in lost["detail"]
    found = json_of(clerk.post(path, {"price": "1.00"}, key=key), 201)
    assert gateway.verbs.count("charge") == 1
    [entry] = gateway.bank.transactions()
    assert entry.id == found["transaction_id"]


def test_a_lost_request_stays_202_until_it_is_proven_absent(
    clerk: Caller, card: CreditCard, gateway: RecordingGateway
) -> None:
    path, key = f"cards/{card.public_id}/charge/", new_key()
    gateway.faults["charge"] = lose_request
    for _attempt in range(3):
        response = clerk.post(path, {"price": "1.00"}, key=key)
        assert json_of(response, 202)["code"] == "outcome_unknown"
        assert REPLAYED not in response
    assert gateway.verbs.count("charge") == 1
    assert not Transaction.objects.exists()


def test_what_was_not_sent_leaves_its_key_free(
    clerk: Caller, card: CreditCard, gateway: RecordingGateway
) -> None:
    path, key = f"cards/{card.public_id}/charge/", new_key()
    gateway.faults["charge"] = refuse_connection
    refused = clerk.post(path, {"price": "1.00"}, key=key)
    assert json_of(refused, 503)["code"] == "not_sent"
    assert refused["Retry-After"] == "5"
    again = clerk.post(path, {"price": "1.00"}, key=key)
    json_of(again, 201)
    assert REPLAYED not in again


def test_a_request_that_still_runs_is_409(
    clerk: Caller, card: CreditCard, gateway: RecordingGateway
) -> None:
    path, key = f"cards/{card.public_id}/charge/", new_key()
    seen: list[Any] = []

    def ask_again(call: Callable[[], Any]) -> Any:
        seen.append(clerk.post(path, {"price": "1.00"}, key=key))
        return call()

    gateway.faults["charge"] = ask_again
    json_of(clerk.post(path, {"price": "1.00"}, key=key), 201)
    [response] = seen
    assert json_of(response, 409)["code"] == "operation_in_progress"
    assert response["Retry-After"] == "5"
    assert REPLAYED not in response
    assert gateway.verbs.count("charge") == 1


def test_a_whole_refund_that_became_a_void_is_done_once(
    clerk: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    row = Transaction.create("10.00", customer=customer)
    path, key = f"transactions/{row.public_id}/refund/", new_key()
    made = json_of(clerk.post(path, {}, key=key), 201)
    assert (made["kind"], made["parent"]) == ("void", str(row.public_id))
    again = clerk.post(path, {}, key=key)
    assert json_of(again, 201) == made
    assert again[REPLAYED] == "true"
    assert gateway.verbs.count("void") == 1
