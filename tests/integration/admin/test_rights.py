"""Who may what, page by page: a matrix of every address, every method and every permission."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.integration.admin.pages import charge, confirm, new_card, url
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

#: Every permission of the app.
ALL = (
    *(
        f"{verb}_{name}"
        for verb in ("add", "change", "delete", "view")
        for name in ("customer", "creditcard", "transaction", "operation")
    ),
    *("add_stored_card", "charge_creditcard", "review_transaction"),
    *("capture_transaction", "void_transaction", "refund_transaction"),
)
#: A page -> the permissions each of which opens it with GET, and those that may POST there.
PAGES: dict[str, tuple[set[str], set[str]]] = {
    "customer_changelist": ({"view_customer", "change_customer"}, set()),
    "customer_add": ({"add_customer"}, {"add_customer"}),
    "customer_change": ({"view_customer", "change_customer"}, {"change_customer"}),
    "customer_history": ({"view_customer", "change_customer"}, set()),
    "customer_delete": ({"delete_customer"}, set()),
    "customer_add_card": ({"add_stored_card"}, {"add_stored_card"}),
    "customer_charge": ({"charge_creditcard"}, set()),
    "creditcard_changelist": ({"view_creditcard", "change_creditcard"}, set()),
    "creditcard_add": (set(), set()),
    "creditcard_change": ({"view_creditcard", "change_creditcard"}, {"change_creditcard"}),
    "creditcard_delete": ({"delete_creditcard"}, {"delete_creditcard"}),
    "creditcard_charge": ({"charge_creditcard"}, {"charge_creditcard"}),
    "transaction_changelist": ({"view_transaction", "change_transaction"}, set()),
    "transaction_add": (set(), set()),
    "transaction_change": ({"view_transaction", "change_transaction"}, set()),
    "transaction_delete": (set(), set()),
    "transaction_capture": ({"capture_transaction"}, {"capture_transaction"}),
    "transaction_void": ({"void_transaction"}, {"void_transaction"}),
    "transaction_refund": ({"refund_transaction"}, {"refund_transaction"}),
    "operation_changelist": ({"view_operation", "change_operation"}, set()),
    "operation_add": (set(), set()),
    "operation_change": ({"view_operation", "change_operation"}, set()),
    "operation_delete": (set(), set()),
    "operation_look_up": ({"change_operation"}, {"change_operation"}),
}
POSTED: dict[str, Callable[[], dict[str, str]]] = {
    "customer_add_card": new_card,
    "creditcard_charge": charge,
    "customer_charge": charge,
    "transaction_refund": lambda: confirm(amount="1.00"),
    "transaction_capture": lambda: confirm(amount="1.00"),
}
#: What a permission may ask of the gateway.
VERBS = {"add_customer": {"create_customer"}, "delete_creditcard": {"delete_card"}}


@pytest.fixture
def rows(card: CreditCard) -> dict[str, Any]:
    """One row of each model; the transaction is an authorization."""
    row = Transaction.create("12.50", card=card, settle=False)
    operation = Operation.objects.get(key=row.operation_key)
    return {
        "customer": card.customer,
        "creditcard": card,
        "transaction": row,
        "operation": operation,
    }


def address_of(page: str, rows: dict[str, Any]) -> str:
    name, _, rest = page.partition("_")
    plain = rest in ("changelist", "add")
    return url(page) if plain else url(page, rows[name].pk)


def posted_to(page: str) -> dict[str, str]:
    return POSTED.get(page, lambda: confirm(post="yes", email="x@example.com"))()


@pytest.mark.slow
def test_one_permission_opens_its_own_pages_and_no_other(
    staff: Callable[..., Client], rows: dict[str, Any], gateway: RecordingGateway
) -> None:
    """Without any other permission, so that nothing else could have opened them."""
    for codename in ALL:
        client = staff(codename, name=codename)
        for page, (readers, _writers) in PAGES.items():
            status = client.get(address_of(page, rows)).status_code
            # A page that makes no sense for this row leads away from it.
            expected = (200, 302) if codename in readers else (403,)
            assert status in expected, f"{codename} GET {page}: {status}"
    assert gateway.verbs == ["create_customer", "charge"]


@pytest.mark.parametrize("page", PAGES)
def test_nobody_else_posts(
    staff: Callable[..., Client], rows: dict[str, Any], gateway: RecordingGateway, page: str
) -> None:
    """All permissions but those that the page asks for, and nothing moves."""
    readers, writers = PAGES[page]
    mark, before = gateway.mark, _every_row()
    others = [codename for codename in ALL if codename not in readers | writers]
    client = staff(*others)
    assert client.post(address_of(page, rows), posted_to(page)).status_code == 403
    assert gateway.since(mark) == []
    assert _every_row() == before


@pytest.mark.parametrize("page", PAGES)
def test_strangers_are_sent_to_sign_in(
    rows: dict[str, Any], gateway: RecordingGateway, page: str
) -> None:
    mark = gateway.mark
    get_user_model().objects.create_user("customer", password="x")
    user = get_user_model().objects.get(username="customer")
    user.user_permissions.set(Permission.objects.filter(codename__in=ALL))
    for signed_in in (False, True):
        client = Client()
        if signed_in:
            client.force_login(user)  # not a member of staff
        for method in (client.get, client.post):
            response = method(address_of(page, rows), posted_to(page))
            assert response.status_code == 302
            assert response["Location"].startswith("/admin/login/")
    assert gateway.since(mark) == []


def test_a_get_moves_nothing(root: Client, rows: dict[str, Any], gateway: RecordingGateway) -> None:
    mark, before = gateway.mark, _every_row()
    for page in PAGES:
        query = {name: value for name, value in posted_to(page).items() if name != "number"}
        root.get(address_of(page, rows), query)
        root.head(address_of(page, rows), query)
    assert gateway.since(mark) == []
    assert _every_row() == before


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


def _every_row() -> list[list[dict[str, Any]]]:
    models: tuple[Any, ...] = (Customer, CreditCard, Transaction, Operation)
    return [list(model.objects.order_by("pk").values()) for model in models]


def _delete_selected(row: Any) -> dict[str, Any]:
    return {"action": "delete_selected", "post": "yes", "_selected_action": [str(row.pk)]}
