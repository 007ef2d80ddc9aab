"""The form of a stored card, without its number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from django_dinero.cards import ADDRESS_FIELDS, check_expiry
from django_dinero.exceptions import InvalidInput
from django_dinero.forms.fields import add_errors
from django_dinero.models import CreditCard
from django_dinero.models.sync_state import SyncState

if TYPE_CHECKING:
    _CardModelForm = forms.ModelForm[CreditCard]
else:
    _CardModelForm = forms.ModelForm


class StoredCardForm(_CardModelForm):
    """What may be changed of a stored card: who is billed where, when it expires, the default."""

    is_default = forms.BooleanField(
        label=_("Charge this card by default"),
        required=False,
        help_text=_("To take it away, make another card the default one."),
    )

    class Meta:
        model = CreditCard
        fields = (*ADDRESS_FIELDS, "month", "year")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("is_default")
        if field is not None and self.instance.pk:
            field.initial = self.instance.is_default
            field.disabled = self.instance.is_default

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        card = self.instance
        errors: dict[str, str] = {}
        if card.expiry_changed and not {"month", "year"} & set(self.errors):
            check_expiry(card.month, card.year, errors)
        if card.sync_state == SyncState.MISSING:
            self.add_error(None, _("The gateway no longer has this card; it cannot be changed."))
        try:
            card.check_values()
        except InvalidInput as error:
            add_errors(self, error)
        if errors:
            add_errors(self, InvalidInput(errors))
        if self.cleaned_data.get("is_default") and not card.is_default:
            card.is_default = True
