"""States and statuses as coloured words: the word says it, the colour only makes it quick."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from django_dinero.models import Transaction
from django_dinero.models.difference import DifferenceState
from django_dinero.models.family import Family
from django_dinero.models.operation import OperationState
from django_dinero.models.reconciliation import ReconciliationState
from django_dinero.models.standing import Standing, Tone, standing_of
from django_dinero.models.sync_state import SyncState
from django_dinero.models.webhook_event import EventState

#: What a state means; whatever is not named here is neutral. No two enumerations have one value
#: that means different things.
TONES: Mapping[str, Tone] = {
    **dict.fromkeys((OperationState.SUCCEEDED, SyncState.SYNCED), Tone.GOOD),
    **dict.fromkeys((EventState.APPLIED, ReconciliationState.FINISHED), Tone.GOOD),
    **dict.fromkeys((OperationState.NEW, OperationState.SENT), Tone.OPEN),
    **dict.fromkeys((OperationState.HELD, OperationState.REQUIRES_ACTION), Tone.OPEN),
    **dict.fromkeys((SyncState.PENDING, EventState.RECEIVED, EventState.PARKED), Tone.OPEN),
    ReconciliationState.RUNNING: Tone.OPEN,
    **dict.fromkeys((OperationState.UNKNOWN, OperationState.NEEDS_ATTENTION), Tone.BAD),
    **dict.fromkeys((OperationState.DECLINED, OperationState.FAILED), Tone.BAD),
    **dict.fromkeys((SyncState.ERROR, SyncState.MISSING, EventState.GIVEN_UP), Tone.BAD),
    **dict.fromkeys((DifferenceState.OPEN, ReconciliationState.BROKEN), Tone.BAD),
}


def badge(text: object, tone: Tone) -> str:
    """Return a word in the colour of its tone."""
    return format_html('<span class="dinero-word dinero-{}">{}</span>', tone.value, text)


def state_badge(value: str, text: object) -> str:
    """Return a row's state in words, in the colour of what it means."""
    return badge(text, TONES.get(value, Tone.NEUTRAL))


def standing_badge(standing: Standing) -> str:
    """Return what became of a payment, likewise."""
    return badge(standing.label, standing.tone)


@admin.display(description=_("status"), ordering="status")
def transaction_standing(row: Transaction) -> str:
    """Return what became of a payment, from it and what has followed it."""
    return standing_badge(standing_of(Family.of(row)))
