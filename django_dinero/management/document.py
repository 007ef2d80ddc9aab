"""What the commands answer programs: one JSON document, of the same shape from each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.management.base import CommandParser
from django.core.serializers.json import DjangoJSONEncoder


@dataclass(frozen=True, slots=True)
class Section:
    """What came of one gateway.

    Attributes:
        counts: what was done or found, by name.
        problems: what somebody has to see to, a sentence each.
        facts: what this command alone tells.
    """

    gateway_name: str
    counts: Mapping[str, int] = field(default_factory=dict)
    problems: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_ok(self) -> bool:
        """Whether nobody has to see to anything."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """Return it as one object of the document."""
        return {
            **self.facts,
            "gateway": self.gateway_name,
            "ok": self.is_ok,
            "counts": {name: count for name, count in self.counts.items() if count},
            "problems": list(self.problems),
        }


def add_json(parser: CommandParser) -> None:
    """Let a command take ``--json``."""
    parser.add_argument("--json", action="store_true", help="Answer in JSON, for programs.")


def document(
    command: str,
    sections: Iterable[Section],
    *,
    counts: Mapping[str, int] | None = None,
    **facts: Any,
) -> str:
    """Return the document, in one line.

    Args:
        command: whose it is.
        counts: what was counted for no gateway in particular.
        facts: what this command alone tells.
    """
    told = list(sections)
    total = Counter(counts or {})
    for section in told:
        total.update(section.counts)
    values = {
        **facts,
        "command": command,
        "ok": all(section.is_ok for section in told),
        "counts": {name: count for name, count in total.items() if count},
        "gateways": [section.as_json() for section in told],
    }
    return json.dumps(values, cls=DjangoJSONEncoder, ensure_ascii=False)


def by_gateway(
    command: str, name: str, rows: Iterable[Mapping[str, Any]], gateway_names: Iterable[str] = ()
) -> str:
    """Return the document of a list: under each gateway's name its rows, and how many.

    Args:
        command: whose it is.
        name: what the rows are called.
        rows: each with its ``gateway_name``.
        gateway_names: gateways that are named even if they have no row.
    """
    found: dict[str, list[Mapping[str, Any]]] = {each: [] for each in gateway_names}
    for row in rows:
        found.setdefault(str(row["gateway_name"]), []).append(row)
    return document(
        command,
        (Section(each, {name: len(rows)}, facts={name: rows}) for each, rows in found.items()),
    )
