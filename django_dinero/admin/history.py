"""What a row's history says of the verbs: each end once, however often its form is sent."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext as _

from django_dinero.db.queries import primary
from django_dinero.exceptions import (
    ActionRequired,
    DineroError,
    HeldForReview,
    NeedsAttention,
    OutcomeUnknown,
)
from django_dinero.money import amount_text

#: Ends that leave something to find out: they stand in the history too.
OPEN_ENDS = (OutcomeUnknown, HeldForReview, ActionRequired, NeedsAttention)
#: What Django's history says of a row that was added.
ADDED: list[dict[str, Any]] = [{"added": {}}]
#: Among how many of the user's newest entries a form's key is looked for. Django's history has no
#: index for a row's entries, and a form is sent again within minutes or never.
RECENT = 300


def note_open_end(
    model_admin: ModelAdmin[Any], request: HttpRequest, row: Model, error: DineroError, title: str
) -> None:
    """Write into a row's history what somebody will have to find out, once.

    In our words: a gateway thanks for the order that it has just put on hold.
    """
    operation = error.operation
    if operation is None or not isinstance(error, OPEN_ENDS):
        return
    what = operation.get_kind_display()
    if operation.amount is not None:
        what += f" {amount_text(operation.amount, operation.currency)}"
    log_once(model_admin, request, row, f"{what}: {title}", f"[{operation.key}, {_('open')}]")


def log_once(
    model_admin: ModelAdmin[Any], request: HttpRequest, row: Model, text: str, mark: str
) -> bool:
    """Write a text and its mark into a row's history; say False if the mark stands there."""
    if is_logged(request, row, mark):
        return False
    model_admin.log_change(request, row, f"{text} {mark}")
    return True


def log_addition_once(model_admin: ModelAdmin[Any], request: HttpRequest, row: Model) -> bool:
    """Write into a row's history that it was added; say False if that stands there."""
    if is_logged(request, row, json.dumps(ADDED)):
        return False
    model_admin.log_addition(request, row, ADDED)
    return True


def is_logged(request: HttpRequest, row: Model, mark: str) -> bool:
    """Say whether this user has written a mark into a row's history of late."""
    kind = ContentType.objects.get_for_model(row)
    mine = primary(LogEntry).filter(user=request.user.pk, content_type=kind).order_by("-pk")
    recent = mine.values_list("object_id", "change_message")[:RECENT]
    return any(pk == str(row.pk) and mark in message for pk, message in recent)
