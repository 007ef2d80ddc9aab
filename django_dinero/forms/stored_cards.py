"""The form of a stored card, without its number."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from django_dinero.cards import ADDRESS_FIELDS
from django_dinero.forms.fields import KeepsOthersChanges
from django_dinero.models import CreditCard
from django_dinero.models.sync_state import SyncState


class StoredCardForm(KeepsOthersChanges):
    """What may be changed of a stored card: who is billed where, when it expires, the default."""

    compared = (*ADDRESS_FIELDS, "month", "year")

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
        super()._post_clean()
        card = self.instance
        if card.sync_state == SyncState.MISSING:
            self.add_error(None, _("The gateway no longer has this card; it cannot be changed."))
        if self.cleaned_data.get("is_default") and not card.is_default:
            card.is_default = True
