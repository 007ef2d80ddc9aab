"""Who may not see customers reads no e-mail address of one, on any page, and finds none out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import Client

from django_dinero.models import CreditCard, Customer, Operation, Transaction, WebhookEvent
from tests.integration.admin.access import PAGES, address_of, posted_to
from tests.integration.admin.pages import confirm, messages, url
from tests.support.cards import SECOND

pytestmark = pytest.mark.django_db

OWNER = "ann@example.com"
ADDRESSES = ("bill@example.com", "old@example.com", OWNER)
#: The pages that move money, or decide about it, say whose it is. Who adds or deletes a customer
#: knows it.
SAYING = {
    *("creditcard_charge", "transaction_capture", "transaction_refund", "transaction_void"),
    *("transaction_approve", "transaction_decline"),
    *("customer_add", "customer_delete", "customer_charge"),
}


@pytest.fixture
def known(rows: dict[str, Any]) -> dict[str, Any]:
    """A row of each model; the customer's owner, whose name is an address, has charged the card."""
    owner = get_user_model().objects.create_user(OWNER)
    Customer.objects.update_without_push(owner=owner)
    card = rows["customer"].add_card(**SECOND)
    paid = card.charge("9.00", by=owner)
    WebhookEvent.objects.update(object_kind="customer", object_id=card.customer_id)
    journal = Operation.objects.filter(kind="create_customer")
    return {**rows, "creditcard": card, "transaction": paid, "operation": journal.get()}


def told(response: Any) -> str:
    """What a page says, and what the next one will."""
    page: bytes = response.getvalue()
    return page.decode().replace("<wbr>", "") + " ".join(messages(response))


def of_others() -> list[tuple[str, str]]:
    """The pages of which no user may see customers, each with a permission that opens it."""
    pages = ((page, PAGES[page].readers | PAGES[page].writers) for page in PAGES)
    found = [
        (page, permission)
        for page, may in pages
        for permission in sorted(may - {"view_customer", "change_customer"})
        if page not in SAYING
    ]
    return sorted(found, key=lambda each: "delete" in each[0])


def test_no_page_says_an_address(staff: Callable[..., Client], known: dict[str, Any]) -> None:
    clients = {each: staff(each, name=each) for each in {each for _page, each in of_others()}}
    found = []
    for page, permission in of_others():
        client = clients[permission]
        Customer.objects.update_without_push(email="old@example.com")
        address, posted = address_of(page, known), posted_to(page, known)
        for response in (client.get(address), client.post(address, posted)):
            found += [(page, permission, each) for each in ADDRESSES if each in told(response)]
    assert found == []


@pytest.mark.parametrize("name", ["pull", "bulk_pull"])
@pytest.mark.parametrize("may_see", [False, True])
def test_a_pulled_card_tells_what_changed_of_its_customer(
    staff: Callable[..., Client], known: dict[str, Any], name: str, may_see: bool
) -> None:
    Customer.objects.update_without_push(email="old@example.com")
    client = staff("change_creditcard", *(["view_customer"] if may_see else []))
    page = f"creditcard_{name}"
    said = told(client.post(address_of(page, known), posted_to(page, known)))
    assert "customer, E-mail" in said
    assert ("“old@example.com” is now “bill@example.com”" in said) is may_see


@pytest.mark.parametrize("may_see", [False, True])
def test_a_pulled_customer_tells_what_changed_of_its_cards(
    staff: Callable[..., Client], known: dict[str, Any], may_see: bool
) -> None:
    CreditCard.objects.update_without_push(zip="10115")
    client = staff("change_customer", *(["view_creditcard"] if may_see else []))
    said = told(client.post(address_of("customer_pull", known), confirm()))
    assert "Postal code" in said
    assert ("10115" in said) is may_see


@pytest.mark.parametrize("may_see", [False, True])
def test_the_owner_of_a_payment_is_named_to_who_may_see_customers(
    staff: Callable[..., Client], known: dict[str, Any], may_see: bool
) -> None:
    client = staff("view_transaction", *(["view_customer"] if may_see else []))
    page = told(client.get(address_of("transaction_change", known)))
    assert page.count(OWNER) == (2 if may_see else 0)  # among the fields, and as who has paid
    assert ("by the owner" in page) is not may_see


def test_hidden_columns_of_a_projects_list_become_one(
    staff: Callable[..., Client], known: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = type(admin.site.get_model_admin(Transaction))
    monkeypatch.setattr(own, "list_display", ("amount", "customer_link", "owner"))
    response = staff("view_transaction").get(url("transaction_changelist"))
    assert OWNER not in told(response)
    assert response.context["cl"].list_display[-2:] == ["amount", "customer_id"]


# -- Looking for what one may not see ------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "lookup"),
    [
        ("operation", "intent__email__startswith"),
        ("operation", "intent__email"),
        ("operation", "intent__icontains"),
        ("operation", "outcome__gateway_text__startswith"),
        ("difference", "facts__email__startswith"),
        ("reconciliation", "counts__x"),
        ("creditcard", "customer__email__startswith"),
        ("transaction", "customer__last_name__startswith"),
        ("transaction", "owner__email__startswith"),
    ],
)
def test_nothing_hidden_is_read_letter_by_letter(
    staff: Callable[..., Client], known: dict[str, Any], name: str, lookup: str
) -> None:
    client = staff(f"view_{name}")
    for page in (f"{name}_changelist", f"{name}_export"):
        assert client.get(url(page), {lookup: "b"}).status_code == 400


def test_a_projects_filter_may_have_the_name_of_such_a_column(
    staff: Callable[..., Client], known: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = type(admin.site.get_model_admin(Operation))
    monkeypatch.setattr(own, "list_filter", (ByOutcome,))
    response = staff("view_operation").get(url("operation_changelist"), {"outcome": "none"})
    assert response.context["cl"].result_count == 0


class ByOutcome(admin.SimpleListFilter):
    """Finds nothing."""

    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [("none", "none")]

    def queryset(self, request: Any, queryset: Any) -> Any:
        return queryset.none() if self.value() == "none" else queryset
