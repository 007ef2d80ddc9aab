"""The form that charges a card which somebody reads out, by mail or on the telephone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from django_dinero.cards import ADDRESS_FIELDS, card_details
from django_dinero.exceptions import InvalidInput
from django_dinero.forms.cards import AddCardForm, address_fields
from django_dinero.forms.charges import ChargeForm
from django_dinero.forms.fields import WIDE, add_errors
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.calls import check_request
from django_dinero.gateways.types import CardRequest


class KeyedChargeForm(ChargeForm):
    """A charge with the card that pays it; number and CVV go to the gateway only.

    Args:
        *args: as for any form; ``data`` may hold number and CVV as secrets.
        gateway: the one that is charged at.
        gateways: the names of those that can be chosen; empty where any name may be typed.
    """

    gateway_name = forms.CharField(label=_("Gateway"), max_length=64)
    number = AddCardForm.base_fields["number"]
    month = AddCardForm.base_fields["month"]
    year = AddCardForm.base_fields["year"]
    email = forms.EmailField(
        label=_("E-mail"),
        required=False,
        widget=forms.EmailInput(attrs={"class": WIDE, "autocomplete": "off"}),
        help_text=_("For the gateway's receipt, if it sends one."),
    )

    def __init__(
        self, *args: Any, gateway: Gateway, gateways: Sequence[str] = (), **kwargs: Any
    ) -> None:
        is_only_one = list(gateways) == [gateway.name]
        super().__init__(*args, gateway=gateway, asks_currency=not is_only_one, **kwargs)
        self.fields |= address_fields()
        self.fields["cvv"].help_text = _("3 or 4 digits; used for this charge and stored nowhere.")
        if is_only_one:
            del self.fields["gateway_name"]
        elif gateways:
            choices = [(name, name) for name in gateways]
            self.fields["gateway_name"] = forms.ChoiceField(label=_("Gateway"), choices=choices)
        for name in self.fields.keys() & set(gateway.required_card_fields):
            self.fields[name].required = True

    @sensitive_variables("values")
    def clean(self) -> dict[str, Any]:
        """Check number, date and CVV together too; the errors stand at their fields."""
        values = super().clean()
        try:
            check_request(self.gateway, CardRequest("", "", card_details(values)))
        except InvalidInput as error:
            add_errors(self, error)
        return values

    def arguments(self) -> dict[str, Any]:
        """Return what :meth:`Transaction.create` takes, but for the key."""
        names = ("number", "month", "year", "email", *ADDRESS_FIELDS)
        typed = {name: self.cleaned_data[name] for name in names}
        return {**super().arguments(), **typed, "gateway_name": self.gateway.name}
