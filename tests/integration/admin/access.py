"""The table of every page of the admin: who may look at it, and who may act there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib import admin

from django_dinero.admin.base import DineroAdmin
from django_dinero.models import (
    CreditCard,
    Customer,
    Difference,
    Operation,
    Reconciliation,
    Transaction,
    WebhookEvent,
)
from tests.integration.admin.pages import charge, confirm, new_card, new_customer, url

MODELS: tuple[Any, ...] = (
    *(Customer, CreditCard, Transaction, Operation),
    *(Difference, Reconciliation, WebhookEvent),
)
#: What is answered where a row is not among those that the project's admin shows.
NOT_FOUND, LED_AWAY, AS_EVER = 404, 302, 200


def nothing() -> dict[str, Any]:
    """What a page posts that nobody may use."""
    return confirm(post="yes", email="x@example.com")


def keyed_charge() -> dict[str, Any]:
    """What the page posts that charges a card that is typed in."""
    return {**new_card(), **charge()}


@dataclass(frozen=True)
class Page:
    """A page, and the permissions each of which opens it.

    Attributes:
        readers: each opens it with GET.
        writers: each may POST there.
        posted: what is sent.
        hidden: the status where the project's queryset leaves the row out.
        of_row: whether it is the page of one row.
        of_many: whether the rows are named in the query.
    """

    readers: frozenset[str] = frozenset()
    writers: frozenset[str] = frozenset()
    posted: Callable[[], dict[str, Any]] = field(default=nothing)
    hidden: int = NOT_FOUND
    of_row: bool = True
    of_many: bool = False


def looked_at(name: str) -> dict[str, Page]:
    """The pages of rows that Django itself has, of a model whose rows only the services write."""
    may = frozenset({f"view_{name}", f"change_{name}"})
    return {
        f"{name}_changelist": Page(may, may, hidden=AS_EVER, of_row=False),
        f"{name}_add": Page(of_row=False),
        f"{name}_change": Page(may, hidden=LED_AWAY),
        # Django shows it, whatever the method.
        f"{name}_history": Page(may, may, hidden=LED_AWAY),
        f"{name}_delete": Page(),
        # A GET tells all; whoever may see the list may take it away.
        f"{name}_export": Page(may, may, hidden=AS_EVER, of_row=False),
    }


def edited(name: str) -> dict[str, Page]:
    """The same of a model whose rows are changed and deleted by hand."""
    changed, deleted = frozenset({f"change_{name}"}), frozenset({f"delete_{name}"})
    pages = looked_at(name)
    may = pages[f"{name}_change"].readers
    return {
        **pages,
        f"{name}_change": Page(may, changed, hidden=LED_AWAY),
        f"{name}_delete": Page(deleted, deleted, hidden=LED_AWAY),
    }


def verb(permission: str, posted: Callable[[], dict[str, Any]] = confirm) -> Page:
    """A page of ours that does one thing to one row."""
    may = frozenset({permission})
    return Page(may, may, posted)


def bulk(permission: str, posted: Callable[[], dict[str, Any]] = confirm) -> Page:
    """A page of ours that does one thing to many rows."""
    may = frozenset({permission})
    return Page(may, may, posted, hidden=LED_AWAY, of_row=False, of_many=True)


BOOKS = frozenset({"view_transaction", "change_transaction"})
ADD, KEYED = frozenset({"add_customer"}), frozenset({"charge_keyed_card"})
PAGES: dict[str, Page] = {
    **edited("customer"),
    # Its cards go along.
    "customer_delete": Page(frozenset({"delete_customer"}), hidden=LED_AWAY),
    "customer_add": Page(ADD, ADD, new_customer, hidden=AS_EVER, of_row=False),
    "customer_add_card": verb("add_stored_card", new_card),
    "customer_charge": Page(frozenset({"charge_creditcard"}), posted=charge),
    "customer_push": verb("change_customer"),
    "customer_pull": verb("change_customer"),
    "customer_bulk_push": bulk("change_customer"),
    "customer_bulk_pull": bulk("change_customer"),
    **edited("creditcard"),
    "creditcard_charge": verb("charge_creditcard", charge),
    "creditcard_make_default": verb("change_creditcard"),
    "creditcard_validate": verb("charge_creditcard"),
    "creditcard_push": verb("change_creditcard"),
    "creditcard_pull": verb("change_creditcard"),
    "creditcard_bulk_push": bulk("change_creditcard"),
    "creditcard_bulk_pull": bulk("change_creditcard"),
    **looked_at("transaction"),
    "transaction_capture": verb("capture_transaction", lambda: confirm(amount="1.00")),
    "transaction_void": verb("void_transaction"),
    "transaction_refund": verb("refund_transaction", lambda: confirm(amount="1.00")),
    "transaction_approve": verb("review_transaction"),
    "transaction_decline": verb("review_transaction"),
    "transaction_charge": Page(KEYED, KEYED, keyed_charge, hidden=AS_EVER, of_row=False),
    "transaction_refresh": verb("change_transaction"),
    "transaction_bulk_capture": bulk("capture_transaction"),
    "transaction_bulk_void": bulk("void_transaction"),
    "transaction_bulk_refund": bulk("refund_transaction"),
    "transaction_bulk_refresh": bulk("change_transaction"),
    "overview": Page(BOOKS, BOOKS, hidden=AS_EVER, of_row=False),
    **looked_at("operation"),
    "operation_look_up": verb("change_operation"),
    "operation_retry": verb("change_operation"),
    "operation_close": verb("close_operation", lambda: confirm(note="looked at")),
    "operation_bulk_look_up": bulk("change_operation"),
    **looked_at("difference"),
    "difference_close": verb("close_difference", lambda: confirm(note="explained")),
    "difference_bulk_close": bulk("close_difference", lambda: confirm(note="explained")),
    **looked_at("reconciliation"),
    **looked_at("webhookevent"),
    "webhookevent_replay": verb("replay_webhookevent"),
    "webhookevent_bulk_replay": bulk("replay_webhookevent"),
}


def own_admins() -> list[DineroAdmin]:
    """The app's admins, as the site has them."""
    found = [each for each in admin.site._registry.values() if isinstance(each, DineroAdmin)]
    assert {each.model for each in found} == set(MODELS)
    return found


def served() -> set[str]:
    """The names of all addresses that the app's admins have."""
    names = {pattern.name for each in own_admins() for pattern in each.get_urls()}
    return {name.removeprefix("dinero_") for name in names if name}


def address_of(name: str, rows: dict[str, Any]) -> str:
    """The address of a page: of a row, of many rows, or of none."""
    page, model = PAGES[name], name.partition("_")[0]
    if page.of_many:
        return f"{url(name)}?row={rows[model].pk}"
    return url(name, rows[model].pk) if page.of_row else url(name)


def posted_to(name: str, rows: dict[str, Any]) -> dict[str, Any]:
    """What a page posts."""
    page, model = PAGES[name], name.partition("_")[0]
    return {**page.posted(), **({"row": str(rows[model].pk)} if page.of_many else {})}


def every_row() -> list[list[dict[str, Any]]]:
    """All rows of the app."""
    return [list(model.objects.order_by("pk").values()) for model in MODELS]
