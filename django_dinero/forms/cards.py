"""The form of a new card."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from django_dinero.cards import ADDRESS_FIELDS, card_details
from django_dinero.exceptions import InvalidInput
from django_dinero.forms.fields import (
    WIDE,
    KeyField,
    SecretField,
    SecretInput,
    add_errors,
    numeric,
    refuse_misplaced,
    text,
)
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.calls import check_request
from django_dinero.gateways.types import CardRequest
from django_dinero.models import CreditCard


class AddCardForm(forms.Form):
    """A card as somebody reads it from the plastic.

    Args:
        *args: as for any form; ``data`` may hold number and CVV as secrets.
        gateway: what it demands is marked, and its limits are checked with all the rest.
        misplaced: fields from which a card number was removed before it came here.
    """

    key = KeyField()
    number = SecretField(
        label=_("Card number"),
        error_messages={"required": _("A card number is required.")},
        widget=SecretInput(attrs=numeric(30, **{"class": WIDE})),
        help_text=_("12 to 19 digits; spaces and dashes are fine. It goes to the gateway only."),
    )
    month = forms.CharField(
        label=_("Expiry month"),
        required=False,
        widget=forms.TextInput(attrs=numeric(2, placeholder=_("MM"))),
    )
    year = forms.CharField(
        label=_("Expiry year"),
        required=False,
        widget=forms.TextInput(attrs=numeric(4, placeholder=_("YYYY"))),
    )
    cvv = SecretField(
        label=_("Card code (CVV)"),
        required=False,
        widget=SecretInput(attrs=numeric(4)),
        help_text=_("3 or 4 digits; used for this check and stored nowhere."),
    )
    is_default = forms.BooleanField(
        label=_("Charge this card by default"),
        required=False,
        help_text=_("The first card of a customer is the default one in any case."),
    )

    def __init__(
        self,
        *args: Any,
        gateway: Gateway,
        misplaced: tuple[str, ...] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields |= address_fields()
        self.misplaced = misplaced
        self.gateway = gateway
        for name in self.fields.keys() & set(gateway.required_card_fields):
            self.fields[name].required = True

    @sensitive_variables("values", "details")
    def clean(self) -> dict[str, Any]:
        """Check number, date and CVV together; the errors stand at their fields."""
        values = super().clean() or {}
        refuse_misplaced(self, self.misplaced)
        try:
            details = card_details(values)
            check_request(self.gateway, CardRequest("", "", details))
        except InvalidInput as error:
            add_errors(self, error)
        return values

    def arguments(self) -> dict[str, Any]:
        names = ("number", "cvv", "month", "year", "is_default", *ADDRESS_FIELDS)
        return {name: self.cleaned_data[name] for name in names}


def address_fields() -> dict[str, forms.Field]:
    """Return a line of text for each of ``ADDRESS_FIELDS``, as the model's column has it."""
    columns = {column.name: column for column in CreditCard._meta.fields}
    return {
        name: text(capfirst(columns[name].verbose_name), columns[name].max_length or 255)
        for name in ADDRESS_FIELDS
    }
