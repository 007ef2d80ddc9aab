"""What the comparison at the end of a shop has found, by the invariant that it breaks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from typing import Any, Self

#: The invariants, by the columns of the table.
DOUBLED, LOST, GHOSTS, OPEN, UNTRUE, BOOKS, VAULT = (
    *("doubled", "lost", "ghosts", "open", "untrue", "books", "vault"),
)
COLUMNS = (DOUBLED, LOST, GHOSTS, OPEN, UNTRUE, BOOKS, VAULT)


@dataclass(frozen=True, slots=True)
class Books:
    """What was found in the books of one shop.

    Attributes:
        lines: each difference as a sentence, by the invariant that it breaks.
        sums: by currency, what was taken and what was given back: at the bank, and here.
        summary: what is in the journal and in the books.
    """

    lines: Mapping[str, list[str]] = field(default_factory=dict)
    sums: Mapping[str, list[str]] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Self:
        """Return what the process that compares has printed."""
        try:
            return cls(**json.loads(text))
        except ValueError:
            return cls({BOOKS: ["the comparison broke off"]})

    def write(self) -> str:
        """Return it as :meth:`read` takes it."""
        return json.dumps(asdict(self))

    def with_crashes(self, crashed: list[str]) -> Self:
        """Return it with the processes that ended as none may."""
        return replace(self, lines={**self.lines, "crashed": crashed}) if crashed else self

    @property
    def differences(self) -> list[str]:
        """All differences."""
        return [line for lines in self.lines.values() for line in lines]

    def off_by(self) -> dict[str, Decimal]:
        """By currency, the bank's sums less ours: taken and given back, without their signs."""
        return {
            currency: abs(Decimal(taken) - Decimal(ours)) + abs(Decimal(back) - Decimal(given))
            for currency, (taken, ours, back, given) in self.sums.items()
        }
