"""Indexes over a part of a table, where the database has such."""

from __future__ import annotations

from typing import Any

from django.db import models


class ValuesIndex(models.Index):
    """An index that leaves out the rows where its first column is NULL.

    A row without a value does not pay for it. MariaDB has no such index and gets one over all rows;
    Django would create none there for a ``condition``, and warn of it at each ``check``.
    """

    def create_sql(
        self, model: type[models.Model], schema_editor: Any, using: str = "", **kwargs: Any
    ) -> Any:
        if not schema_editor.connection.features.supports_partial_indexes:
            return super().create_sql(model, schema_editor, using, **kwargs)
        has_value = models.Q((f"{self.fields[0]}__isnull", False))
        partial = models.Index(fields=self.fields, name=self.name, condition=has_value)
        return partial.create_sql(model, schema_editor, using, **kwargs)


class UnlessIndex(models.Index):
    """An index that leaves out the rows that have one value, which most of them have.

    PostgreSQL uses it for any other value that a query asks for; SQLite would for the very
    condition alone. MariaDB gets one over all rows.
    """

    def __init__(self, *, unless: tuple[str, str], **options: Any) -> None:
        self.unless = unless
        super().__init__(**options)

    def deconstruct(self) -> Any:
        path, arguments, options = super().deconstruct()
        return path, arguments, {**options, "unless": self.unless}

    def create_sql(
        self, model: type[models.Model], schema_editor: Any, using: str = "", **kwargs: Any
    ) -> Any:
        if not schema_editor.connection.features.supports_partial_indexes:
            return super().create_sql(model, schema_editor, using, **kwargs)
        others = ~models.Q(self.unless)
        partial = models.Index(fields=self.fields, name=self.name, condition=others)
        return partial.create_sql(model, schema_editor, using, **kwargs)
