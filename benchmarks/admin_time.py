"""What the database needs for a page of the admin, query by query, as PostgreSQL itself says it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.test import Client


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a page: its text, milliseconds of planning and execution, and its plan."""

    sql: str
    ms: float
    plan: dict[str, Any]


def queries_of(client: Client, address: str) -> list[tuple[str, Any]]:
    """Open a page; return the queries that it made, with their values.

    Raises:
        AssertionError: the page was not shown.
    """
    found: list[tuple[str, Any]] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT"):
            found.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        answer = client.get(address)
    assert answer.status_code == 200, (address, answer)
    return found


def explained(sql: str, params: Any) -> Query:
    """Let PostgreSQL execute a query and tell how long that took."""
    with connection.cursor() as cursor:
        # Without the clock at each row, which costs more than the row.
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {sql}", params)
        (answer,) = cursor.fetchone()
    (found,) = json.loads(answer) if isinstance(answer, str) else answer
    return Query(sql, found["Planning Time"] + found["Execution Time"], found["Plan"])


def database_time(client: Client, address: str, rounds: int) -> tuple[float, int]:
    """Return the milliseconds of all queries of a page, and how many there are.

    Args:
        client: somebody who may see it.
        address: of the page.
        rounds: how often each query is executed; the shortest time counts, since what else a
            machine does only adds to it.
    """
    asked = queries_of(client, address)
    times = (min(explained(*each).ms for _round in range(rounds)) for each in asked)
    return sum(times), len(asked)
