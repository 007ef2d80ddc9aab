"""What django-dinero adds to Django's database layer; settings import :func:`journal_alias`."""

from __future__ import annotations

import copy
from typing import Any

#: How long a journal write waits for a lock before it gives up: nothing has been sent by then.
JOURNAL_LOCK_SECONDS = 2


def journal_alias(database: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a ``DATABASES`` entry for ``DINERO["JOURNAL_ALIAS"]``.

    It is a second connection to the same database, whose writes survive a rollback of the first.
    It must not be wrapped by ATOMIC_REQUESTS, must not wait long for a lock that the caller's own
    transaction holds, and in tests shares the test database.
    """
    entry = copy.deepcopy(database)
    entry["ATOMIC_REQUESTS"] = False
    entry["TEST"] = {**entry.get("TEST", {}), "MIRROR": "default"}
    options = entry.setdefault("OPTIONS", {})
    options.pop("pool", None)
    if entry["ENGINE"].endswith(("postgresql", "postgis")):
        flag = f"-c lock_timeout={JOURNAL_LOCK_SECONDS * 1000}"
        options["options"] = f"{options.get('options', '')} {flag}".strip()
    elif entry["ENGINE"].endswith("mysql"):
        options["init_command"] = _also_set(
            options.get("init_command", ""), f"innodb_lock_wait_timeout={JOURNAL_LOCK_SECONDS}"
        )
    return entry


def _also_set(command: str, assignment: str) -> str:
    # One SET of both where that can be: not every driver allows two statements in one command.
    if not command:
        return f"SET {assignment}"
    joint = ", " if command.upper().startswith("SET ") else "; SET "
    return f"{command.rstrip('; ')}{joint}{assignment}"
