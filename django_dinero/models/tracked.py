"""Rows that know which of their columns were changed here since they were read.

Two requests that change different fields of one row must not undo each other's change. So a save
writes what this instance changed, and nothing that it merely read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Any, Self

from django.db import models
from django.db.models import QuerySet

from django_dinero.db.on_commit import when_committed
from django_dinero.models.own_row import OwnRowModel


class TrackedModel(OwnRowModel):
    """Remembers the values that its row was read or written with."""

    _loaded: Mapping[str, Any] = {}
    #: Columns written in a transaction that has not been committed. After a rollback the row does
    #: not have them, so they count as changed until then.
    _uncommitted: Mapping[str, object] = {}

    class Meta:
        abstract = True

    @classmethod
    def from_db(
        cls,
        db: str | None,
        field_names: Collection[str],
        values: Collection[Any],
        **options: Any,
    ) -> Self:
        """Load a row, and remember its values."""
        row = super().from_db(db, field_names, values, **options)
        row._loaded = dict(zip(field_names, values, strict=False))
        return row

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: QuerySet[Any] | None = None,
    ) -> None:
        """Load the fields again. Their new values count as unchanged."""
        names = None if fields is None else set(fields)
        super().refresh_from_db(using=using, fields=names, from_queryset=from_queryset)
        self.remember_loaded(names)

    def remember_loaded(self, names: Collection[str] | None = None) -> None:
        """Count the present values of these fields, or of all, as those of the row."""
        columns = {
            field.attname
            for field in self._meta.concrete_fields
            if names is None or field.name in names or field.attname in names
        }
        present = {name: self.__dict__[name] for name in columns & self.__dict__.keys()}
        self._loaded = {**self._loaded, **present}
        self._uncommitted = {n: t for n, t in self._uncommitted.items() if n not in columns}

    def changed(self, *names: str) -> list[str]:
        """Return which of these columns differ from what was loaded or saved last."""
        return [n for n in names if n in self._loaded and self._loaded[n] != self.__dict__.get(n)]

    def is_unsaved(self, column: str) -> bool:
        """Say whether the row may lack the value that this instance has in a column."""
        known = column in self._loaded and column not in self._uncommitted
        return not known or self._loaded[column] != self.__dict__.get(column)

    def remember_written(self, written: Mapping[str, Any], using: str) -> None:
        """Remember the columns that were just written, for good once they are committed."""
        self._loaded = {**self._loaded, **written}
        token = object()
        self._uncommitted = {**self._uncommitted, **dict.fromkeys(written, token)}
        when_committed(using, partial(self._forget_uncommitted, token))

    def _forget_uncommitted(self, token: object) -> None:
        self._uncommitted = {n: t for n, t in self._uncommitted.items() if t is not token}

    def take_over(self, row: models.Model, *, always: Collection[str] = ()) -> None:
        """Bring this instance up to date with another one of the same row.

        Values that were changed here and not saved stay.

        Args:
            row: the other instance; of the same model, or of the one that this one extends.
            always: columns that are taken over in any case.
        """
        news = {
            column
            for column in (field.attname for field in row._meta.concrete_fields)
            if column in row.__dict__
            and column in self.__dict__
            and (column in always or not self.is_unsaved(column))
        }
        for column in news:
            # Not in __dict__: Django forgets the related object of a foreign key that changes.
            setattr(self, column, row.__dict__[column])
        self.remember_loaded(news)
