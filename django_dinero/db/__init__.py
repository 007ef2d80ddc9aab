"""Additions to Django's database layer. Settings files import :func:`journal_alias` from here."""

from __future__ import annotations

import copy
from typing import Any

#: Seconds that a journal write waits for a lock. Nothing has been sent when it gives up.
JOURNAL_LOCK_SECONDS = 2


def journal_alias(database: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a ``DATABASES`` entry for ``DINERO["JOURNAL_ALIAS"]``.

    It is a second connection to the same database, so that its writes survive a rollback of the
    first. ATOMIC_REQUESTS is switched off on it, it waits only briefly for locks (the caller's own
    transaction may have them), and in tests it shares the test database.
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
    # One SET for both where possible: not every driver allows two statements in one command.
    if not command:
        return f"SET {assignment}"
    joint = ", " if command.upper().startswith("SET ") else "; SET "
    return f"{command.rstrip('; ')}{joint}{assignment}"
