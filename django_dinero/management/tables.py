"""Rows for people and for programs: a table on a terminal, plain text in a pipe, CSV or JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from shutil import get_terminal_size
from typing import Any

from django.core.management.base import CommandParser, OutputWrapper
from django.utils.translation import gettext as _

from django_dinero.csv_rows import csv_lines
from django_dinero.logs import escape

try:
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
except ImportError:  # the extra "rich" is not installed
    HAS_RICH = False
else:
    HAS_RICH = True


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its key in a row, its heading (a lazy text), and whether it stands on the right."""

    key: str
    heading: Any
    is_number: bool = False


def add_formats(parser: CommandParser) -> None:
    """Let a command take ``--json`` or ``--csv``."""
    formats = parser.add_mutually_exclusive_group()
    formats.add_argument("--json", action="store_true", help="Answer in JSON, for programs.")
    formats.add_argument("--csv", action="store_true", help="Print CSV, safe for spreadsheets.")


def write_table(
    out: OutputWrapper, columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]
) -> None:
    """Write rows for people: with lines and colours on a terminal, in plain columns elsewhere."""
    cells = [[_shown(row.get(each.key)) for each in columns] for row in rows]
    if HAS_RICH and out.isatty():
        _write_rich(out, columns, cells)
        return
    widths = _widths(columns, cells)
    for line in [[str(each.heading) for each in columns], *cells]:
        parts = zip(columns, line, widths, strict=True)
        padded = (text.rjust(w) if each.is_number else text.ljust(w) for each, text, w in parts)
        out.write("  ".join(padded).rstrip())


def _write_rich(out: OutputWrapper, columns: Sequence[Column], cells: list[list[str]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for each in columns:
        # Nothing is cut off: an id that is shown in part is of no use.
        justify: Any = "right" if each.is_number else "left"
        table.add_column(str(each.heading), justify=justify, overflow="fold")
    for line in cells:
        table.add_row(*line)
    # A terminal breaks a line that is too long, and an id can still be copied from it. Narrow
    # columns would break the id itself.
    needed = sum(_widths(columns, cells, cell_len)) + 2 * (len(columns) - 1)
    width = max(needed, get_terminal_size().columns)
    console = Console(force_terminal=True, width=width, markup=False, highlight=False)
    with console.capture() as captured:
        console.print(table)
    out.write(captured.get())


def _widths(
    columns: Sequence[Column],
    cells: Sequence[Sequence[str]],
    measure: Callable[[str], int] = len,
) -> list[int]:
    lines = [[str(each.heading) for each in columns], *cells]
    return [max(measure(line[at]) for line in lines) for at in range(len(columns))]


def csv_text(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as CSV, the columns' keys first; no cell of text is taken for a formula."""
    cells = ([row.get(each.key) for each in columns] for row in rows)
    return "".join(csv_lines((each.key for each in columns), cells)).rstrip("\r\n")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return "" if value is None else escape(str(value))
