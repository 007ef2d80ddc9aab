"""The forms that close a difference, and an operation that needs attention."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from django_dinero.forms.charges import ConfirmForm


class CloseForm(ConfirmForm):
    """Why the two sides differ."""

    note = forms.CharField(
        label=_("Explanation"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": "4", "class": "vLargeTextField"}),
        help_text=_("For those who ask later: why the two sides differ, and what was done."),
    )


class CloseOperationForm(CloseForm):
    """What a person found out about an operation."""

    note = forms.CharField(
        label=_("Explanation"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": "4", "class": "vLargeTextField"}),
        help_text=_(
            "For those who ask later: what the gateway's own pages show, and what you did."
        ),
    )
