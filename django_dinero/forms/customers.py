"""The form of a customer."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from django_dinero import conf
from django_dinero.forms.fields import WIDE, KeepsOthersChanges
from django_dinero.gateways.registry import gateways
from django_dinero.models import Customer


class CustomerForm(KeepsOthersChanges):
    """E-mail and names; for a new customer the gateway too, which never changes afterwards."""

    compared = ("email", "first_name", "last_name", "owner")

    email = forms.EmailField(
        label=_("E-mail"),
        max_length=255,
        required=False,
        widget=forms.EmailInput(attrs={"class": WIDE, "autocomplete": "off"}),
    )

    class Meta:
        model = Customer
        fields = ("gateway_name", "email", "first_name", "last_name", "owner")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("first_name", "last_name"):
            # Else the browser of whoever types keeps it on its disk, and offers his own name.
            if name in self.fields:
                self.fields[name].widget.attrs["autocomplete"] = "off"
        if self.instance.pk is None and "email" in self.fields:
            self.fields["email"].required = True
        if self.instance.pk is None and not conf.gateway_resolver():
            # With a resolver any name may exist, and the model asks it.
            self._offer_gateways()

    def _offer_gateways(self) -> None:
        if "gateway_name" in self.fields:
            self.fields["gateway_name"] = forms.ChoiceField(
                label=_("Gateway"),
                choices=[(name, name) for name in gateways],
                initial=conf.DEFAULT_GATEWAY,
                help_text=_("Where the customer's cards will be stored. It cannot be changed."),
            )
