"""Short queries: what Django does for every one of them, and what not each needs."""

from __future__ import annotations

from typing import TypeVar

from django.db import models

ModelT = TypeVar("ModelT", bound=models.Model)


def only_row(rows: models.QuerySet[ModelT]) -> ModelT | None:
    """Return the row that a unique condition finds, or None.

    Not ``first()``, which sorts: Django would write an ORDER BY for one row, which takes it a sixth
    of the whole query.
    """
    return next(iter(rows.order_by()), None)
