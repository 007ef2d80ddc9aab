"""The page *add customer*: with a card in the same form or without, and each customer once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client

from django_dinero.admin.customers import CustomerAdmin
from django_dinero.enums import ReasonKind
from django_dinero.gateways.types import Reason, Refusal
from django_dinero.models import CreditCard, Customer, Operation
from tests.integration.admin.pages import key_of, messages, new_customer, text, url
from tests.support.recording import (
    RecordingGateway,
    answer,
    lose_reply,
    lose_request,
    refuse_connection,
)

pytestmark = pytest.mark.django_db

NUMBER = "5424000000000015"
CARD = {"number": NUMBER, "month": "11", "year": "2059", "cvv": "900", "zip": "12345"}
DECLINED = answer(Refusal((Reason(ReasonKind.CARD_DECLINED, "2", "Do not honor."),)))


def add(client: Client, **given: str) -> Any:
    """Send the page."""
    return client.post(url("customer_add"), new_customer(**given))


def test_customer_and_card_in_one_call(root: Client, gateway: RecordingGateway) -> None:
    key = key_of(root, url("customer_add"))
    response = add(root, key=key, first_name="Ann", last_name="Lee", city="Bern", **CARD)
    customer = Customer.objects.get()
    card = customer.cards[0]
    assert response["Location"] == url("customer_change", customer.pk)
    assert messages(response) == [
        "Stored at the gateway: new@example.com, with mastercard •••• 0015."
    ]
    assert gateway.verbs == ["create_customer"]
    assert (card.first_name, card.last_name, card.city, card.zip) == ("Ann", "Lee", "Bern", "12345")
    assert (card.month, card.year, card.is_default) == (11, 2059, True)
    [entry] = LogEntry.objects.all()
    assert (entry.action_flag, entry.get_edited_object()) == (ADDITION, customer)


def test_every_field_can_be_seen(root: Client, gateway: RecordingGateway) -> None:
    """None is in a fold that is closed: a card needs its postal code."""
    page = root.get(url("customer_add")).content.decode()
    assert 'name="zip"' in page
    assert "collapse" not in page
    assert "<details" not in page


def test_without_a_card_no_card_is_stored(root: Client, gateway: RecordingGateway) -> None:
    add(root)
    assert (Customer.objects.count(), CreditCard.objects.count()) == (1, 0)


@pytest.mark.parametrize("card", [{}, CARD], ids=["no card", "a card"])
def test_the_same_page_sent_twice_adds_one(
    root: Client, gateway: RecordingGateway, card: dict[str, str]
) -> None:
    posted = new_customer(**card)
    root.post(url("customer_add"), posted)
    response = root.post(url("customer_add"), posted)
    customer = Customer.objects.get()
    assert gateway.verbs.count("create_customer") == 1
    assert response["Location"] == url("customer_change", customer.pk)
    assert messages(response)[-1].startswith("This page was sent before and was not sent again.")
    assert LogEntry.objects.count() == 1


def test_another_session_of_the_same_user_adds_none_either(
    root: Client, gateway: RecordingGateway
) -> None:
    posted = new_customer(**CARD)
    root.post(url("customer_add"), posted)
    other = Client()
    other.force_login(get_user_model().objects.get(username="root"))
    other.post(url("customer_add"), posted)
    assert Customer.objects.count() == 1
    assert gateway.verbs.count("create_customer") == 1
    assert LogEntry.objects.count() == 1


def test_a_page_whose_answer_was_lost_stands_in_the_history_when_it_is_sent_again(
    root: Client, gateway: RecordingGateway
) -> None:
    posted = new_customer(**CARD)
    gateway.faults["create_customer"] = lose_reply
    root.post(url("customer_add"), posted)
    for _again in range(2):
        response = root.post(url("customer_add"), posted)
    customer = Customer.objects.get()
    [entry] = LogEntry.objects.filter(action_flag=ADDITION)
    assert entry.get_edited_object() == customer
    assert response["Location"] == url("customer_change", customer.pk)
    assert messages(response) == [
        "Stored at the gateway: new@example.com, with mastercard •••• 0015.",
        "This page was sent before and was not sent again. This is the customer.",
    ]


def test_an_email_that_exists_is_said_and_can_be_added_all_the_same(
    root: Client, customer: Customer, gateway: RecordingGateway
) -> None:
    mark = gateway.mark
    response = add(root, email="Bill@Example.com".lower(), **CARD)
    assert response.status_code == 200
    assert list(response.context["form"].errors) == ["email"]
    page = response.content.decode()
    assert (
        f'<a href="{url("customer_change", customer.pk)}">bill@example.com (Bill Bloggs)</a>'
        in page
    )
    assert 'name="same_email"' in page
    assert NUMBER not in page
    assert gateway.since(mark) == []
    response = add(root, email="bill@example.com", same_email="on", **CARD)
    assert response.status_code == 302
    assert Customer.objects.filter(email="bill@example.com").count() == 2


def test_who_may_not_see_customers_is_told_no_name(
    staff: Callable[..., Client], customer: Customer
) -> None:
    adds = staff("add_customer")
    response = add(adds, email="bill@example.com")
    assert response.context["form"].errors == {"email": ["This customer exists already."]}
    assert "Bloggs" not in text(response)
    assert 'name="same_email"' in response.content.decode()
    assert add(adds, email="bill@example.com", same_email="on").status_code == 302
    assert Customer.objects.count() == 2


def test_a_box_that_nobody_needs_is_not_there(root: Client, gateway: RecordingGateway) -> None:
    assert b"same_email" not in root.get(url("customer_add")).content


def test_no_customer_is_named_whom_the_projects_admin_hides(
    root: Client, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = lambda self, request: Customer.objects.none()  # noqa: E731
    monkeypatch.setattr(CustomerAdmin, "get_queryset", nothing)
    assert add(root, email="bill@example.com").status_code == 302
    assert Customer.objects.count() == 2


def test_a_declined_card_stores_nobody(root: Client, gateway: RecordingGateway) -> None:
    gateway.faults["create_customer"] = DECLINED
    response = add(root, **CARD)
    page = text(response)
    assert "The card was declined when it was checked." in page
    assert "Neither customer nor card were stored" in page
    assert "(gateway code 2)" in page
    assert "Not shown again, and to be typed once more: Card number, Card code (CVV)." in page
    assert 'value="new@example.com"' in response.content.decode()
    assert not Customer.objects.exists()
    again = response.context["form"]["key"].value()
    assert add(root, key=again, **CARD).status_code == 302
    assert Customer.objects.count() == 1


def test_a_lost_answer_offers_no_second_attempt(root: Client, gateway: RecordingGateway) -> None:
    gateway.faults["create_customer"] = lose_request
    response = add(root, **CARD)
    page = response.content.decode()
    operation = Operation.objects.get(state="unknown")
    assert "It is not known yet whether the customer was stored." in page
    assert url("operation_change", operation.pk) in page
    assert 'type="submit" value="Add customer"' not in page


def test_a_gateway_out_of_reach_keeps_a_customer_without_card(
    root: Client, gateway: RecordingGateway
) -> None:
    gateway.faults["create_customer"] = refuse_connection
    response = add(root)
    customer = Customer.objects.get()
    assert response["Location"] == url("customer_change", customer.pk)
    assert "Saved here, but not at the gateway" in messages(response)[0]
    assert customer.sync_state == "error"


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"number": "4111111111111112"}, ["number"]),
        ({"number": "", "cvv": "900"}, ["number"]),
        ({"number": "", "city": "Bern"}, ["number"]),
        ({"number": NUMBER, "month": "13", "year": "2059"}, ["month"]),
        ({"number": NUMBER, "cvv": "1"}, ["cvv"]),
        ({"last_name": NUMBER}, ["last_name"]),
        ({"email": "nobody", "number": "1"}, ["email", "number"]),
        ({"key": "short"}, ["key"]),
    ],
)
def test_wrong_fields_are_refused_together(
    root: Client, gateway: RecordingGateway, given: dict[str, str], fields: list[str]
) -> None:
    response = add(root, **given)
    assert sorted(response.context["form"].errors) == fields
    assert NUMBER not in response.content.decode()
    assert gateway.verbs == []
    assert not Customer.objects.exists()


def test_a_key_that_is_none_of_ours_adds_nobody(root: Client, gateway: RecordingGateway) -> None:
    response = add(root, key="\n" * 2 + "x" * 16 + "é¨")
    assert response.status_code == 200
    assert not Customer.objects.exists()


def test_the_number_is_on_no_page_and_in_no_row(
    root: Client, gateway: RecordingGateway, settings: Any
) -> None:
    """Not on the page of a server error with DEBUG on either."""
    settings.DEBUG = True
    root.raise_request_exception = False

    def burst(call: Callable[[], Any]) -> Any:
        raise RuntimeError("a fault of ours")

    gateway.around = None
    gateway.faults["create_customer"] = burst
    broken = add(root, **CARD)
    fine = add(root, email="other@example.com", **CARD)
    for response in (broken, fine, root.get(fine.get("Location", "/admin/"))):
        assert NUMBER not in response.content.decode()
        assert "5424 0000" not in response.content.decode()


def test_atomic_requests_do_not_wrap_it(
    root: Client, gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    blocks: list[int] = []
    outside = len(connection.atomic_blocks)

    def look(call: Callable[[], Any]) -> Any:
        blocks.append(len(connection.atomic_blocks))
        return call()

    gateway.faults["create_customer"] = look
    add(root, **CARD)
    assert blocks == [outside]


# -- Who may ---------------------------------------------------------------------------------------


def test_who_may_add_no_cards_is_asked_for_none(
    staff: Callable[..., Client], gateway: RecordingGateway
) -> None:
    client = staff("add_customer")
    assert b'name="number"' not in client.get(url("customer_add")).content
    response = client.post(url("customer_add"), new_customer(**CARD))
    assert response["Location"] == "/admin/"
    assert (Customer.objects.count(), CreditCard.objects.count()) == (1, 0)
    both = staff("add_customer", "add_stored_card", name="both")
    assert b'name="number"' in both.get(url("customer_add")).content


def test_a_pop_up_gives_the_new_customer_to_the_page_behind_it(
    root: Client, gateway: RecordingGateway
) -> None:
    address = f"{url('customer_add')}?_popup=1"
    assert b"closelink" not in root.get(address).content
    response = root.post(address, new_customer())
    assert b"popup_response" in response.content
    assert str(Customer.objects.get().pk) in response.content.decode()


@pytest.mark.parametrize("where", ["query", "body"])
def test_a_pop_up_gives_no_field_that_nothing_refers_to(
    root: Client, gateway: RecordingGateway, where: str
) -> None:
    address, posted = f"{url('customer_add')}?_popup=1", new_customer()
    if where == "query":
        address += "&_to_field=customer_key"
        assert root.get(address).status_code == 400
    else:
        posted["_to_field"] = "customer_key"
    assert root.post(address, posted).status_code == 400
    assert not Customer.objects.exists()
    assert gateway.verbs == []


# -- The owner -------------------------------------------------------------------------------------


def widget_of(client: Client) -> str:
    """How the owner is asked for."""
    return type(client.get(url("customer_add")).context["form"].fields["owner"].widget).__name__


def test_the_owner_is_looked_up_as_one_types(root: Client, gateway: RecordingGateway) -> None:
    assert widget_of(root) == "AutocompleteSelect"


def test_without_an_admin_of_users_their_keys_are_typed(
    root: Client, gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(admin.site._registry, get_user_model())
    assert widget_of(root) == "ForeignKeyRawIdWidget"
    assert admin.site.get_model_admin(Customer).check() == []


def test_users_that_cannot_be_searched_are_chosen_from_their_list(
    root: Client, gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin.site.get_model_admin(get_user_model()), "search_fields", ())
    assert widget_of(root) == "ForeignKeyRawIdWidget"


def test_who_may_see_no_users_types_a_key(
    staff: Callable[..., Client], gateway: RecordingGateway
) -> None:
    assert widget_of(staff("add_customer")) == "ForeignKeyRawIdWidget"
    assert widget_of(staff("add_customer", "view_user", name="more")) == "AutocompleteSelect"


# -- A project's own -------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [True, False])
def test_a_projects_own_view_stands_before_ours(own: bool) -> None:
    view = {"add_view": lambda self, request, *args, **kwargs: None} if own else {}
    made = type("OwnAdmin", (CustomerAdmin,), view)(Customer, admin.site)
    adding = [each for each in made.get_urls() if each.name == "dinero_customer_add"]
    assert len(adding) == (1 if own else 2)
    assert (adding[0].callback.__name__ == "guarded_view") is not own
