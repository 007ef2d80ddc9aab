"""The charge page: one charge, words for every end, nobody without permission."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client

from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.gateways.types import Reason, TransactionResult
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.integration.admin.pages import charge, key_of, messages, text, url
from tests.support.misconfigured import misconfigure
from tests.support.recording import (
    RecordingGateway,
    answer,
    lose_reply,
    lose_request,
    refuse_connection,
)

pytestmark = pytest.mark.django_db


def test_a_charge_is_made_told_and_logged(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    address = url("creditcard_charge", card.pk)
    key = key_of(root, address)
    posted = charge("12.50", key=key, order_reference="A-17", description="two beers", cvv="900")
    response = root.post(address, posted)
    row = Transaction.objects.get()
    assert (str(row.price), row.currency, row.kind, row.status) == (
        "12.50",
        "USD",
        "charge",
        "approved",
    )
    assert (row.order_reference, row.description) == ("A-17", "two beers")
    assert row.initiator == "merchant"
    assert response.status_code == 302
    assert response["Location"] == url("transaction_change", row.pk)
    assert messages(response) == [
        f"Charged: 12.50 USD, visa •••• 1111 (transaction {row.transaction_id})."
    ]
    entry, own = LogEntry.objects.order_by("id")
    assert [entry.get_edited_object(), own.get_edited_object()] == [card, row]
    assert entry.change_message == own.change_message
    assert "12.50 USD" in entry.change_message
    assert row.operation_key is not None
    assert row.operation_key in entry.change_message
    operation = Operation.objects.get(key=row.operation_key)
    assert (operation.idempotency_key, operation.scope) == (key, f"admin:{entry.user_id}")
    assert operation.made_by == "root"


def test_authorize_only(root: Client, card: CreditCard) -> None:
    root.post(url("creditcard_charge", card.pk), charge(settle="authorize"))
    assert Transaction.objects.get().kind == "authorization"


def test_the_same_page_sent_twice_is_one_charge(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    posted = charge()
    first = root.post(url("creditcard_charge", card.pk), posted)
    second = root.post(url("creditcard_charge", card.pk), posted)
    assert gateway.verbs.count("charge") == 1
    assert Transaction.objects.count() == 1
    assert LogEntry.objects.count() == 2  # the card's, and the transaction's
    assert first["Location"] == second["Location"]
    assert messages(second)[-1].startswith("This was done before, and not once more.")


def test_the_used_page_with_another_amount_charges_nothing(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    posted = charge("12.50")
    root.post(url("creditcard_charge", card.pk), posted)
    response = root.post(url("creditcard_charge", card.pk), {**posted, "price": "13.50"})
    assert gateway.verbs.count("charge") == 1
    assert "This page was used before, for another charge." in text(response)
    new = response.context["form"]["key"].value()
    root.post(url("creditcard_charge", card.pk), {**posted, "price": "13.50", "key": new})
    assert gateway.verbs.count("charge") == 2


def test_a_reload_after_a_decline_asks_nobody(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    card.zip = "46282"
    card.save()
    posted = charge()
    first = root.post(url("creditcard_charge", card.pk), posted)
    second = root.post(url("creditcard_charge", card.pk), posted)
    assert gateway.verbs.count("charge") == 1
    for response in (first, second):
        assert response.status_code == 200
        assert "The card was declined. Nothing was charged." in text(response)
        assert response.context["form"]["key"].value() != posted["key"]
        assert response.context["form"]["price"].value() == "12.50"
    assert not LogEntry.objects.exists()


def test_an_unknown_end_forbids_another_charge(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    gateway.faults["charge"] = lose_request
    response = root.post(url("creditcard_charge", card.pk), charge())
    operation = Operation.objects.get(state="unknown")
    page = text(response)
    assert "It is not known yet whether the card was charged." in page
    assert f"Do not charge again: look up operation {operation.key} first." in page
    assert url("operation_change", operation.pk) in response.content.decode()
    assert b"data-send-once" not in response.content
    assert operation.key in LogEntry.objects.get().change_message


def test_a_lost_answer_is_found_when_the_page_is_reloaded(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    posted = charge()
    gateway.faults["charge"] = lose_reply
    root.post(url("creditcard_charge", card.pk), posted)
    response = root.post(url("creditcard_charge", card.pk), posted)
    assert gateway.verbs.count("charge") == 1
    assert response["Location"] == url("transaction_change", Transaction.objects.get().pk)


def test_nothing_sent_says_so(root: Client, card: CreditCard, gateway: RecordingGateway) -> None:
    gateway.faults["charge"] = refuse_connection
    response = root.post(url("creditcard_charge", card.pk), charge())
    assert "Nothing was sent and nothing was charged. You can try again." in text(response)
    assert b"data-send-once" in response.content


def test_held_for_review(root: Client, card: CreditCard, gateway: RecordingGateway) -> None:
    held = TransactionResult(
        ResultStatus.HELD,
        transaction_id="77",
        reasons=(Reason(ReasonKind.HELD, "252", "Look at it."),),
    )
    gateway.faults["charge"] = answer(held)
    response = root.post(url("creditcard_charge", card.pk), charge())
    assert "it is neither paid nor declined" in text(response)
    assert "Look at it. (gateway code 252)" in text(response)
    assert b"data-send-once" not in response.content
    row = Transaction.objects.get(status="held")
    assert url("transaction_change", row.pk) in response.content.decode()


def test_a_contradicting_answer(root: Client, card: CreditCard, gateway: RecordingGateway) -> None:
    wrong = TransactionResult(ResultStatus.APPROVED, transaction_id="77", currency="JPY")
    gateway.faults["charge"] = answer(wrong)
    response = root.post(url("creditcard_charge", card.pk), charge())
    assert "contradicts what was asked" in text(response)
    assert b"data-send-once" not in response.content


@pytest.mark.parametrize(
    "price", ["", "0", "-1", "1e3", "1_000", "NaN", "12.505", "\u0664.\u0665", "9" * 17]
)
def test_wrong_amounts_are_refused_at_their_field(
    root: Client, card: CreditCard, gateway: RecordingGateway, price: str
) -> None:
    response = root.post(url("creditcard_charge", card.pk), charge(price))
    assert response.context["form"].errors["price"]
    assert "charge" not in gateway.verbs
    assert not Transaction.objects.exists()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"cvv": "12"}, "cvv"),
        ({"cvv": "12345"}, "cvv"),
        ({"key": ""}, "key"),
        ({"key": "short"}, "key"),
        ({"settle": "gift"}, "settle"),
        ({"description": "4111 1111 1111 1111"}, "description"),
        ({"order_reference": "x" * 256}, "order_reference"),
    ],
)
def test_wrong_fields_are_refused_at_their_field(
    root: Client, card: CreditCard, gateway: RecordingGateway, given: dict[str, Any], field: str
) -> None:
    response = root.post(url("creditcard_charge", card.pk), charge(**given))
    assert list(response.context["form"].errors) == [field]
    assert "charge" not in gateway.verbs
    assert "4111 1111 1111 1111" not in response.content.decode()


def test_the_currency_is_the_accounts_own(root: Client, card: CreditCard) -> None:
    root.post(url("creditcard_charge", card.pk), charge(currency="EUR"))
    assert Transaction.objects.get().currency == "USD"


def test_a_gateway_of_many_currencies_is_asked_for_one(
    root: Client, card: CreditCard, gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RecordingGateway, "single_currency", False)
    address = url("creditcard_charge", card.pk)
    assert 'name="currency" value="USD"' in root.get(address).content.decode()
    root.post(address, charge("12.505", currency="BHD"))
    verb, (request,) = gateway.calls[-1]
    assert (verb, str(request.amount), request.currency) == ("charge", "12.505", "BHD")
    for wrong in ("", "usd", "XXX", "Dollars"):
        response = root.post(address, charge("1.00", currency=wrong))
        assert list(response.context["form"].errors) == ["currency"]


def test_a_card_that_is_gone_cannot_be_charged(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    CreditCard.objects.filter(pk=card.pk).update_without_push(sync_state="missing")
    response = root.post(url("creditcard_charge", card.pk), charge())
    assert "The gateway no longer has this card." in text(response)
    assert "charge" not in gateway.verbs


def test_a_gateway_that_is_no_longer_configured(root: Client, card: CreditCard) -> None:
    CreditCard.objects.filter(pk=card.pk).update_without_push(gateway_name="gone")
    response = root.get(url("creditcard_charge", card.pk))
    assert response.status_code == 302
    assert "No gateway is called 'gone'" in messages(response)[0]


# -- Who may -------------------------------------------------------------------------------------


def test_staff_without_the_permission_get_403(
    staff: Callable[..., Client], card: CreditCard, gateway: RecordingGateway
) -> None:
    client = staff("view_creditcard", "change_creditcard", "add_stored_card", "view_customer")
    for address in (
        url("creditcard_charge", card.pk),
        url("customer_charge", card.customer_pk),
    ):
        assert client.get(address).status_code == 403
        assert client.post(address, charge()).status_code == 403
    assert "charge" not in gateway.verbs
    assert (
        url("creditcard_charge", card.pk)
        not in client.get(url("creditcard_change", card.pk)).content.decode()
    )


def test_the_permission_alone_is_enough(staff: Callable[..., Client], card: CreditCard) -> None:
    client = staff("charge_creditcard")
    response = client.post(url("creditcard_charge", card.pk), charge())
    assert Transaction.objects.get().status == "approved"
    assert response["Location"] == "/admin/"


def test_who_may_not_see_cards_comes_back_to_the_customer(
    staff: Callable[..., Client], card: CreditCard
) -> None:
    client = staff("charge_creditcard", "view_customer")
    there = url("customer_change", card.customer_pk)
    page = client.get(url("creditcard_charge", card.pk)).content.decode()
    assert f'<a href="{there}" class="closelink">Cancel</a>' in page
    assert client.post(url("creditcard_charge", card.pk), charge())["Location"] == there


def test_a_stranger_is_sent_to_sign_in(card: CreditCard, gateway: RecordingGateway) -> None:
    response = Client().post(url("creditcard_charge", card.pk), charge())
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")
    assert "charge" not in gateway.verbs


def test_another_users_key_is_another_charge(
    staff: Callable[..., Client], card: CreditCard, gateway: RecordingGateway
) -> None:
    posted = charge()
    for name, price in (("one", "12.50"), ("two", "12.51")):
        client = staff("charge_creditcard", name=name)
        client.post(url("creditcard_charge", card.pk), posted | {"price": price})
    assert gateway.verbs.count("charge") == 2


def test_a_forged_post_is_refused(
    staff: Callable[..., Client], card: CreditCard, gateway: RecordingGateway
) -> None:
    client = staff("charge_creditcard", enforce_csrf_checks=True)
    assert client.post(url("creditcard_charge", card.pk), charge()).status_code == 403
    assert "charge" not in gateway.verbs


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "patch"])
def test_only_a_post_charges(
    root: Client, card: CreditCard, gateway: RecordingGateway, method: str
) -> None:
    address = url("creditcard_charge", card.pk)
    response = getattr(root, method)(f"{address}?price=12.50&settle=charge")
    assert response.status_code == (200 if method in ("get", "head") else 405)
    assert "charge" not in gateway.verbs


def test_no_browser_or_proxy_keeps_the_page(root: Client, card: CreditCard) -> None:
    address = url("creditcard_charge", card.pk)
    for response in (root.get(address), root.post(address, charge(price=""))):
        assert "no-store" in response["Cache-Control"]
        assert "private" in response["Cache-Control"]


def test_no_such_card(root: Client, gateway: RecordingGateway) -> None:
    assert root.get(url("creditcard_charge", 4711)).status_code == 404


# -- From the customer ---------------------------------------------------------------------------


def test_a_customer_leads_to_the_default_card(root: Client, customer: Customer) -> None:
    response = root.get(url("customer_charge", customer.pk))
    assert response["Location"] == url("creditcard_charge", customer.cards[0].pk)
    assert root.post(url("customer_charge", customer.pk)).status_code == 405


def test_a_customer_without_a_card(root: Client, gateway: RecordingGateway) -> None:
    lonely = Customer.create("lonely@example.com")
    response = root.get(url("customer_charge", lonely.pk))
    assert response["Location"] == url("customer_change", lonely.pk)
    assert messages(response) == ["Add a card first: lonely@example.com has none to charge."]


# -- No transaction ------------------------------------------------------------------------------


def test_atomic_requests_do_not_wrap_it(
    root: Client, card: CreditCard, gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    blocks: list[int] = []
    outside = len(connection.atomic_blocks)

    def look(call: Callable[[], Any]) -> Any:
        blocks.append(len(connection.atomic_blocks))
        return call()

    gateway.faults["charge"] = look
    response = root.post(url("creditcard_charge", card.pk), charge())
    assert response.status_code == 302
    assert blocks == [outside]


def test_a_gateway_that_refuses_to_be_built_is_a_message(
    root: Client,
    card: CreditCard,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    address = url("creditcard_charge", card.pk)
    posted = charge(key=key_of(root, address))
    misconfigure(settings)
    for response in (root.get(address), root.post(address, posted)):
        assert (response.status_code, response["Location"]) == (
            302,
            url("creditcard_change", card.pk),
        )
        assert messages(response)[-1] == "The payment gateway is not set up. Nothing was sent."
    assert root.get(url("creditcard_change", card.pk)).status_code == 200
    assert not Transaction.objects.exists()
    assert "default refuses to be built" in caplog.text
    response = root.get(url("transaction_charge"))
    assert response.status_code == 302
    assert messages(response)[-1] == "The payment gateway is not set up. Nothing was sent."
