"""What a row's page shows besides the row: its transactions and its open operations."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from django_dinero.admin.badges import transaction_standing
from django_dinero.admin.display import (
    card_text,
    money,
    operation_amount,
    state,
    transaction_amount,
)
from django_dinero.admin.search import customer_operations, operations_of
from django_dinero.admin.views.safety import link, sees
from django_dinero.db.queries import primary
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.models.family import FOLLOWING
from django_dinero.models.mode import Account
from django_dinero.models.operation import OperationState
from django_dinero.models.totals import Total, totals

#: What may have reached the gateway and is not finished. A new operation was never sent. What is
#: held has a transaction, but the pages that charge and refund show none.
UNCERTAIN = (
    OperationState.SENT,
    OperationState.UNKNOWN,
    OperationState.HELD,
    OperationState.REQUIRES_ACTION,
    OperationState.NEEDS_ATTENTION,
)
#: How many transactions a customer's or card's page shows, the newest first.
TRANSACTIONS_SHOWN = 10


def rows_of(site: AdminSite, request: HttpRequest, model: type[Model]) -> QuerySet[Any]:
    """Return the rows that a site's own admin of a model shows; none where it has none."""
    if not site.is_registered(model):
        return model._default_manager.none()
    return site.get_model_admin(model).get_queryset(request)


def latest_transactions(
    site: AdminSite, request: HttpRequest, row: Customer | CreditCard
) -> list[dict[str, Any]]:
    """Return the newest transactions of a customer or a card; none to who may not see them."""
    if not sees(request, "transaction"):
        return []
    rows = rows_of(site, request, Transaction).filter(_mine(row))
    newest = rows.order_by(f"-{_column(row)}_pk", "-id")
    return transaction_rows(request, newest[:TRANSACTIONS_SHOWN])


def paid_in_all(
    site: AdminSite, request: HttpRequest, row: Customer | CreditCard
) -> list[dict[str, Any]]:
    """Return what was paid and refunded in each currency; none to who may not see payments."""
    if not sees(request, "transaction"):
        return []
    found = totals(rows_of(site, request, Transaction).filter(_mine(row)))
    return [_sum(each) for each in found if each.charged or each.refunded]


def _sum(total: Total) -> dict[str, Any]:
    return {
        "currency": total.currency,
        "paid": money(total.charged, total.currency),
        "refunded": money(total.refunded, total.currency) if total.refunded else "",
        "left": money(total.net, total.currency),
    }


def _column(row: Customer | CreditCard) -> str:
    return "card" if isinstance(row, CreditCard) else "customer"


def _mine(row: Customer | CreditCard) -> Q:
    # A range of one, in the order of its index: else PostgreSQL may walk past everybody else's.
    name = _column(row)
    return Q((f"{name}__gte", row.pk), (f"{name}__lte", row.pk))


def transaction_rows(request: HttpRequest, rows: Iterable[Transaction]) -> list[dict[str, Any]]:
    """Return transactions as ``admin/dinero/transactions.html`` shows them.

    Args:
        request: decides which links there are.
        rows: a query is extended by what the word for a payment's standing needs.
    """
    if isinstance(rows, QuerySet):
        rows = rows.prefetch_related(FOLLOWING)
    return [
        {
            "row": row,
            "url": link(request, "transaction", row),
            "price": transaction_amount(row),
            "status": transaction_standing(row),
            "card": card_text(row),
        }
        for row in rows
    ]


def open_operations(
    request: HttpRequest, row: Any, *, but: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Return the operations on a row that are not finished, for ``admin/dinero/open.html``.

    An open charge has no transaction yet. Without this nothing on a customer's page would say that
    one was tried, and somebody would charge again.

    Args:
        request: decides which links there are.
        row: a customer, a card or a transaction.
        but: keys of operations that the page tells of already.
    """
    mine = concerning(row)
    if mine is None:
        return []
    rows: QuerySet[Operation] = primary(Operation).filter(
        mine, gateway_name=row.gateway_name, live=row.live, state__in=UNCERTAIN
    )
    if any(but):
        rows = rows.exclude(key__in=but)
    return [
        {
            "row": operation,
            "url": link(request, "operation", operation),
            "amount": operation_amount(operation),
            "state": state(operation),
        }
        for operation in rows
    ]


def concerning(row: Any) -> Q | None:
    """Return what finds the operations on a row; None if there can be none."""
    if isinstance(row, Customer):
        own = Q(lock_name=row.lock_name)
        return own | customer_operations(row.customer_id) if row.customer_id else own
    if isinstance(row, CreditCard):
        return customer_operations(row.customer_id) & Q(card_id=row.card_id)
    if isinstance(row, Transaction) and row.transaction_id:
        return _of_transaction(row)
    return None


def _of_transaction(row: Transaction) -> Q:
    """Return what finds those of every row with this id at the gateway."""
    rows = primary(Transaction).filter(**Account.of(row).columns, transaction_id=row.transaction_id)
    return operations_of(rows.order_by())
