"""The forms that charge a stored card, and that follow a charge up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from django_dinero.cards import check_cvv
from django_dinero.exceptions import InvalidInput
from django_dinero.forms.amounts import AmountField, read_amount
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


class ConfirmForm(forms.Form):
    """A button alone: the page asks whether one is sure.

    Args:
        *args: as for any form.
        misplaced: fields from which a card number was removed before it came here.
    """

    key = KeyField()

    def __init__(self, *args: Any, misplaced: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.misplaced = misplaced

    def clean(self) -> dict[str, Any]:
        """Refuse card numbers where none belong."""
        values = super().clean() or {}
        refuse_misplaced(self, self.misplaced)
        return values


class FollowUpForm(ConfirmForm):
    """How much of an earlier transaction is captured.

    Args:
        *args: as for :class:`ConfirmForm`.
        currency: of the earlier transaction.
    """

    amount = AmountField()

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency
        self.fields["amount"].label = _("Amount in %(currency)s") % {"currency": currency}

    def clean_amount(self) -> Decimal:
        """Return the amount, with the decimals of its currency."""
        return read_amount(self.cleaned_data["amount"], self.currency)


def answer() -> forms.CharField:
    """Return the field for what the page asks once more; see ``admin/views/asking.py``."""
    return forms.CharField(required=False, widget=forms.HiddenInput)


def reason() -> forms.CharField:
    """Return the field for why something is undone; it is kept as the new row's description."""
    return text(_("Reason"), help_text=_("Kept with it, for those who ask later."))


class RefundForm(FollowUpForm):
    """How much is given back, and why."""

    sure = answer()
    description = reason()


class VoidForm(ConfirmForm):
    """A button, and why."""

    description = reason()


class ChargeForm(forms.Form):
    """How much, what for, and whether the money is taken now.

    Args:
        *args: as for any form; ``data`` may hold the CVV as a secret.
        gateway: its currency is offered, as the only one where it has one.
        asks_currency: ask for the currency all the same, since other gateways can be chosen.
        misplaced: fields from which a card number was removed before it came here.
    """

    key = KeyField()
    sure = answer()
    price = AmountField(label=_("Amount"))
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
        self,
        *args: Any,
        gateway: Gateway,
        asks_currency: bool = False,
        misplaced: tuple[str, ...] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.misplaced = misplaced
        self.gateway = gateway
        if gateway.single_currency and not asks_currency:
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
            self._read_price(values, currency)

    def _read_price(self, values: dict[str, Any], currency: str) -> None:
        try:
            values["price"] = read_amount(values["price"], currency)
        except forms.ValidationError as error:
            self.add_error("price", error)

    @staticmethod
    def _check_cvv(values: dict[str, Any]) -> None:
        check_cvv(values.get("cvv"))

    def arguments(self) -> dict[str, Any]:
        """Return what :meth:`Transaction.create` takes, but for the card and the key."""
        names = ("price", "currency", "settle", "order_reference", "description", "cvv")
        return {name: self.cleaned_data[name] for name in names}
