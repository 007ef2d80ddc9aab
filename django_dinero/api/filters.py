"""What a list may be narrowed by: columns that are shown, one parameter each."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request
from rest_framework.views import APIView

from django_dinero.cards import holds_card_number
from django_dinero.db.spellings import spellings
from django_dinero.money import DECIMAL_PLACES

#: Characters of a parameter that are read; no column is longer.
LENGTH = 255


@dataclass(frozen=True, slots=True)
class Filter:
    """One parameter.

    Attributes:
        lookup: of the queryset, as ``price__gte``.
        read: turns the parameter into the value; a :class:`ValueError` says what is wrong.
    """

    lookup: str
    read: Callable[[str], Any]


class AllowedFilters(BaseFilterBackend):
    """Narrows a list by the view's ``filters``; whatever else is asked is refused elsewhere."""

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: APIView
    ) -> QuerySet[Any]:
        """Return the rows that were asked for.

        Raises:
            ValidationError: a parameter has a value that means nothing.
        """
        if getattr(view, "action", "") != "list":
            return queryset
        filters: Mapping[str, Filter] = getattr(view, "filters", {})
        wanted, errors = dict[str, Any](), dict[str, list[str]]()
        for name, each in filters.items():
            if name not in request.query_params:
                continue
            try:
                wanted[each.lookup] = each.read(_only(request, name))
            except ValueError as error:
                errors[name] = [str(error)]
        if errors:
            raise ValidationError(errors)
        return queryset.filter(**wanted)


def _only(request: Request, name: str) -> str:
    given = request.query_params.getlist(name)
    if len(given) > 1:
        raise ValueError(_("Pass it once."))
    # A gateway may have ids like a card's number. Nothing else that is stored looks so.
    is_card = not name.endswith("_id") and holds_card_number("q", given[0])
    if len(given[0]) > LENGTH or "\0" in given[0] or is_card:
        raise ValueError(_("No row has such a value."))
    return str(given[0])


# -- Readers ---------------------------------------------------------------------------------------


def text(value: str) -> str:
    """Return a text as it is."""
    return value


def spelled(value: str) -> list[str]:
    """Return the cases in which a text may be stored."""
    return spellings(value)


@dataclass(frozen=True, slots=True)
class OneOrMoreOf:
    """Reads choices, with commas between them."""

    choices: Collection[str]

    def __call__(self, value: str) -> list[str]:
        found = value.split(",")
        if not set(found) <= set(self.choices):
            raise ValueError(_("Choose from: %(names)s.") % {"names": ", ".join(self.choices)})
        return found


def public_id(value: str) -> uuid.UUID:
    """Read a public id."""
    try:
        return uuid.UUID(value)
    except ValueError:
        raise ValueError(_("Pass an id as the lists show it.")) from None


def currency(value: str) -> str:
    """Read a currency in any case."""
    if not (value.isascii() and value.isalpha() and len(value) == 3):
        raise ValueError(_("Pass a currency like USD."))
    return value.upper()


def yes_or_no(value: str) -> bool:
    """Read ``true`` or ``false``."""
    if value not in ("true", "false"):
        raise ValueError(_("Pass true or false."))
    return value == "true"


def amount(value: str) -> Decimal:
    """Read an amount in major units."""
    try:
        found = Decimal(value)
    except InvalidOperation:
        found = Decimal("NaN")
    fits = found.is_finite() and found.copy_abs() < Decimal(10) ** 12 and len(value) <= 40
    # Databases have no room for the places of 1e-300000.
    if not value.isascii() or not fits or int(found.as_tuple().exponent) < -DECIMAL_PLACES:
        raise ValueError(_("Pass an amount like 12.50."))
    return found


def moment(value: str) -> datetime.datetime:
    """Read a time with its zone, or a date: its midnight in UTC."""
    try:
        day = parse_date(value)
        found = (
            parse_datetime(value)
            if day is None
            else datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC)
        )
        if found is not None and timezone.is_aware(found):
            return found.astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError(_("Pass a date like 2026-11-28, or a time with its zone."))


#: What every row has that belongs to a gateway.
OF_AN_ACCOUNT: Mapping[str, Filter] = {
    "gateway_name": Filter("gateway_name", text),
    "live": Filter("live", yes_or_no),
}
