"""The time by the database's clock, where there is no row to read it with."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from django.db.models.sql import Query

from django_dinero.db.fields import UtcNow


def now(using: str) -> datetime:
    """Return the time by the clock of a database, aware and in UTC."""
    query = Query(None)
    query.add_annotation(UtcNow(), "now")
    (found,) = next(iter(query.get_compiler(using=using).results_iter()))
    return cast("datetime", found)
