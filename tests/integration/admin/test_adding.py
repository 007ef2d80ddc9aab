"""The page *add card*: stored at the gateway in the same request, or told why not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client

from django_dinero.enums import ReasonKind
from django_dinero.exceptions import NotSent
from django_dinero.gateways.types import Reason, Refusal
from django_dinero.models import CreditCard, Customer, Operation
from tests.integration.admin.pages import key_of, messages, new_card, text, url
from tests.support.recording import (
    RecordingGateway,
    answer,
    lose_reply,
    lose_request,
    refuse_connection,
)

pytestmark = pytest.mark.django_db


def test_a_card_is_stored_told_and_logged(
    root: Client, customer: Customer, gateway: RecordingGateway
) -> None:
    address = url("customer_add_card", customer.pk)
    posted = new_card(key=key_of(root, address), first_name="Bill", city="Bern")
    response = root.post(address, posted)
    card = customer.cards[1]
    assert (card.brand, card.last_4, card.month, card.year) == ("mastercard", "0015", 11, 2059)
    assert (card.first_name, card.city, card.zip) == ("Bill", "Bern", "12345")
    assert card.sync_state == "synced"
    assert not card.is_default
    assert response["Location"] == url("customer_change", customer.pk)
    assert messages(response) == ["Stored at the gateway: mastercard •••• 0015."]
    entries = {entry.action_flag: entry for entry in LogEntry.objects.all()}
    assert entries[CHANGE].get_edited_object() == customer
    assert entries[CHANGE].get_change_message() == "Added credit card “mastercard •••• 0015”."
    assert entries[ADDITION].get_edited_object() == card


def test_it_can_become_the_default_card(root: Client, customer: Customer) -> None:
    root.post(url("customer_add_card", customer.pk), new_card(is_default="on"))
    assert [card.is_default for card in customer.cards] == [False, True]


def test_the_names_are_offered(root: Client, customer: Customer) -> None:
    response = root.get(url("customer_add_card", customer.pk))
    page = response.content.decode()
    assert 'name="last_name" value="Bloggs"' in page
    typed = [each for each in response.context["form"] if each.name not in ("key", "is_default")]
    assert {each.field.widget.attrs["autocomplete"] for each in typed} == {"off"}


def test_the_same_page_sent_twice_stores_one(
    root: Client, customer: Customer, gateway: RecordingGateway
) -> None:
    posted = new_card()
    root.post(url("customer_add_card", customer.pk), posted)
    response = root.post(url("customer_add_card", customer.pk), posted)
    assert gateway.verbs.count("add_card") == 1
    assert len(customer.cards) == 2
    assert response["Location"] == url("customer_change", customer.pk)
    assert messages(response)[-1].startswith("This page was sent before and was not sent again.")


def test_the_same_page_in_another_session_stores_none(
    root: Client, customer: Customer, gateway: RecordingGateway
) -> None:
    posted = new_card()
    root.post(url("customer_add_card", customer.pk), posted)
    other = Client()
    other.force_login(get_user_model().objects.get(is_superuser=True))
    response = other.post(url("customer_add_card", customer.pk), posted)
    assert messages(response)[-1].startswith("This page was sent before and was not sent again.")
    assert gateway.verbs.count("add_card") == 1
    entry = LogEntry.objects.filter(action_flag=CHANGE).get()
    assert posted["key"] not in entry.get_change_message()


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"number": ""}, ["number"]),
        ({"number": "4111111111111112"}, ["number"]),
        ({"number": "4111"}, ["number"]),
        ({"month": "13"}, ["month"]),
        ({"year": "2001"}, ["year"]),
        ({"cvv": "12"}, ["cvv"]),
        ({"zip": "5424 0000 0000 0015"}, ["zip"]),
        ({"number": "1", "month": "0", "cvv": "x"}, ["cvv", "month", "number"]),
    ],
)
def test_wrong_fields_are_refused_together(
    root: Client,
    customer: Customer,
    gateway: RecordingGateway,
    given: dict[str, Any],
    fields: list[str],
) -> None:
    response = root.post(url("customer_add_card", customer.pk), new_card(**given))
    assert response.status_code == 200
    assert sorted(response.context["form"].errors) == fields
    assert response.context["form"]["key"].value() != ""
    assert "add_card" not in gateway.verbs
    assert not LogEntry.objects.exists()


def test_a_corrected_page_is_not_a_used_one(root: Client, customer: Customer) -> None:
    posted = new_card(month="13")
    root.post(url("customer_add_card", customer.pk), posted)
    root.post(url("customer_add_card", customer.pk), {**posted, "month": "11"})
    assert len(customer.cards) == 2


def test_what_the_gateway_demands_stands_at_its_field(
    root: Client, customer: Customer, gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RecordingGateway, "required_card_fields", ("cvv",))
    monkeypatch.setattr(RecordingGateway, "max_lengths", {"city": 5})
    posted = new_card(cvv="", city="Winterthur")
    response = root.post(url("customer_add_card", customer.pk), posted)
    assert sorted(response.context["form"].errors) == ["city", "cvv"]
    assert response.context["form"].fields["cvv"].required
    assert "add_card" not in gateway.verbs
    root.post(url("customer_add_card", customer.pk), {**posted, "cvv": "900", "city": "Bern"})
    assert customer.cards[1].city == "Bern"


def test_a_decline_is_told(root: Client, customer: Customer, gateway: RecordingGateway) -> None:
    reason = Reason(ReasonKind.AVS, "27", "The address does not match.")
    gateway.faults["add_card"] = answer(Refusal((reason,)))
    posted = new_card(zip="54321")
    response = root.post(url("customer_add_card", customer.pk), posted)
    page = text(response)
    assert "The billing address is not that of the card. Nothing was stored" in page
    assert "The gateway said: The address does not match. (gateway code 27)" in page
    assert "Not shown again, and to be typed once more: Card number, Card code (CVV)." in page
    assert response.context["form"]["key"].value() != posted["key"]
    assert response.context["form"]["zip"].value() == "54321"
    assert len(customer.cards) == 1


def test_a_card_that_is_there_already(root: Client, customer: Customer) -> None:
    same = new_card("4111111111111111", month="12", year="2060", cvv="")
    response = root.post(
        url("customer_add_card", customer.pk), {**same, "first_name": "Bill", "last_name": "Bloggs"}
    )
    assert "The customer has this card already. Nothing was stored." in text(response)
    assert "Its expiry date and its address are changed on the card's own page." in text(response)
    address = url("creditcard_change", customer.cards[0].pk)
    assert f'<a href="{address}">Open the card</a>' in response.content.decode()


def test_an_unknown_end(root: Client, customer: Customer, gateway: RecordingGateway) -> None:
    gateway.faults["add_card"] = lose_request
    response = root.post(url("customer_add_card", customer.pk), new_card())
    operation = Operation.objects.get(state="unknown")
    assert f"The gateway's answer was lost: look up operation {operation.key}." in text(response)
    assert url("operation_change", operation.pk) in response.content.decode()
    assert b"data-send-once" not in response.content
    entry = LogEntry.objects.get()
    assert entry.get_edited_object() == customer
    assert entry.change_message == (
        f"add card: It is not known yet whether the card was stored. [{operation.key}, open]"
    )


def test_the_next_attempt_finds_what_was_lost(
    root: Client, customer: Customer, gateway: RecordingGateway
) -> None:
    gateway.faults["add_card"] = lose_reply
    root.post(url("customer_add_card", customer.pk), new_card())
    response = root.post(url("customer_add_card", customer.pk), new_card())
    assert "The customer has this card already." in text(response)
    assert [card.last_4 for card in customer.cards] == ["1111", "0015"]


def test_nothing_sent_says_so(root: Client, customer: Customer, gateway: RecordingGateway) -> None:
    gateway.faults["add_card"] = refuse_connection
    response = root.post(url("customer_add_card", customer.pk), new_card())
    assert "Nothing was sent and nothing was stored. You can try again." in text(response)


def test_a_customer_that_waits_is_pushed_first(root: Client, gateway: RecordingGateway) -> None:
    fresh = Customer(email="new@example.com")
    gateway.faults["create_customer"] = refuse_connection
    with pytest.raises(NotSent):
        fresh.save()
    root.post(url("customer_add_card", fresh.pk), new_card())
    fresh.refresh_from_db()
    assert fresh.customer_id
    assert [card.last_4 for card in fresh.cards] == ["0015"]


# -- Who may -------------------------------------------------------------------------------------


def test_staff_without_the_permission_get_403(
    staff: Callable[..., Client], customer: Customer, gateway: RecordingGateway
) -> None:
    client = staff("change_customer", "add_creditcard", "change_creditcard", "charge_creditcard")
    address = url("customer_add_card", customer.pk)
    assert client.get(address).status_code == client.post(address, new_card()).status_code == 403
    assert "add_card" not in gateway.verbs
    page = client.get(url("customer_change", customer.pk)).content.decode()
    assert address not in page
    assert url("creditcard_charge", customer.cards[0].pk) in page


def test_the_permission_alone_is_enough(staff: Callable[..., Client], customer: Customer) -> None:
    client = staff("add_stored_card")
    response = client.post(url("customer_add_card", customer.pk), new_card())
    assert response["Location"] == "/admin/"
    assert len(customer.cards) == 2


def test_a_forged_post_is_refused(
    staff: Callable[..., Client], customer: Customer, gateway: RecordingGateway
) -> None:
    client = staff("add_stored_card", enforce_csrf_checks=True)
    assert client.post(url("customer_add_card", customer.pk), new_card()).status_code == 403
    assert "add_card" not in gateway.verbs


def test_the_address_bar_fills_nothing_in(root: Client, customer: Customer) -> None:
    address = url("customer_add_card", customer.pk)
    page = root.get(f"{address}?number=5424000000000015&cvv=900").content.decode()
    assert "5424000000000015" not in page
    assert root.put(address).status_code == 405


def test_atomic_requests_do_not_wrap_it(
    root: Client, customer: Customer, gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    blocks: list[int] = []
    outside = len(connection.atomic_blocks)

    def look(call: Callable[[], Any]) -> Any:
        blocks.append(len(connection.atomic_blocks))
        return call()

    gateway.faults["add_card"] = look
    root.post(url("customer_add_card", customer.pk), new_card())
    assert blocks == [outside]
    assert CreditCard.objects.count() == 2
