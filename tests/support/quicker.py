"""What makes each test cheaper and changes none: run by tests/conftest.py."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from django.core.management import sql
from django.core.management.commands import flush

#: Tables that migrations fill, and no test changes.
FILLED_BY_MIGRATIONS = frozenset({"django_content_type", "auth_permission"})


def collect_rarely() -> None:
    """Let the collector leave alone what was imported, and look at the rest less often.

    Some 100,000 objects of Django, of this package and of the tests never go away. To look at them
    again and again took a twelfth of the suite.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def keep_permissions(patch: pytest.MonkeyPatch) -> None:
    """Let content types and permissions stay when a test with real transactions ends.

    Django empties all tables then, and has every app write its permissions anew: that took longer
    than most of these tests.
    """
    flush_all = sql.sql_flush

    def flush_the_others(style: Any, connection: Any, **options: Any) -> list[str]:
        tables = connection.introspection.django_table_names

        def others(**given: Any) -> list[str]:
            return [name for name in tables(**given) if name not in FILLED_BY_MIGRATIONS]

        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(connection.introspection, "django_table_names", others)
            return flush_all(style, connection, **options)

    patch.setattr(flush, "sql_flush", flush_the_others)
    patch.setattr(flush, "emit_post_migrate_signal", lambda *_args, **_options: None)
