"""What needs somebody, as the overview counts it: each number leads to the list of those rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from django_dinero.admin.pagination import MoreThan
from django_dinero.admin.related import rows_of
from django_dinero.admin.views.safety import sees
from django_dinero.models import (
    CreditCard,
    Customer,
    Difference,
    Operation,
    Transaction,
    WebhookEvent,
    due,
)
from django_dinero.models.difference import DifferenceState
from django_dinero.models.operation import OperationState
from django_dinero.models.standing import Tone
from django_dinero.models.sync_state import SyncState
from django_dinero.models.transaction_status import TransactionStatus
from django_dinero.models.webhook_event import EventState
from django_dinero.money import added_up, amount_text

#: Nobody needs to know how many exactly.
COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Matter:
    """Something that waits for somebody.

    Attributes:
        query: what the list of the model is asked for.
        narrow: leaves the same rows, given those that the list may show.
        tone: BAD for what somebody must look at, OPEN for what is only to be done.
    """

    label: Any
    model: type[Model]
    query: dict[str, str]
    narrow: Callable[[QuerySet[Any]], QuerySet[Any]]
    tone: Tone = Tone.BAD


def _with(**values: object) -> Callable[[QuerySet[Any]], QuerySet[Any]]:
    return lambda rows: rows.filter(**values)


def _where(condition: Callable[[datetime], Q]) -> Callable[[QuerySet[Any]], QuerySet[Any]]:
    return lambda rows: rows.filter(condition(datetime.now(UTC)))


MATTERS = (
    Matter(
        gettext_lazy("Operations that need attention"),
        Operation,
        {"state__exact": OperationState.NEEDS_ATTENTION},
        _with(rare_state=OperationState.NEEDS_ATTENTION),
    ),
    Matter(
        gettext_lazy("Operations whose outcome should be known by now"),
        Operation,
        {"todo": "overdue"},
        _where(due.overdue),
    ),
    Matter(
        gettext_lazy("Payments held for review"),
        Transaction,
        {"status__exact": TransactionStatus.HELD},
        _with(rare_status=TransactionStatus.HELD),
    ),
    Matter(
        gettext_lazy("Payments returned or charged back, last 30 days"),
        Transaction,
        {"todo": "lost"},
        _where(due.lost),
    ),
    Matter(
        gettext_lazy("Differences from the gateway's books"),
        Difference,
        {"state__exact": DifferenceState.OPEN},
        _with(state=DifferenceState.OPEN),
    ),
    Matter(
        gettext_lazy("Customers that could not be pushed"),
        Customer,
        {"sync_state__exact": SyncState.ERROR},
        _with(sync_state=SyncState.ERROR),
    ),
    Matter(
        gettext_lazy("Cards that could not be pushed"),
        CreditCard,
        {"sync_state__exact": SyncState.ERROR},
        _with(sync_state=SyncState.ERROR),
    ),
    Matter(
        gettext_lazy("Webhooks given up"),
        WebhookEvent,
        {"state__exact": EventState.GIVEN_UP},
        _with(state=EventState.GIVEN_UP),
    ),
    Matter(
        gettext_lazy("Webhooks parked"),
        WebhookEvent,
        {"state__exact": EventState.PARKED},
        _with(waiting_state=EventState.PARKED),
        Tone.OPEN,
    ),
    Matter(
        gettext_lazy("Authorizations to capture before they expire"),
        Transaction,
        {"todo": "soon"},
        lambda rows: due.running_out(rows, datetime.now(UTC)),
        Tone.OPEN,
    ),
    Matter(
        gettext_lazy("Cards that have expired or will soon"),
        CreditCard,
        {"todo": "expiring"},
        lambda rows: rows.filter(due.expiring_about_now(timezone.localdate(datetime.now(UTC)))),
        Tone.OPEN,
    ),
)


def matters(site: AdminSite, request: HttpRequest, *, live: bool) -> Iterator[dict[str, Any]]:
    """Count what waits for somebody, of what this user may see at this site.

    Args:
        live: of live or of test accounts.
    """
    for matter in MATTERS:
        name = str(matter.model._meta.model_name)
        address = _list_address(site, name)
        if not address or not sees(request, name):
            continue
        rows = matter.narrow(rows_of(site, request, matter.model).filter(live=live))
        count = _bounded(rows)
        query = urlencode({**matter.query, "live": str(int(live))})
        yield {
            "label": matter.label,
            "count": count,
            "url": f"{address}?{query}",
            "tone": matter.tone.value if count else Tone.NEUTRAL.value,
        }


def unknown_outcomes(site: AdminSite, request: HttpRequest, *, live: bool) -> dict[str, str]:
    """Tell what nobody has to do anything about yet: a text, and the list of those operations.

    Returns:
        Nothing where there are none, or where this user may not see them.
    """
    address = _list_address(site, "operation")
    if not address or not sees(request, "operation"):
        return {}
    rows = rows_of(site, request, Operation).filter(live=live, rare_state=OperationState.UNKNOWN)
    found = list(rows.order_by().values_list("amount", "currency")[: COUNTED + 1])
    if not found:
        return {}
    is_all = len(found) <= COUNTED
    text = ngettext(
        "%(count)s operation of unknown outcome%(amounts)s: it is looked up by itself.",
        "%(count)s operations of unknown outcome%(amounts)s: they are looked up by themselves.",
        len(found),
    ) % {
        "count": count_text(len(found) if is_all else MoreThan(COUNTED)),
        "amounts": _amounts(found) if is_all else "",
    }
    query = {"state__exact": OperationState.UNKNOWN, "live": str(int(live))}
    return {"text": text, "url": f"{address}?{urlencode(query)}"}


def _amounts(found: Iterable[tuple[Decimal | None, str]]) -> str:
    """Return what amounts come to in each currency, in brackets; nothing where there is none."""
    by_currency: dict[str, list[Decimal]] = defaultdict(list)
    for amount, currency in found:
        if amount is not None and currency:
            by_currency[currency].append(amount)
    sums = [amount_text(added_up(many), currency) for currency, many in sorted(by_currency.items())]
    return f" ({', '.join(sums)})" if sums else ""


def _bounded(rows: QuerySet[Any]) -> int:
    found = rows.order_by()[: COUNTED + 1].count()
    return found if found <= COUNTED else MoreThan(COUNTED)


def _list_address(site: AdminSite, name: str) -> str:
    try:
        return reverse(f"admin:dinero_{name}_changelist", current_app=site.name)
    except NoReverseMatch:
        return ""


def count_text(count: int) -> str:
    """Return a number of rows as the overview shows it."""
    return (
        _("over %(count)s") % {"count": int(count)} if isinstance(count, MoreThan) else str(count)
    )
