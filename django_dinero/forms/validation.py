"""The form that asks a card's issuer whether the card is good."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from django_dinero.cards import check_cvv
from django_dinero.exceptions import InvalidInput
from django_dinero.forms.charges import ConfirmForm
from django_dinero.forms.fields import SecretField, SecretInput, add_errors, numeric


class ValidateForm(ConfirmForm):
    """The card's code, if its holder has just told it.

    Args:
        *args: as for :class:`ConfirmForm`; ``data`` may hold the CVV as a secret.
    """

    cvv = SecretField(
        label=_("Card code (CVV)"),
        required=False,
        widget=SecretInput(attrs=numeric(4)),
        help_text=_("Only if the customer has just told it: 3 or 4 digits, stored nowhere."),
    )

    @sensitive_variables("values")
    def clean(self) -> dict[str, Any]:
        """Check the CVV; the error stands at its field."""
        values = super().clean()
        try:
            check_cvv(values.get("cvv"))
        except InvalidInput as error:
            add_errors(self, error)
        return values
