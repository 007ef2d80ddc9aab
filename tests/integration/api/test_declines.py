"""Cardholders learn nothing from a refusal that would help to try out stolen cards; staff all."""

from __future__ import annotations

from typing import Any

import pytest

from django_dinero.models import CreditCard, Transaction
from tests.integration.api.calling import CARD, Caller, json_of, new_key, user_with
from tests.integration.api.test_charges import FOR_STAFF, TRANSACTION_FIELDS
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

#: Zip codes and CVVs by which the test bank declines, and what staff are told.
TRIGGERS = {
    "declined": ({"zip": "46282"}, {}, "card_declined"),
    "address": ({"zip": "46205"}, {}, "avs_mismatch"),
    "cvv": ({}, {"cvv": "901"}, "cvv_mismatch"),
}
each_trigger = pytest.mark.parametrize("trigger", TRIGGERS)


@pytest.fixture
def root(gateway: RecordingGateway) -> Caller:
    """Staff who may do everything."""
    return Caller(user_with("root", is_staff=True, is_superuser=True))


@pytest.fixture
def refused(card: CreditCard, trigger: str) -> tuple[str, dict[str, Any]]:
    """The address and body of a charge that the bank declines."""
    on_card, on_charge, _code = TRIGGERS[trigger]
    for name, value in on_card.items():
        setattr(card, name, value)
    card.save()
    return f"cards/{card.public_id}/charge/", {"price": "5.00", **on_charge}


@each_trigger
def test_the_owner_gets_one_answer_to_every_decline(
    owner: Caller, refused: tuple[str, dict[str, Any]]
) -> None:
    path, body = refused
    key = new_key()
    shown = json_of(owner.post(path, body, key=key), 402)
    row = Transaction.objects.get()
    operation = shown.pop("operation")
    assert operation == row.operation_key
    assert shown == {
        "code": "card_declined",
        "detail": "The card was declined.",
        "transaction": str(row.public_id),
    }
    assert json_of(owner.post(path, body, key=key), 402) == {**shown, "operation": operation}
    one = json_of(owner.get(f"transactions/{row.public_id}/"), 200)
    assert set(one) == TRANSACTION_FIELDS
    assert one["status"] == "declined"
    assert json_of(owner.get("transactions/"), 200)["results"] == [one]


@each_trigger
def test_staff_are_told_why(
    root: Caller, refused: tuple[str, dict[str, Any]], trigger: str
) -> None:
    path, body = refused
    shown = json_of(root.post(path, body), 402)
    assert shown["code"] == TRIGGERS[trigger][2]
    row = json_of(root.get(f"transactions/{shown['transaction']}/"), 200)
    assert set(row) == TRANSACTION_FIELDS | FOR_STAFF
    assert row["gateway_text"] == shown["detail"]
    assert json_of(root.get("transactions/"), 200)["results"] == [row]


@each_trigger
def test_a_card_that_is_not_stored_is_declined_in_the_same_words(
    owner: Caller, root: Caller, trigger: str
) -> None:
    on_card, on_charge, code = TRIGGERS[trigger]
    body = {"email": "eve@example.com", **CARD, **on_card, **on_charge}
    shown = json_of(owner.post("customers/", body), 402)
    assert (shown["code"], shown["detail"]) == ("card_declined", "The card was declined.")
    assert json_of(root.post("customers/", body), 402)["code"] == code


def test_an_approval_shows_its_checks_to_staff_only(
    owner: Caller, root: Caller, card: CreditCard
) -> None:
    for caller, more in ((owner, set()), (root, FOR_STAFF)):
        made = json_of(caller.post(f"cards/{card.public_id}/charge/", {"price": "1.00"}), 201)
        assert set(made) == TRANSACTION_FIELDS | more


def test_staff_without_the_permission_are_cardholders(card: CreditCard) -> None:
    user = user_with("sam", is_staff=True)
    card.customer.owner = user
    card.customer.save()
    row = Transaction.create("1.00", card=card)
    shown = json_of(Caller(user).get(f"transactions/{row.public_id}/"), 200)
    assert set(shown) == TRANSACTION_FIELDS
