"""CSV that a spreadsheet can be trusted with."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

#: A spreadsheet takes a cell that begins with one of these for a formula.
#: Full-width signs count too.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
#: Where a spreadsheet may begin a cell inside of a text: one that expects a semicolon or a tab
#: between cells, as Excel does in German, Spanish and French, does not see that it is quoted.
_CELL_INSIDE = re.compile(r"(\r\n|[;\t\r\n])(?=[\s\"]*[=+\-@\uff1d\uff0b\uff0d\uff20])")


class _Line:
    """What a csv writer writes into; it gives the line back."""

    def write(self, text: str) -> str:
        return text


def csv_lines(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Yield the lines of a CSV file, each with its end; no cell of text is taken for a formula."""
    writer = csv.writer(_Line(), lineterminator="\r\n")
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow([safe_cell(value) for value in row])


def safe_cell(value: Any) -> Any:
    """Return what goes into a cell. A number may begin with a minus: it is no text."""
    if value is None or isinstance(value, int | Decimal):
        return value
    text = _CELL_INSIDE.sub(r"\1'", str(value))
    return f"'{text}" if text.startswith(FORMULA) else text
