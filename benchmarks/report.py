"""What a measurement says, and the tables that people read."""

from __future__ import annotations

import os
import platform
import statistics
import textwrap
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import django

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison.

    Args:
        what: what was done.
        ours: our figure, in ``unit``.
        base: the figure of what it is compared with; None for a count that stands alone.
        unit: of both figures.
        limit: the target: at most this ratio, or with ``absolute`` at most this difference (or,
            without a base, this figure); None where there is no target.
    """

    what: str
    ours: float
    base: float | None
    unit: str
    limit: float | None = None
    absolute: bool = False

    @property
    def value(self) -> float:
        """The figure that the target is about."""
        if self.base is None:
            return self.ours
        if self.absolute:
            return self.ours - self.base
        return self.ours / self.base if self.base else float("inf")

    @property
    def verdict(self) -> str:
        """``yes`` or ``NO``; a dash where there is no target."""
        if self.limit is None:
            return "-"
        return "yes" if self.value <= self.limit else "NO"

    def cells(self) -> list[str]:
        """Return the row as text."""
        shown = f"{self.value:+.1f}" if self.absolute else f"{self.value:.2f}"
        if self.base is None:
            shown = figure(self.value)
        return [
            self.what,
            f"{figure(self.ours)} {self.unit}".strip(),
            "-" if self.base is None else f"{figure(self.base)} {self.unit}".strip(),
            shown + ("" if self.absolute or self.base is None else " x"),
            self._target(),
            self.verdict,
        ]

    def _target(self) -> str:
        if self.limit is None:
            return "-"
        if self.base is None:
            return f"<= {self.limit:g}"
        return f"<= +{self.limit:g} {self.unit}" if self.absolute else f"<= {self.limit:g} x"


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the report: its rows, and what must be known to read them."""

    title: str
    note: str
    rows: tuple[Row, ...]


WIDTH = 100
HEAD = ("what", "ours", "compared with", "ratio", "target", "met")


def figure(value: float) -> str:
    """Return a figure with three significant digits, whole from a hundred on."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def markdown(sections: Iterable[Section], facts: str) -> str:
    """Return the whole report."""
    parts = ["# Benchmarks", "", *textwrap.wrap(facts, WIDTH), ""]
    return "\n".join([*parts, *(text(section) for section in sections)])


def text(section: Section) -> str:
    """Return a section as Markdown that reads as plain text, too; without rows its note alone."""
    table = _table([HEAD, *(row.cells() for row in section.rows)]) if section.rows else []
    note = textwrap.wrap(section.note, WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join([f"## {section.title}", "", *note, "", *table, *([""] if table else [])])


def _table(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    head, *rest = (
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    )
    return [head, "|" + "|".join("-" * (width + 2) for width in widths) + "|", *rest]


def facts(scale: float) -> str:
    """Return what the figures depend on: versions and the size of the run."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return (
        f"{python}, Django {django.get_version()}, {os.cpu_count()} cores, BENCH_SCALE={scale:g}. "
        "Every ratio was taken in one run, the two sides in turn; figures are medians. "
        "`make bench` writes this file."
    )


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def lower_quartile(values: Sequence[float]) -> float:
    """Return what a quarter of the values are below: what else a machine does only adds to times.

    For what waits for a server or a disk, of which few measurements are disturbed by nothing.
    """
    return sorted(values)[(len(values) - 1) // 4]


def interleaved(
    rounds: int, contestants: Mapping[str, Callable[[int], float]]
) -> dict[str, list[float]]:
    """Run the contestants in turn, so that a noisy minute hits all of them alike.

    Each one is called with the number of the round (0 is a warm-up that does not count) and
    returns its own figure.
    """
    figures: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, run in in_turn(number, contestants.items()):
            value = run(number)
            if number:
                figures[name].append(value)
    return figures


def in_turn(number: int, contestants: Collection[T]) -> list[T]:
    """Return the contestants of a round, in the other order each time: who is first pays more."""
    return list(contestants)[:: -1 if number % 2 else 1]


def scaled(size: int, scale: float, least: int = 1) -> int:
    """Return a size of the run: ``size`` at scale 1, never less than ``least``."""
    return max(least, round(size * scale))


def environment(**values: Any) -> dict[str, str]:
    """Return this process's environment with some variables set, for a child."""
    return {**os.environ, **{name: str(value) for name, value in values.items()}}
