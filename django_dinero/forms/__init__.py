"""Forms: for card data, which they never show again, and for the admin's pages."""

from __future__ import annotations

from django_dinero.forms.cards import AddCardForm, StoredCardForm
from django_dinero.forms.charges import ChargeForm, ConfirmForm, FollowUpForm
from django_dinero.forms.customers import CustomerForm

__all__ = [
    "AddCardForm",
    "ChargeForm",
    "ConfirmForm",
    "CustomerForm",
    "FollowUpForm",
    "StoredCardForm",
]
