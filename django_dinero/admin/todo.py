"""Filters for what is due or waits for somebody; the overview's numbers lead to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_dinero.models import due

Rows = QuerySet[Any]
Choice = tuple[Any, Callable[[Rows], Rows]]


class _TodoFilter(admin.SimpleListFilter):
    """Offers pieces of work: a label for each, and what it leaves of the rows."""

    title = _("what is to be done")
    parameter_name = "todo"
    pieces: ClassVar[Mapping[str, Choice]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(value, label) for value, (label, _narrow) in self.pieces.items()]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        piece = self.pieces.get(self.value() or "")
        return queryset if piece is None else piece[1](queryset)


def _now() -> datetime:
    return datetime.now(UTC)


class TransactionTodoFilter(_TodoFilter):
    """Authorizations to capture, and payments to decide or to react to."""

    pieces = {
        "capture": (_("to capture"), lambda rows: due.to_capture(rows, _now())),
        "soon": (_("to capture soon"), lambda rows: due.running_out(rows, _now())),
        "lost": (_("lost lately"), lambda rows: rows.filter(due.lost(_now()))),
        "somebody": (_("needs somebody"), lambda rows: rows.filter(due.needs_somebody(_now()))),
    }


class OperationTodoFilter(_TodoFilter):
    """Operations that are not known to have ended, though they must have."""

    pieces = {"overdue": (_("overdue"), lambda rows: rows.filter(due.overdue(_now())))}


class CardTodoFilter(_TodoFilter):
    """Cards to ask a customer for anew."""

    pieces = {
        "expiring": (
            _("expired, or soon"),
            lambda rows: rows.filter(due.expiring_about_now(timezone.localdate(_now()))),
        ),
    }
