"""Filters beside the lists: their choices need no look at the rows, rare ones have an index."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from django_dinero.enums import TransactionKind
from django_dinero.gateways.registry import gateways
from django_dinero.models import Transaction
from django_dinero.models.due import DEAD_WITHIN
from django_dinero.models.operation import BEING_SENT, RARE_STATES
from django_dinero.models.transaction_status import COUNTED, RARE_STATUSES, TransactionStatus
from django_dinero.models.webhook_event import WAITING_STATES

#: What ``cards.brand_of()`` returns.
BRANDS = (
    *("amex", "diners", "discover", "jcb", "maestro", "mastercard"),
    *("mir", "rupay", "troy", "unionpay", "visa"),
)


class _KnownValuesFilter(admin.SimpleListFilter):
    """Offers known values of the column ``parameter_name``; any other may stand in the address."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, value) for value in self.values()]

    def values(self) -> list[str]:
        raise NotImplementedError

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset if value is None else queryset.filter((str(self.parameter_name), value))


class GatewayNameFilter(_KnownValuesFilter):
    """The gateways in the settings; Django's own would read every row for their names."""

    title = _("gateway")
    parameter_name = "gateway_name"

    def values(self) -> list[str]:
        return list(gateways)

    def has_output(self) -> bool:
        """Hide it where there is nothing to choose."""
        return len(self.lookup_choices) > 1


class ModeFilter(admin.SimpleListFilter):
    """Live or test."""

    title = _("mode")
    parameter_name = "live"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("live")), ("0", _("test"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(live=value == "1") if value in ("0", "1") else queryset


class BrandFilter(_KnownValuesFilter):
    """The card networks that we know by their numbers."""

    title = _("brand")
    parameter_name = "brand"

    def values(self) -> list[str]:
        return list(BRANDS)


class ChoiceFilter(admin.ChoicesFieldListFilter):
    """Offers a column's choices, and takes nothing else."""

    def require_choices(self) -> None:
        """Refuse what is no choice.

        Raises:
            IncorrectLookupParameters: it is none.
        """
        if not self.chosen <= {value for value, _label in self.field.flatchoices}:
            raise IncorrectLookupParameters

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        """Return the rows with what was chosen."""
        self.require_choices()
        return super().queryset(request, queryset)

    @property
    def chosen(self) -> set[str]:
        """The values in the address."""
        return set(self.lookup_val or ())


class _RareValuesFilter(ChoiceFilter):
    """Offers a column's choices; of those that few rows have, a second column has an index.

    The frequent ones need none: the newest rows are full of them.
    """

    rare_column: ClassVar[str]
    rare_values: ClassVar[Collection[str]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        self.require_choices()
        if not self.chosen or not self.chosen <= set(self.rare_values):
            return super().queryset(request, queryset)
        # In place of the column that it is made of, for which each row would be read.
        return queryset.filter((f"{self.rare_column}__in", sorted(self.chosen)))


class StateFilter(_RareValuesFilter):
    """The states of operations.

    What is being sent has no index. If it holds no lock it is a charge, and begins by being sent:
    one from longer ago would have been looked up since.
    """

    rare_column = "rare_state"
    rare_values = RARE_STATES

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        rows = super().queryset(request, queryset)
        if rows is None or not self.chosen or not self.chosen <= set(BEING_SENT):
            return rows
        since = datetime.now(UTC) - DEAD_WITHIN
        return rows.filter(Q(held_lock__gt="") | Q(held_lock=None, created_at__gt=since))


class StatusFilter(_RareValuesFilter):
    """The statuses of transactions, which the list has closer words for: the choices name those.

    "Captured" and "authorized" have no index of their own, nor what is said of a payment by what
    has followed it; :class:`RefundedFilter` finds what was given back.
    """

    rare_column = "rare_status"
    rare_values = RARE_STATUSES
    words: ClassVar[Mapping[TransactionStatus, Any]] = {
        TransactionStatus.APPROVED: _("approved: authorized, captured, or refunded since"),
        TransactionStatus.SETTLED: _("settled, or refunded since"),
    }

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Return Django's choices, with the words of the list."""
        words = {str(status.label): text for status, text in self.words.items()}
        for choice in super().choices(changelist):
            yield {**choice, "display": words.get(str(choice["display"]), choice["display"])}


class RefundedFilter(admin.SimpleListFilter):
    """What was given back: found by its refunds, which are few and have an index."""

    title = _("refunded")
    parameter_name = "refunded"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("refunded, or partly refunded"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return charges and captures with a refund, and the authorizations of the captures."""
        if self.value() != "yes":
            return queryset
        rows = Transaction.objects.filter(status__in=COUNTED, parent__isnull=False).order_by()
        given_back = rows.filter(kind=TransactionKind.REFUND).values("parent_id")
        captures = rows.filter(kind=TransactionKind.CAPTURE, pk__in=given_back)
        found = given_back.union(captures.values("parent_id"))
        return queryset.filter(status__in=COUNTED, pk__in=found)


class EventStateFilter(_RareValuesFilter):
    """The states of webhook events; few of them wait."""

    rare_column = "waiting_state"
    rare_values = tuple(state.value for state in WAITING_STATES)
