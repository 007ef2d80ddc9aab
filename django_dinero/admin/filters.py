"""Filters beside the lists whose choices are known without a look at every row."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from django_dinero.gateways.registry import gateways

#: What ``cards.brand_of()`` returns.
BRANDS = ("amex", "diners", "discover", "jcb", "maestro", "mastercard", "unionpay", "visa")


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


class BrandFilter(_KnownValuesFilter):
    """The card networks that we know by their numbers."""

    title = _("brand")
    parameter_name = "brand"

    def values(self) -> list[str]:
        return list(BRANDS)
