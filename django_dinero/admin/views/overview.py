"""The overview of payments: what needs somebody, what was taken, what was declined and why."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from django_dinero.admin.badges import state_badge
from django_dinero.admin.related import rows_of
from django_dinero.admin.views.attention import count_text, matters, unknown_outcomes
from django_dinero.admin.views.charts import Day, chart
from django_dinero.admin.views.reasons import reason_label
from django_dinero.admin.views.safety import link, sees
from django_dinero.enums import TransactionKind
from django_dinero.exceptions import DineroError
from django_dinero.gateways.registry import gateways, get_gateway
from django_dinero.models import Reconciliation, Transaction
from django_dinero.models.reconciliation import ReconciliationState
from django_dinero.models.totals import TAKES, ZERO
from django_dinero.models.transaction_status import COUNTED, UNDECIDED, TransactionStatus
from django_dinero.money import EXACT, added_up, normalise, number_text
from django_dinero.services import modes
from django_dinero.services.report import Activity, activity
from django_dinero.services.status import Status, status_of

if TYPE_CHECKING:
    from django_dinero.admin.transactions import TransactionAdmin

#: What may be chosen as the period, in days, today included.
PERIODS = (7, 30, 90)
PERIOD = 7
#: Attempts to pay; what follows a payment is none.
ATTEMPTS = (TransactionKind.CHARGE, TransactionKind.AUTHORIZATION)
REFUSED = (TransactionStatus.DECLINED, TransactionStatus.FAILED)
#: Currencies that are drawn; there may be more in a table.
DRAWN = 4


class Overview:
    """``transaction/overview/``: the page of one site, of what its own admins show."""

    def __init__(self, model_admin: TransactionAdmin) -> None:
        self.model_admin = model_admin
        self.site = model_admin.admin_site

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Show it to whoever may see transactions."""
        if not self.model_admin.has_view_or_change_permission(request):
            raise PermissionDenied
        request.current_app = self.site.name
        live = {"live": True, "test": False}.get(request.GET.get("mode", ""), modes.any_live())
        days = _period(request)
        found = self._activity(request, days, live=live)
        waiting = list(matters(self.site, request, live=live))
        context = {
            **self.site.each_context(request),
            "title": _("Overview"),
            "opts": Transaction._meta,
            "media": self.model_admin.media,
            "live": live,
            "days": days,
            "periods": PERIODS,
            "matters": [{**each, "count": count_text(each["count"])} for each in waiting],
            "is_quiet": not any(each["count"] for each in waiting),
            "unknown": unknown_outcomes(self.site, request, live=live),
            "volumes": _volumes(found, days),
            "outcomes": _outcomes(found),
            "gateways": self._gateways(request, live=live),
        }
        return TemplateResponse(request, "admin/dinero/overview.html", context)

    def _activity(self, request: HttpRequest, days: int, *, live: bool) -> list[Activity]:
        rows = rows_of(self.site, request, Transaction).filter(live=live)
        first, last = _span(days)
        return activity(rows, first, last)

    def _gateways(self, request: HttpRequest, *, live: bool) -> list[dict[str, Any]]:
        """Return how things stand at each gateway, to who may see reconciliations."""
        if not sees(request, "reconciliation"):
            return []
        return [shown for name in gateways if (shown := _gateway(request, name, live=live))]


def _period(request: HttpRequest) -> int:
    chosen = request.GET.get("days", "")
    return next((days for days in PERIODS if str(days) == chosen), PERIOD)


def _span(days: int) -> tuple[datetime.date, datetime.date]:
    today = datetime.datetime.now(datetime.UTC).date()
    return today - datetime.timedelta(days=days - 1), today


# -- What was taken --------------------------------------------------------------------------------


def _volumes(found: Iterable[Activity], days: int) -> list[dict[str, Any]]:
    """Return a chart and its table for each currency, the busiest first."""
    by_currency: dict[str, list[Activity]] = defaultdict(list)
    for each in found:
        if each.status in COUNTED and (each.kind in TAKES or _is_refund(each)):
            by_currency[each.currency].append(each)
    busiest = sorted(by_currency.items(), key=lambda item: -sum(each.count for each in item[1]))
    return [
        _volume(currency, lines, days, is_drawn=number < DRAWN)
        for number, (currency, lines) in enumerate(busiest)
    ]


def _volume(
    currency: str, lines: Sequence[Activity], days: int, *, is_drawn: bool
) -> dict[str, Any]:
    taken: Mapping[datetime.date, Decimal] = _by_day(lines, refunds=False)
    refunded: Mapping[datetime.date, Decimal] = _by_day(lines, refunds=True)
    first, last = _span(days)
    every = [first + datetime.timedelta(days=number) for number in range((last - first).days + 1)]
    series = [Day(day, taken.get(day, ZERO), refunded.get(day, ZERO)) for day in every]
    drawn = chart(series)

    def shown(amount: Decimal) -> str:
        return number_text(normalise(amount, currency))

    total, given = added_up(taken.values()), added_up(refunded.values())
    return {
        "currency": currency,
        "taken": shown(total),
        "refunded": shown(given.copy_negate()) if given else "",
        "net": shown(EXACT.subtract(total, given)),
        "count": sum(each.count for each in lines if not _is_refund(each)),
        "first": first,
        "last": last,
        "most": shown(drawn.most),
        "chart": drawn if is_drawn else None,
        "rows": [
            {
                "bar": bar,
                "day": bar.day.day,
                "taken": shown(bar.day.taken),
                "refunded": shown(bar.day.refunded.copy_negate()) if bar.day.refunded else "",
            }
            for bar in drawn.bars
        ],
    }


def _by_day(lines: Iterable[Activity], *, refunds: bool) -> dict[datetime.date, Decimal]:
    found: dict[datetime.date, Decimal] = defaultdict(Decimal)
    for each in lines:
        if _is_refund(each) == refunds:
            found[each.day] = EXACT.add(found[each.day], each.amount)
    return found


def _is_refund(each: Activity) -> bool:
    return each.kind == TransactionKind.REFUND


# -- How attempts ended ----------------------------------------------------------------------------


def _outcomes(found: Iterable[Activity]) -> dict[str, Any]:
    """Return how many attempts to pay were approved, and the reasons of the others."""
    attempts = [each for each in found if each.kind in ATTEMPTS and each.status not in UNDECIDED]
    refused: dict[str, int] = defaultdict(int)
    for each in attempts:
        if each.status in REFUSED:
            refused[each.reason] += each.count
    count = sum(each.count for each in attempts)
    declined = sum(refused.values())
    reasons = sorted(refused.items(), key=lambda item: (-item[1], item[0]))
    return {
        "count": count,
        "approved": count - declined,
        "declined": declined,
        "rate": _percent(count - declined, count),
        "reasons": [
            {
                "label": reason_label(reason),
                "count": many,
                "share": _percent(many, declined),
                "width": f"{100 * many / declined:.2f}",
            }
            for reason, many in reasons
        ],
    }


def _percent(part: int, whole: int) -> str:
    """Return a share with one digit behind the point; all of it only where it is all of it."""
    if not whole:
        return ""
    permille = (part * 2000 + whole) // (2 * whole)
    if permille == 1000 and part < whole:
        permille = 999
    return _("%(percent)s %%") % {"percent": number_text(Decimal(permille) / 10)}


# -- Gateways --------------------------------------------------------------------------------------


def _gateway(request: HttpRequest, name: str, *, live: bool) -> dict[str, Any] | None:
    """Return how things stand at a gateway of this mode; None of another's."""
    try:
        gateway = get_gateway(name)
    except (DineroError, ImproperlyConfigured):
        text = _("It is configured wrongly; run manage.py check.")
        return {"name": name, "problems": [text], "reconciled_at": None, "run": "", "url": ""}
    if gateway.live != live:
        return None
    status = status_of(gateway, ask_gateway=False)
    return {
        "name": name,
        "problems": status.problems(),
        "reconciled_at": status.reconciled_at,
        "run": _run(status),
        "url": link(request, "reconciliation", _newest_run(status)),
    }


def _run(status: Status) -> str:
    if not status.last_run:
        return ""
    return state_badge(status.last_run, ReconciliationState(status.last_run).label)


def _newest_run(status: Status) -> Reconciliation | None:
    runs = Reconciliation.objects.filter(gateway_name=status.gateway_name, live=status.live)
    return runs.order_by("pk").last()
