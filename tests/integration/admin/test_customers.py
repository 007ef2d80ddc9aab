"""Customers and cards: pushed after the commit; what the gateway refuses is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import strip_tags

from django_dinero.enums import ReasonKind
from django_dinero.gateways.types import Reason, Refusal
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.testing.factories import TransactionFactory
from tests.integration.admin.pages import messages, new_customer, text, url
from tests.support.recording import RecordingGateway, answer, lose_request, refuse_connection

REFUSED = answer(Refusal((Reason(ReasonKind.GATEWAY_ERROR, "E00014", "Not today."),)))


def form(customer: Customer, **given: str) -> dict[str, str]:
    """What a customer's page posts."""
    values = {name: getattr(customer, name) for name in ("email", "first_name", "last_name")}
    return {**values, "owner": "", **given}


def card_form(card: CreditCard, **given: str) -> dict[str, str]:
    """What a card's page posts."""
    names = ("first_name", "last_name", "address", "city", "zip", "month", "year")
    return {**{name: str(getattr(card, name)) for name in names}, **given}


class Shared:
    """The same in a TestCase's transaction and where commits are real."""

    def test_a_new_customer_is_pushed(self, root: Client, gateway: RecordingGateway) -> None:
        owner = get_user_model().objects.create_user("olga")
        posted = new_customer(first_name="New", owner=str(owner.pk))
        response = root.post(url("customer_add"), posted)
        customer = Customer.objects.get()
        assert (customer.first_name, customer.owner) == ("New", owner)
        assert (customer.sync_state, gateway.verbs) == ("synced", ["create_customer"])
        assert customer.customer_id
        assert response["Location"] == url("customer_change", customer.pk)
        assert messages(response) == ["Stored at the gateway: new@example.com."]

    def test_a_refused_new_customer_stays_and_is_told(
        self, root: Client, gateway: RecordingGateway
    ) -> None:
        gateway.faults["create_customer"] = REFUSED
        response = root.post(url("customer_add"), new_customer())
        customer = Customer.objects.get()
        assert response["Location"] == url("customer_change", customer.pk)
        assert (customer.sync_state, customer.customer_id) == ("error", None)
        told = messages(response)[-1]
        assert "Saved here, but not at the gateway: Not today. (gateway code E00014)" in told
        page = text(root.get(url("customer_change", customer.pk)))
        assert "push failed" in page
        assert "Not today." in page
        root.post(url("customer_change", customer.pk), form(customer))
        customer.refresh_from_db()
        assert customer.sync_state == "synced"

    def test_an_edit_is_pushed(
        self, root: Client, customer: Customer, gateway: RecordingGateway
    ) -> None:
        mark = gateway.mark
        root.post(url("customer_change", customer.pk), form(customer, last_name="Blogs"))
        customer.refresh_from_db()
        assert (customer.last_name, customer.sync_state) == ("Blogs", "synced")
        assert gateway.since(mark) == ["update_customer"]

    def test_saving_without_a_change_asks_nobody(
        self, root: Client, customer: Customer, gateway: RecordingGateway
    ) -> None:
        mark = gateway.mark
        root.post(url("customer_change", customer.pk), form(customer))
        assert gateway.since(mark) == []

    @pytest.mark.parametrize("fault", [REFUSED, lose_request, refuse_connection])
    def test_a_refused_edit_stays_and_is_told(
        self, root: Client, customer: Customer, gateway: RecordingGateway, fault: Any
    ) -> None:
        gateway.faults["update_customer"] = fault
        address = url("customer_change", customer.pk)
        response = root.post(address, form(customer, last_name="Blogs"))
        assert response.status_code == 302
        customer.refresh_from_db()
        assert (customer.last_name, customer.sync_state) == ("Blogs", "error")
        assert "Saved here, but not at the gateway" in messages(response)[-1]

    def test_a_delete_is_pushed(
        self, root: Client, customer: Customer, gateway: RecordingGateway
    ) -> None:
        mark = gateway.mark
        root.post(url("customer_delete", customer.pk), {"post": "yes"})
        assert not Customer.objects.exists()
        assert gateway.since(mark) == ["delete_customer"]

    def test_a_refused_delete_is_told(
        self, root: Client, customer: Customer, gateway: RecordingGateway
    ) -> None:
        gateway.faults["delete_customer"] = REFUSED
        response = root.post(url("customer_delete", customer.pk), {"post": "yes"})
        assert response.status_code == 302
        told = messages(response)[-1]
        assert "Deleted here, but the gateway did not delete it: Not today." in told
        assert Operation.objects.get(kind="delete_customer").key in told

    def test_deleting_many_tells_which_failed(
        self, root: Client, customer: Customer, gateway: RecordingGateway
    ) -> None:
        others = [Customer.create(f"{name}@example.com") for name in ("a", "b")]
        refused = iter([False, True, True])
        original = type(gateway).delete_customer

        def sometimes(customer_id: str) -> Any:
            return REFUSED(int) if next(refused) else original(gateway, customer_id)

        gateway.delete_customer = sometimes  # type: ignore[method-assign]
        posted = {
            "action": "delete_selected",
            "post": "yes",
            "_selected_action": [str(each.pk) for each in (customer, *others)],
        }
        response = root.post(url("customer_changelist"), posted)
        assert response.status_code == 302
        assert not Customer.objects.exists()
        told = messages(response)
        assert len([each for each in told if "the gateway did not delete it" in each]) == 2

    def test_a_cards_edit_is_pushed(
        self, root: Client, card: CreditCard, gateway: RecordingGateway
    ) -> None:
        mark = gateway.mark
        posted = card_form(card, city="Bern", month="10", is_default="on")
        root.post(url("creditcard_change", card.pk), posted)
        card.refresh_from_db()
        assert (card.city, card.month, card.sync_state) == ("Bern", 10, "synced")
        assert gateway.since(mark) == ["update_card"]

    def test_a_refused_edit_of_a_card_is_told(
        self, root: Client, card: CreditCard, gateway: RecordingGateway
    ) -> None:
        gateway.faults["update_card"] = REFUSED
        response = root.post(url("creditcard_change", card.pk), card_form(card, city="Bern"))
        assert "Saved here, but not at the gateway: Not today." in messages(response)[-1]
        card.refresh_from_db()
        assert card.sync_state == "error"

    @pytest.mark.parametrize("year", ["9999999999", "2147483648", "-1"])
    def test_a_year_of_another_kind_is_refused(
        self, root: Client, card: CreditCard, year: str
    ) -> None:
        response = root.post(url("creditcard_change", card.pk), card_form(card, year=year))
        assert response.status_code == 200
        assert response.context["adminform"].form.errors["year"]

    def test_a_card_becomes_the_default(
        self, root: Client, card: CreditCard, gateway: RecordingGateway
    ) -> None:
        other = card.customer.add_card(number="5424000000000015", month=11, year=2059)
        root.post(url("creditcard_change", other.pk), card_form(other, is_default="on"))
        states = dict(CreditCard.objects.values_list("last_4", "default_of"))
        assert states == {"1111": None, "0015": card.customer_pk}

    def test_a_card_is_deleted(
        self, root: Client, card: CreditCard, gateway: RecordingGateway
    ) -> None:
        root.post(url("creditcard_delete", card.pk), {"post": "yes"})
        assert not CreditCard.objects.exists()
        assert gateway.verbs[-1] == "delete_card"


@pytest.mark.django_db
class TestInATestCase(Shared):
    """Pushes run at the end of the outermost block."""


@pytest.mark.django_db(transaction=True, databases="__all__")
class TestWithRealCommits(Shared):
    """Pushes run in on_commit callbacks."""


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_atomic_requests_do_not_delay_the_push(
    root: Client, customer: Customer, gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    gateway.faults["update_customer"] = REFUSED
    response = root.post(url("customer_change", customer.pk), form(customer, last_name="Blogs"))
    assert "Not today." in messages(response)[-1]


# -- Bad input -----------------------------------------------------------------------------------

pytestmark = pytest.mark.django_db


def test_a_new_customer_needs_an_address_and_a_known_gateway(
    root: Client, gateway: RecordingGateway
) -> None:
    response = root.post(url("customer_add"), new_customer(gateway_name="other", email=""))
    assert sorted(response.context["adminform"].form.errors) == ["email", "gateway_name"]
    assert not Customer.objects.exists()


@pytest.mark.parametrize("value", ["no address", "x" * 250 + "@example.com", "a\x00@example.com"])
def test_a_wrong_address_is_refused(
    root: Client, customer: Customer, gateway: RecordingGateway, value: str
) -> None:
    mark = gateway.mark
    response = root.post(url("customer_change", customer.pk), form(customer, email=value))
    assert list(response.context["adminform"].form.errors) == ["email"]
    assert gateway.since(mark) == []


def test_the_gateways_limits_stand_at_their_field(
    root: Client, customer: Customer, gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RecordingGateway, "max_lengths", {"first_name": 5})
    posted = form(customer, first_name="Wilhelmina")
    response = root.post(url("customer_change", customer.pk), posted)
    assert list(response.context["adminform"].form.errors) == ["first_name"]


def test_the_gateway_of_a_customer_never_changes(
    root: Client, customer: Customer, settings: Any
) -> None:
    gateways = settings.DINERO["GATEWAYS"]
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {**gateways, "other": gateways["default"]}}
    posted = form(customer, gateway_name="other", key="K", last_name="Blogs")
    root.post(url("customer_change", customer.pk), posted)
    customer.refresh_from_db()
    assert customer.last_name == "Blogs"
    assert customer.gateway_name == "default"


@pytest.mark.parametrize("given", [{"month": "13"}, {"year": "2001"}, {"year": "99999"}])
def test_a_wrong_date_is_refused(
    root: Client, card: CreditCard, gateway: RecordingGateway, given: dict[str, Any]
) -> None:
    mark = gateway.mark
    response = root.post(url("creditcard_change", card.pk), card_form(card, **given))
    assert list(response.context["adminform"].form.errors) == list(given)
    assert gateway.since(mark) == []


def test_an_expired_card_may_move(root: Client, card: CreditCard) -> None:
    CreditCard.objects.filter(pk=card.pk).update_without_push(year=2001)
    card.refresh_from_db()
    root.post(url("creditcard_change", card.pk), card_form(card, city="Bern"))
    card.refresh_from_db()
    assert card.city == "Bern"


def test_a_card_that_is_gone_cannot_be_changed(root: Client, card: CreditCard) -> None:
    CreditCard.objects.filter(pk=card.pk).update_without_push(sync_state="missing")
    response = root.post(url("creditcard_change", card.pk), card_form(card, city="Bern"))
    assert "The gateway no longer has this card; it cannot be changed." in text(response)


# -- Who may -------------------------------------------------------------------------------------


def test_who_may_look_may_not_touch(
    staff: Callable[..., Client], card: CreditCard, gateway: RecordingGateway
) -> None:
    client = staff("view_customer", "view_creditcard")
    mark = gateway.mark
    assert client.get(url("customer_changelist")).status_code == 200
    assert client.get(url("customer_change", card.customer_pk)).status_code == 200
    assert client.get(url("creditcard_change", card.pk)).status_code == 200
    for address in (
        url("customer_change", card.customer_pk),
        url("creditcard_change", card.pk),
        url("customer_delete", card.customer_pk),
        url("customer_add"),
    ):
        assert client.post(address, {"post": "yes", "city": "Bern"}).status_code == 403
    assert gateway.since(mark) == []


def test_who_may_only_look_sees_whether_a_card_is_the_default(
    staff: Callable[..., Client], card: CreditCard
) -> None:
    address = url("creditcard_change", card.pk)
    looking = staff("view_creditcard").get(address)
    assert "Default:" in text(looking)
    assert b'alt="True"' in looking.content
    changing = staff("change_creditcard", name="other").get(address)
    assert "Charge this card by default" in text(changing)


def test_who_may_not_see_cards_does_not(staff: Callable[..., Client], card: CreditCard) -> None:
    client = staff("view_customer")
    Transaction.create(5, card=card)
    page = client.get(url("customer_change", card.customer_pk)).content.decode()
    assert "dinero-cards" not in page
    assert "dinero-transactions" not in page


def test_who_may_change_a_customer_may_not_change_whose_it_is(
    staff: Callable[..., Client], card: CreditCard
) -> None:
    """An owner pays with the cards in the shop, and reads the payments in the API."""
    client, clerk = staff("change_customer"), get_user_model().objects.get()
    address = url("customer_change", card.customer_pk)
    assert b'name="owner"' not in client.get(address).content
    client.post(address, form(card.customer, last_name="Blogs", owner=str(clerk.pk)))
    customer = Customer.objects.get()
    assert (customer.last_name, customer.owner) == ("Blogs", None)


def test_the_owner_of_a_customer_is_changed_by_who_may(
    staff: Callable[..., Client], card: CreditCard
) -> None:
    client = staff("change_customer", "change_customer_owner")
    olga, otto = (get_user_model().objects.create_user(name) for name in ("olga", "otto"))
    address = url("customer_change", card.customer_pk)
    for owner in (olga, otto):
        client.post(address, form(card.customer, owner=str(owner.pk)))
        assert Customer.objects.get().owner == owner
    client.post(address, form(card.customer, owner=""))
    assert Customer.objects.get().owner is None


def test_who_may_not_change_an_owner_reads_who_it_is(
    staff: Callable[..., Client], customer: Customer
) -> None:
    olga = get_user_model().objects.create_user("olga")
    Customer.objects.filter(pk=customer.pk).update_without_push(owner=olga)
    page = staff("change_customer").get(url("customer_change", customer.pk))
    assert re.search(r"Owner: (\S.* )?olga ", text(page))  # Django 6.1 has the help text first
    assert 'name="owner"' not in page.content.decode()


def test_who_adds_a_customer_names_the_owner(
    staff: Callable[..., Client], gateway: RecordingGateway
) -> None:
    olga = get_user_model().objects.create_user("olga")
    staff("add_customer").post(url("customer_add"), new_customer(owner=str(olga.pk)))
    assert Customer.objects.get().owner == olga


# -- Pages ---------------------------------------------------------------------------------------


def test_a_customers_page_shows_cards_and_transactions(root: Client, card: CreditCard) -> None:
    row = Transaction.create("12.50", card=card)
    response = root.get(url("customer_change", card.customer_pk))
    page = response.content.decode()
    for address in (
        url("creditcard_change", card.pk),
        url("creditcard_charge", card.pk),
        url("customer_add_card", card.customer_pk),
        url("customer_charge", card.customer_pk),
        url("transaction_change", row.pk),
    ):
        assert f'"{address}"' in page
    assert "visa •••• 1111 default 12/2060 synced Charge" in text(response)
    assert "charge captured 12.50 USD" in text(response)
    assert "Paid in all Currency Paid Refunded Left USD 12.50 USD 12.50 USD" in text(response)


def test_what_came_back_is_not_paid_and_its_refunds_not_given(
    root: Client, card: CreditCard
) -> None:
    lost = Transaction.create("100", card=card)
    Transaction.create("7", card=card)
    mine = {"card": card, "customer": card.customer}
    TransactionFactory(parent=lost, kind="refund", price="40", **mine)
    Transaction.objects.filter(pk=lost.pk).update(status="charged_back")
    page = text(root.get(url("creditcard_change", card.pk)))
    assert "Paid Refunded Left USD 7.00 USD 7.00 USD" in page


def test_a_card_is_added_on_its_customers_page_only(root: Client, card: CreditCard) -> None:
    assert root.get(url("creditcard_add")).status_code == 403
    page = root.get(url("creditcard_change", card.pk)).content.decode()
    assert url("creditcard_charge", card.pk) in page
    assert "4111111111111111" not in page


def test_every_page_of_an_empty_admin(root: Client, gateway: RecordingGateway) -> None:
    for name in ("customer", "creditcard", "transaction", "operation"):
        assert root.get(url(f"{name}_changelist")).status_code == 200
    assert root.get("/admin/dinero/").status_code == 200


@pytest.mark.parametrize("term", ["bill@example.com", "bloggs", "Bill Bloggs", "1111"])
def test_customers_are_found(root: Client, customer: Customer, term: str) -> None:
    Customer.create("other@example.com")
    response = root.get(url("customer_changelist"), {"q": term})
    assert [row.pk for row in response.context["cl"].result_list] == [customer.pk]
    assert "1 (•••• 1111)" in text(response)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["customer", "creditcard", "transaction", "operation"])
def test_a_longer_list_asks_no_more(root: Client, customer: Customer, name: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            assert root.get(url(f"{name}_changelist")).status_code == 200
        return len(context)

    Transaction.create(5, customer=customer)
    queries()
    few = queries()
    for number in range(4):
        other = Customer.create(
            f"c{number}@example.com", number="4111111111111111", month=12, year=2060
        )
        other.add_card(number="5424000000000015", month=11, year=2059)
        Transaction.create(5 + number, customer=other)
    assert queries() == few


def test_the_page_that_deletes_a_user_lists_what_goes_at_the_gateway_too(
    root: Client, customer: Customer, gateway: RecordingGateway
) -> None:
    """It is Django's own page, which names the customers and cards."""
    owner = get_user_model().objects.create_user("olga")
    Customer.objects.filter(pk=customer.pk).update_without_push(owner=owner)
    address = reverse("admin:auth_user_delete", args=[owner.pk])
    page = strip_tags(root.get(address).content.decode())
    assert f"Customer: {customer}" in page
    assert f"Credit card: {customer.cards[0]}" in page
    mark = gateway.mark
    root.post(address, {"post": "yes"})
    assert gateway.since(mark) == ["delete_customer"]
