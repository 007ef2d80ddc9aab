"""What a look moves, what deleting needs, and what filters must not reach; see test_access.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from django_dinero.models import (
    CreditCard,
    Customer,
    Transaction,
    WebhookEvent,
)
from tests.integration.admin.access import PAGES, address_of, every_row, posted_to
from tests.integration.admin.pages import url
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db


def test_a_get_moves_nothing(root: Client, rows: dict[str, Any], gateway: RecordingGateway) -> None:
    mark, before = gateway.mark, every_row()
    for page in PAGES:
        posted = posted_to(page, rows)
        query = {name: value for name, value in posted.items() if name != "number"}
        root.get(address_of(page, rows), query)
        root.head(address_of(page, rows), query)
    assert gateway.since(mark) == []
    assert every_row() == before


# -- Deleting ------------------------------------------------------------------------------------


def test_deleting_a_customer_needs_the_permission_for_its_cards(
    staff: Callable[..., Client], card: CreditCard, gateway: RecordingGateway
) -> None:
    client = staff("view_customer", "delete_customer")
    address = url("customer_delete", card.customer_pk)
    assert b"permission to delete the following types" in client.get(address).content
    assert client.post(address, {"post": "yes"}).status_code == 403
    client.post(url("customer_changelist"), _delete_selected(card.customer))
    assert Customer.objects.count() == CreditCard.objects.count() == 1
    assert gateway.verbs == ["create_customer"]


def test_who_may_not_delete_is_offered_no_bulk_action(
    staff: Callable[..., Client], card: CreditCard, gateway: RecordingGateway
) -> None:
    client = staff("view_customer", "change_customer", "view_creditcard")
    for name, row in (("customer", card.customer), ("creditcard", card)):
        assert b"delete_selected" not in client.get(url(f"{name}_changelist")).content
        client.post(url(f"{name}_changelist"), _delete_selected(row))
    assert CreditCard.objects.count() == 1


def test_deleting_says_what_it_does_and_leaves_the_books(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    paid = Transaction.create("12.50", card=card)
    note = b"deleted at the payment gateway too, and cannot be brought back"
    assert note in root.get(url("customer_delete", card.customer_pk)).content
    chosen = {**_delete_selected(card.customer), "post": ""}
    assert note in root.post(url("customer_changelist"), chosen).content
    root.post(url("customer_delete", card.customer_pk), {"post": "yes"})
    paid.refresh_from_db()
    assert (paid.customer, paid.card, paid.last_4) == (None, None, "1111")
    assert root.get(url("transaction_change", paid.pk)).status_code == 200
    assert gateway.verbs[-1] == "delete_customer"


# -- The customer beside a row -------------------------------------------------------------------

#: Where the e-mail address of a customer stands, beside rows of another kind.
BESIDE = {
    "creditcard": ("creditcard_changelist", "creditcard_change", "creditcard_export"),
    "transaction": ("transaction_changelist", "transaction_change", "transaction_export"),
    "operation": ("operation_changelist", "operation_change", "operation_export"),
    "webhookevent": ("webhookevent_changelist", "webhookevent_change", "webhookevent_export"),
}


@pytest.mark.parametrize("name", BESIDE)
@pytest.mark.parametrize("may_see", [False, True])
def test_who_may_not_see_customers_reads_no_address_of_one(
    staff: Callable[..., Client], rows: dict[str, Any], name: str, may_see: bool
) -> None:
    WebhookEvent.objects.update(
        object_kind="customer", object_id=rows["customer"].customer_id or ""
    )
    client = staff(f"view_{name}", *(["view_customer"] if may_see else []))
    pages = [_content(client.get(address_of(page, rows))) for page in BESIDE[name]]
    shown = ["bill@example.com" in page.replace("<wbr>", "") for page in pages]
    assert any(shown) is may_see
    linked = url("customer_change", rows["customer"].pk)
    assert any(linked in page for page in pages) is may_see
    assert any((rows["customer"].customer_id or "") in page for page in pages)


@pytest.mark.parametrize("name", ["creditcard", "transaction"])
def test_an_event_tells_nothing_of_a_row_that_one_may_not_see(
    staff: Callable[..., Client], rows: dict[str, Any], name: str
) -> None:
    told = {"creditcard": ("card", "card_id"), "transaction": ("transaction", "transaction_id")}
    kind, column = told[name]
    WebhookEvent.objects.update(object_kind=kind, object_id=getattr(rows[name], column))
    address, there = address_of("webhookevent_change", rows), url(f"{name}_change", rows[name].pk)
    assert there not in _content(staff("view_webhookevent").get(address))
    assert there in _content(staff("view_webhookevent", f"view_{name}", name="other").get(address))


def _content(response: Any) -> str:
    assert response.status_code == 200
    found: bytes = response.getvalue()
    return found.decode()


# -- Looking for what one may not see ------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "lookup"),
    [
        ("customer", "owner__password__startswith"),
        ("customer", "cards__synced_digest__startswith"),
        ("creditcard", "customer__owner__password__startswith"),
        ("transaction", "owner__password__startswith"),
        ("transaction", "customer__owner__email"),
    ],
)
def test_filters_do_not_reach_into_other_models(
    root: Client, card: CreditCard, name: str, lookup: str
) -> None:
    assert root.get(url(f"{name}_changelist"), {lookup: "m"}).status_code == 400


def _delete_selected(row: Any) -> dict[str, Any]:
    return {"action": "delete_selected", "post": "yes", "_selected_action": [str(row.pk)]}
