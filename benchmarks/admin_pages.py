"""The pages whose database time is measured: lists, filters, searches, rows, the overview."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from django.db.models import Model
from django.utils import timezone

from benchmarks.growth_shop import terms
from django_dinero.enums import TransactionKind
from django_dinero.models import (
    CreditCard,
    Customer,
    Difference,
    Operation,
    Reconciliation,
    Transaction,
    WebhookEvent,
)
from django_dinero.models.operation import OperationKind, OperationState
from django_dinero.models.sync_state import SyncState
from django_dinero.models.transaction_status import TransactionStatus
from django_dinero.models.webhook_event import EventState

ADMIN = "/admin/dinero/"
MODELS: dict[str, type[Model]] = {
    "transactions": Transaction,
    "operations": Operation,
    "customers": Customer,
    "cards": CreditCard,
    "webhook events": WebhookEvent,
    "differences": Difference,
    "reconciliations": Reconciliation,
}
PERIODS = (7, 30, 90)
#: Rows on a page, and a page that nobody turns to by hand.
ON_A_PAGE, LATE = 100, 90
PIECES = {
    "transactions": ("capture", "soon", "lost", "somebody"),
    "operations": ("overdue",),
    "cards": ("expiring",),
}
CHOICES: dict[str, dict[str, list[str]]] = {
    "transactions": {
        "status__exact": TransactionStatus.values,
        "kind__exact": [kind.value for kind in TransactionKind],
    },
    "operations": {"state__exact": OperationState.values, "kind__exact": OperationKind.values},
    "customers": {"sync_state__exact": SyncState.values},
    "cards": {"sync_state__exact": SyncState.values, "brand": ["visa", "jcb"]},
    "webhook events": {"state__exact": EventState.values},
    "differences": {"state__exact": ["open", "closed"], "kind__exact": ["books"]},
    "reconciliations": {"state__exact": ["finished", "running"]},
}
AMOUNTS = {
    "few": {"price_from": "700", "price_to": "701"},
    "most": {"price_from": "2"},
    "one, by the cent": {"price_from": "9.99", "price_to": "9.99"},
    "another currency": {"price_from": "2", "currency": "EUR"},
    "none": {"price_from": "1000000"},
    "of no such currency": {"currency": "JPY"},
}
#: Columns by which the list of transactions is sorted, counted behind the boxes.
SORTED = ("1", "-1", "4", "-4", "5", "6")


def pages() -> dict[str, str]:
    """Return the addresses of all pages, by what they show."""
    found = {
        f"overview, {days} days": _address("transaction/overview/", days=str(days))
        for days in PERIODS
    }
    for name, model in MODELS.items():
        path = f"{model._meta.model_name}/"
        rows = model._default_manager.order_by("pk")
        count = rows.count()
        late = str(min(LATE, (count - 1) // ON_A_PAGE + 1))
        found[f"{name}: list"] = _address(path)
        found[f"{name}: its page {late}"] = _address(path, p=late)
        for what, query in _narrowed(name).items():
            found[f"{name}: {what}"] = _address(path, **query)
        for what, text in _texts().get(name, {}).items():
            found[f"{name}: search, {what}"] = _address(path, q=text)
        found[f"{name}: one row"] = _address(f"{path}{rows[count // 2].pk}/change/")
    for order in SORTED:
        found[f"transactions: sorted by column {order}"] = _address("transaction/", o=order)
    return found


def _address(path: str, **query: str) -> str:
    return f"{ADMIN}{path}{'?' + urlencode(query) if query else ''}"


def _narrowed(name: str) -> dict[str, dict[str, str]]:
    """Return what each filter of a list asks, and some at once."""
    found: dict[str, dict[str, str]] = {}
    for piece in PIECES.get(name, ()):
        found[f"to do: {piece}"] = {"todo": piece}
    for parameter, values in CHOICES[name].items():
        for value in values:
            found[f"{parameter.removesuffix('__exact')} {value}"] = {parameter: value}
    for gateway in ("default", "second", "none"):
        found[f"gateway {gateway}"] = {"gateway_name": gateway}
    found["live, of which there are none"] = {"live": "1"}
    found["test, as all are"] = {"live": "0"}
    if name == "transactions":
        found |= {f"amount, {what}": query for what, query in AMOUNTS.items()}
        found["declined refunds"] = {"status__exact": "declined", "kind__exact": "refund"}
    if name not in ("differences", "reconciliations"):
        found |= _days()
    return found


def _days() -> dict[str, dict[str, str]]:
    today = timezone.localdate()

    def ago(days: int) -> str:
        return (today - timedelta(days=days)).isoformat()

    found = {f"the last {days} days": {"created_from": ago(days - 1)} for days in (1, 7, 30)}
    found["three days long ago"] = {"created_from": ago(122), "created_to": ago(120)}
    found["before all"] = {"created_to": ago(2000)}
    return found


def _texts() -> dict[str, dict[str, str]]:
    """Return what is searched for, by list and kind."""
    row = Transaction.objects.order_by("pk")[0]
    nothing = {"nothing": "no such thing"}
    told = {"transaction id": str(row.transaction_id), **nothing}
    return {
        **terms(),
        "webhook events": {**told, "day": timezone.localdate().isoformat()},
        "differences": told,
        "reconciliations": {"gateway": "default", **nothing},
    }
