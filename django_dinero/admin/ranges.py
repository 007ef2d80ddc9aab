"""Filters with fields to type into: from a day to a day, from an amount to an amount."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_dinero.exceptions import InvalidInput
from django_dinero.forms.amounts import plain_amount
from django_dinero.money import DECIMAL_PLACES, MAX_DIGITS, exponent

#: The days that a click chooses, today included.
LAST_DAYS = (1, 7, 30)
#: Near the ends of the calendar there is no next day, and no midnight in another time zone.
FIRST_DAY, LAST_DAY = datetime.date(1900, 1, 1), datetime.date(2200, 12, 31)


class _RangeFilter(admin.ListFilter):
    """Fields of a form as one filter. What cannot be read shows its error, and no rows."""

    template = "admin/dinero/filters/range.html"
    form_class: ClassVar[type[forms.Form]]

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any
    ) -> None:
        super().__init__(request, params, model, model_admin)
        for name in self.form_class.base_fields:
            value = params.pop(name, None)
            if value and value[-1].strip():
                self.used_parameters[name] = value[-1]
        self.form = self.form_class(self.used_parameters, auto_id="dinero-%s")

    def expected_parameters(self) -> list[str | None]:
        return list(self.form_class.base_fields)

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """Return the form, and what else the address has to keep."""
        mine = {*self.form_class.base_fields, "p", "e"}
        kept = [
            (name, value)
            for name, values in self.request.GET.lists()
            if name not in mine
            for value in values
        ]
        yield {
            "form": self.form,
            "kept": kept,
            "links": list(self.links(changelist)),
            "any": changelist.get_query_string(remove=list(self.form_class.base_fields)),
            "is_used": bool(self.used_parameters),
        }

    def links(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """Return what a click chooses."""
        return iter(())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.used_parameters:
            return queryset
        if not self.form.is_valid():
            return queryset.none()
        return self.narrow(queryset, self.form.cleaned_data)

    def narrow(self, rows: QuerySet[Any], chosen: dict[str, Any]) -> QuerySet[Any]:
        """Return the rows within what was chosen."""
        raise NotImplementedError


def _day_field(label: Any) -> forms.DateField:
    # A browser sends ISO, whatever it shows; and so does who writes the address by hand.
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(
        label=label,
        required=False,
        widget=widget,
        input_formats=["%Y-%m-%d"],
        localize=False,
        validators=[MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)],
    )


class DaysForm(forms.Form):
    """From a day to a day, both included, in the current time zone."""

    created_from = _day_field(_("From"))
    created_to = _day_field(_("To"))


class DaysFilter(_RangeFilter):
    """When rows were made; ``column`` says by which time."""

    title = _("day")
    form_class = DaysForm
    column = "created_at"

    def links(self, changelist: Any) -> Iterator[dict[str, Any]]:
        today = timezone.localdate(datetime.datetime.now(datetime.UTC))
        for days in LAST_DAYS:
            first = today - datetime.timedelta(days=days - 1)
            chosen = {"created_from": first.isoformat()}
            yield {
                "url": changelist.get_query_string(chosen, ["created_"]),
                "text": _("Today") if days == 1 else _("Last %(days)d days") % {"days": days},
                "selected": self.used_parameters == chosen,
            }

    def narrow(self, rows: QuerySet[Any], chosen: dict[str, Any]) -> QuerySet[Any]:
        since, last = chosen["created_from"], chosen["created_to"]
        if since is not None:
            rows = rows.filter((f"{self.column}__gte", _begin(since)))
        if last is not None:
            after = _begin(last + datetime.timedelta(days=1))
            rows = rows.filter((f"{self.column}__lt", after))
        return rows


class ReceivedFilter(DaysFilter):
    """When a gateway sent something."""

    column = "received_at"


class _AmountField(forms.DecimalField):
    """An amount, read as the forms that move money read it."""

    #: The decimals of its currency.
    places = 2

    def to_python(self, value: Any) -> Any:
        typed = str(value).strip() if value is not None else ""
        return super().to_python(plain_amount(typed, self.places))


def _amount_field(label: Any) -> forms.DecimalField:
    return _AmountField(
        label=label,
        required=False,
        min_value=0,
        max_digits=MAX_DIGITS,
        decimal_places=DECIMAL_PLACES,
        localize=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "size": 8}),
    )


class AmountsForm(forms.Form):
    """From an amount to an amount, both included, and of which currency."""

    price_from = _amount_field(_("From"))
    price_to = _amount_field(_("To"))
    currency = forms.CharField(
        label=_("Currency"),
        required=False,
        validators=[RegexValidator("^[A-Z]{3}$", _("Three capitals, as in USD."))],
        widget=forms.TextInput(attrs={"size": 4, "maxlength": 3, "placeholder": "USD"}),
    )

    def __init__(self, data: Mapping[str, Any], **options: Any) -> None:
        super().__init__(data, **options)
        with suppress(InvalidInput):  # which its own field says, too
            places = exponent(str(data.get("currency", "USD")))
            for field in self.fields.values():
                if isinstance(field, _AmountField):
                    field.places = places


class AmountsFilter(_RangeFilter):
    """How much was moved."""

    title = _("amount")
    form_class = AmountsForm
    column = "price"

    def narrow(self, rows: QuerySet[Any], chosen: dict[str, Any]) -> QuerySet[Any]:
        if chosen["price_from"] is not None:
            rows = rows.filter((f"{self.column}__gte", chosen["price_from"]))
        if chosen["price_to"] is not None:
            rows = rows.filter((f"{self.column}__lte", chosen["price_to"]))
        return rows.filter(currency=chosen["currency"]) if chosen["currency"] else rows


def _begin(day: datetime.date) -> datetime.datetime:
    return timezone.make_aware(datetime.datetime.combine(day, datetime.time()))
