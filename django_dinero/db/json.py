"""JSON that the database changes by itself, so that nothing is overwritten that was read before."""

from __future__ import annotations

from typing import Any

from django.db import NotSupportedError
from django.db.models import Func, JSONField


class WithoutKeys(Func):
    """A JSON column without some keys of its object; keys that it does not have do no harm.

    Args:
        column: of this name.
        *keys: words of letters and underscores.
    """

    output_field = JSONField()

    def __init__(self, column: str, *keys: str) -> None:
        super().__init__(column)
        self.keys = keys

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> Any:  # type: ignore[override]
        raise NotSupportedError("WithoutKeys knows PostgreSQL, MariaDB and SQLite.")

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        column, params = compiler.compile(self.source_expressions[0])
        return f"({column} - %s::text[])", (*params, list(self.keys))

    def as_mysql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self._by_path(compiler)

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self._by_path(compiler)

    def _by_path(self, compiler: Any) -> tuple[str, tuple[str, ...]]:
        column, params = compiler.compile(self.source_expressions[0])
        paths = tuple(f"$.{key}" for key in self.keys)
        places = ", ".join(["%s"] * len(paths))
        return f"JSON_REMOVE({column}, {places})", (*params, *paths)
