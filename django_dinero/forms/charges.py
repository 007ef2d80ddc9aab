"""The forms that charge a stored card, and that follow a charge up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from django_dinero.cards import check_cvv
from django_dinero.exceptions import InvalidInput
from django_dinero.forms.fields import (
    SHORT,
    KeyField,
    SecretField,
    SecretInput,
    add_errors,
    numeric,
    refuse_misplaced,
    text,
)
from django_dinero.gateways.base import Gateway
from django_dinero.money import parse_amount


class ConfirmForm(forms.Form):
    """A button alone: the page asks whether one is sure."""

    key = KeyField()


class FollowUpForm(ConfirmForm):
    """How much of an earlier transaction is captured or refunded.

    Args:
        *args: as for any form.
        currency: of the earlier transaction.
        misplaced: fields from which a card number was removed before it came here.
    """

    amount = forms.CharField(
        max_length=32,
        widget=forms.TextInput(
            attrs={"class": SHORT, "inputmode": "decimal", "autocomplete": "off", "size": "12"}
        ),
    )

    def __init__(
        self, *args: Any, currency: str, misplaced: tuple[str, ...] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency
        self.misplaced = misplaced
        self.fields["amount"].label = _("Amount in %(currency)s") % {"currency": currency}

    def clean_amount(self) -> Decimal | None:
        """Return the amount in plain digits, with the decimals of its currency."""
        try:
            return parse_amount(self.cleaned_data["amount"], self.currency, field="amount")
        except InvalidInput as error:
            refusal = error.errors
        raise forms.ValidationError([text for texts in refusal.values() for text in texts])

    def clean(self) -> dict[str, Any]:
        """Refuse card numbers where none belong."""
        values = super().clean() or {}
        refuse_misplaced(self, self.misplaced)
        return values


class ChargeForm(forms.Form):
    """How much, what for, and whether the money is taken now.

    Args:
        *args: as for any form; ``data`` may hold the CVV as a secret.
        gateway: its currency is offered, as the only one where it has one.
        misplaced: fields from which a card number was removed before it came here.
    """

    key = KeyField()
    # A CharField: what was typed is parsed by the same rules as everywhere, without rounding.
    price = forms.CharField(
        label=_("Amount"),
        max_length=32,
        widget=forms.TextInput(
            attrs={"class": SHORT, "inputmode": "decimal", "autocomplete": "off", "size": "12"}
        ),
    )
    currency = forms.CharField(
        label=_("Currency"),
        max_length=3,
        widget=forms.TextInput(attrs={"class": SHORT, "size": "3", "autocomplete": "off"}),
    )
    settle = forms.TypedChoiceField(
        label=_("What to do"),
        choices=(
            ("charge", _("Charge: take the money now")),
            ("authorize", _("Authorize only: reserve it, take it later")),
        ),
        coerce=lambda value: value == "charge",
        initial="charge",
        widget=forms.RadioSelect,
    )
    order_reference = text(_("Order reference"), help_text=_("Your own number of the order."))
    description = text(_("Description"))
    cvv = SecretField(
        label=_("Card code (CVV)"),
        required=False,
        widget=SecretInput(attrs=numeric(4)),
        help_text=_("Only if the customer has just told it: 3 or 4 digits, stored nowhere."),
    )

    def __init__(
        self, *args: Any, gateway: Gateway, misplaced: tuple[str, ...] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.misplaced = misplaced
        self.gateway = gateway
        if gateway.single_currency:
            del self.fields["currency"]
            self.fields["price"].label = _("Amount in %(currency)s") % {
                "currency": gateway.currency
            }
        else:
            self.fields["currency"].initial = gateway.currency

    def clean(self) -> dict[str, Any]:
        """Check amount and CVV; the errors stand at their fields."""
        values = super().clean() or {}
        refuse_misplaced(self, self.misplaced)
        for check in (self._check_price, self._check_cvv):
            try:
                check(values)
            except InvalidInput as error:
                add_errors(self, error)
        return values

    def _check_price(self, values: dict[str, Any]) -> None:
        currency = values.setdefault("currency", self.gateway.currency)
        if "price" in values and "currency" not in self.errors:
            values["price"] = parse_amount(values["price"], currency)

    @staticmethod
    def _check_cvv(values: dict[str, Any]) -> None:
        check_cvv(values.get("cvv"))

    def arguments(self) -> dict[str, Any]:
        """Return what :meth:`Transaction.create` takes, but for the card and the key."""
        names = ("price", "currency", "settle", "order_reference", "description", "cvv")
        return {name: self.cleaned_data[name] for name in names}
