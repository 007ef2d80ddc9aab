"""Bars for each day, as numbers that a template puts into an SVG: no script, no style attribute."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

#: The size of the drawing in its own units; it is stretched to the place that there is.
WIDTH, HEIGHT = 600, 120
#: How much of a day's place its bar takes.
BAR = 0.72


@dataclass(frozen=True, slots=True)
class Day:
    """What was taken and given back on a day, in major units."""

    day: datetime.date
    taken: Decimal
    refunded: Decimal


@dataclass(frozen=True, slots=True)
class Bar:
    """A day's bar: what was taken above the line, what was given back below it."""

    day: Day
    x: str
    width: str
    top: str
    up: str
    down: str
    place: str
    place_width: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars for some days.

    Attributes:
        line: where the line stands from which the bars go up and down.
        most: the most that was taken on one day.
    """

    bars: tuple[Bar, ...]
    line: str
    most: Decimal
    width: int = WIDTH
    height: int = HEIGHT


def chart(days: Sequence[Day]) -> Chart:
    """Draw days side by side, all by one scale."""
    most = max((each.taken for each in days), default=Decimal(0))
    least = max((each.refunded for each in days), default=Decimal(0))
    span = float(most) + float(least)
    scale = HEIGHT / span if span else 0.0
    line = float(most) * scale if scale else float(HEIGHT)
    place = WIDTH / max(len(days), 1)
    bars = []
    for number, each in enumerate(days):
        up, down = float(each.taken) * scale, float(each.refunded) * scale
        bars.append(
            Bar(
                day=each,
                x=_number((number + (1 - BAR) / 2) * place),
                width=_number(place * BAR),
                top=_number(line - up),
                up=_number(up),
                down=_number(down),
                place=_number(number * place),
                place_width=_number(place),
            )
        )
    return Chart(tuple(bars), _number(line), most)


def _number(value: float) -> str:
    """Return a number as SVG reads it, whatever the language of the page."""
    return f"{value:.2f}"
