"""Filters beside the lists: their choices need no look at the rows, rare ones have an index."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from django_dinero.gateways.registry import gateways
from django_dinero.models.operation import RARE_STATES
from django_dinero.models.transaction import FOLLOW_UPS, RARE_STATUSES
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


class _ChoicesFilter(admin.ChoicesFieldListFilter):
    """Offers a column's choices, and takes nothing else."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        """Return the rows with what was chosen.

        Raises:
            IncorrectLookupParameters: it is no choice.
        """
        if not self.chosen <= {value for value, _label in self.field.flatchoices}:
            raise IncorrectLookupParameters
        return super().queryset(request, queryset)

    @property
    def chosen(self) -> set[str]:
        """The values in the address."""
        return set(self.lookup_val or ())


class _RareValuesFilter(_ChoicesFilter):
    """Offers a column's choices; of those that few rows have, a second column has an index.

    The frequent ones need none: the newest rows are full of them.
    """

    rare_column: ClassVar[str]
    rare_values: ClassVar[Collection[str]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        rows = super().queryset(request, queryset)
        if rows is None or not self.chosen or not self.chosen <= set(self.rare_values):
            return rows
        return rows.filter((f"{self.rare_column}__in", sorted(self.chosen)))


class StateFilter(_RareValuesFilter):
    """The states of operations."""

    rare_column = "rare_state"
    rare_values = RARE_STATES


class StatusFilter(_RareValuesFilter):
    """The statuses of transactions."""

    rare_column = "rare_status"
    rare_values = RARE_STATUSES


class KindFilter(_ChoicesFilter):
    """The kinds of transactions; few follow another, and an index has those that do."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        rows = super().queryset(request, queryset)
        if rows is None or not self.chosen or not self.chosen <= set(FOLLOW_UPS):
            return rows
        return rows.filter(parent__isnull=False)


class EventStateFilter(_RareValuesFilter):
    """The states of webhook events; few of them wait."""

    rare_column = "waiting_state"
    rare_values = tuple(state.value for state in WAITING_STATES)
