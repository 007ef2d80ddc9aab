"""What of a row its page shows: all that there is, and no empty lines."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import lookup_field
from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest

from django_dinero.admin.base import DineroAdmin
from django_dinero.admin.display import NONE

#: What says nothing. An unticked box and a zero do.
EMPTY: tuple[Any, ...] = (None, "", NONE, {})


def without_empty(
    model_admin: DineroAdmin, request: HttpRequest, fieldsets: Any, row: Any
) -> tuple[Any, ...]:
    """Return the fieldsets without what is empty and cannot be filled in; a whole empty one goes.

    So does what tells of rows that this user may not see.

    Args:
        model_admin: says which of the fields are for reading alone.
        request: whose user may or may not change the row.
        fieldsets: as Django has them.
        row: the row that is shown.
    """
    changes = model_admin.has_change_permission(request, row)
    readonly = {*model_admin.get_readonly_fields(request, row)}
    hidden = {*model_admin.hidden_fields(request, row)}
    found = []
    for name, options in fieldsets:
        fields = [
            each
            for each in options["fields"]
            if hidden.isdisjoint(_names(each))
            and (
                (changes and not readonly.issuperset(_names(each)))
                or not _is_empty(model_admin, each, row)
            )
        ]
        if fields:
            found.append((name, {**options, "fields": fields}))
    return tuple(found)


def _names(field: Any) -> tuple[Any, ...]:
    """Return the fields of a line; one by itself is a line, too."""
    return tuple(field) if isinstance(field, list | tuple) else (field,)


def _is_empty(model_admin: DineroAdmin, field: Any, row: Any) -> bool:
    return all(_is_nothing(model_admin, name, row) for name in _names(field))


def _is_nothing(model_admin: DineroAdmin, name: Any, row: Any) -> bool:
    try:
        _field, _attr, value = lookup_field(name, row, model_admin)
    except (AttributeError, TypeError, ObjectDoesNotExist):
        return False  # a project's own: Django shows it as it can
    return value in EMPTY
