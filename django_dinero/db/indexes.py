"""An index over the few rows that have a value."""

from __future__ import annotations

from typing import Any

from django.db import models


class ValuesIndex(models.Index):
    """An index over one column that leaves out the rows where it is NULL.

    A row without a value does not pay for it. MariaDB has no such index and gets one over all rows;
    Django would create none there for a ``condition``, and warn of it at each ``check``.
    """

    def create_sql(
        self, model: type[models.Model], schema_editor: Any, using: str = "", **kwargs: Any
    ) -> Any:
        if not schema_editor.connection.features.supports_partial_indexes:
            return super().create_sql(model, schema_editor, using, **kwargs)
        (column,) = self.fields
        has_value = models.Q((f"{column}__isnull", False))
        partial = models.Index(fields=self.fields, name=self.name, condition=has_value)
        return partial.create_sql(model, schema_editor, using, **kwargs)
