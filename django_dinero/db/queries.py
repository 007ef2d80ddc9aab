"""Short queries: what Django does for every one of them, and what not each needs."""

from __future__ import annotations

from typing import TypeVar

from django.db import models, router

ModelT = TypeVar("ModelT", bound=models.Model)


def only_row(rows: models.QuerySet[ModelT]) -> ModelT | None:
    """Return the row that a unique condition finds, or None.

    Not ``first()``, which sorts: Django would write an ORDER BY for one row, which takes it a sixth
    of the whole query.
    """
    return next(iter(rows.order_by()), None)


def primary(model: type[ModelT]) -> models.QuerySet[ModelT]:
    """Return a model's rows in the database that is written to.

    What was just written, or what money hangs on, is never read from a replica.
    """
    return model._default_manager.using(router.db_for_write(model))


def read_again(row: models.Model) -> None:
    """Bring a row up to date from the database that is written to."""
    row.refresh_from_db(using=router.db_for_write(type(row)))
