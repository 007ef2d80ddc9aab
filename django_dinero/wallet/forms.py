"""What the server gets of a card: a token, and who is billed where. The number stays outside."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_dinero.forms.fields import KeyField, SecretField


class _TokenInput(forms.HiddenInput):
    """A hidden input that never renders a value."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        return super().get_context(name, None, attrs)


def _line(label: Any, autocomplete: str, limit: int, missing: Any = None) -> forms.CharField:
    """Return a field; one without a text for "missing" may stay empty."""
    widget = forms.TextInput(attrs={"autocomplete": autocomplete})
    errors = {"required": missing} if missing else {}
    return forms.CharField(
        label=label,
        max_length=limit,
        widget=widget,
        required=bool(missing),
        error_messages=errors,
    )


class TokenForm(forms.Form):
    """A card by its token. Extend it with further fields of the billing address by their names.

    Args:
        asks_email: whether it has a field for the address of somebody who has none here.
    """

    key = KeyField()
    token = SecretField(
        widget=_TokenInput,
        error_messages={"required": _("The card was not sent. Enter it once more.")},
    )
    email = forms.EmailField(
        label=_("E-mail"),
        max_length=255,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={"required": _("Enter your e-mail address.")},
    )
    first_name = _line(
        _("First name"), "billing given-name", 50, _("Enter the first name on the card.")
    )
    last_name = _line(
        _("Last name"), "billing family-name", 50, _("Enter the last name on the card.")
    )
    address = _line(_("Street and number"), "billing street-address", 60)
    city = _line(_("City"), "billing address-level2", 40)
    zip = _line(_("Postal code"), "billing postal-code", 20, _("Enter the postal code."))

    def __init__(self, *args: Any, asks_email: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not asks_email:
            del self.fields["email"]

    def card_arguments(self) -> dict[str, Any]:
        """Return what ``Wallet.add_card`` takes."""
        return dict(self.cleaned_data)


class PayForm(forms.Form):
    """Which card pays, in which attempt, and the amount that the shopper saw.

    The price is the server's business: what is sent here is compared with it, and never charged.
    """

    card = forms.UUIDField()
    attempt = forms.IntegerField(min_value=1)
    shown_amount = forms.CharField()

    def problem(self) -> str:
        """Return what is wrong: with the page's template, or with what the shopper chose."""
        hidden = next((name for name in ("attempt", "shown_amount") if name in self.errors), "")
        if hidden:
            return gettext(
                "The form's hidden field “%(name)s” is missing or wrong. Load the page again."
            ) % {"name": hidden}
        return gettext("Choose a card.")


class RemoveForm(forms.Form):
    """The card that is to go."""

    remove = forms.UUIDField()
