"""Prints the demonstration in two columns: what was called, and what was answered."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable, Sequence
from itertools import zip_longest

#: Of the whole, where the terminal is not narrower; below the least it wraps by itself.
WIDTH, LEAST = 108, 72
GAP = " | "


class Columns:
    """Writes aligned lines of at most ``width`` characters.

    Args:
        write: takes one line without its newline.
        bold: styles a heading; plain text if the output is no terminal.
        width: that of the terminal by default, ``WIDTH`` at most.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        bold: Callable[[str], str] = str,
        width: int | None = None,
    ) -> None:
        self._write = write
        self._bold = bold
        if width is None:
            width = shutil.get_terminal_size((WIDTH, 24)).columns
        self._right = (min(max(width, LEAST), WIDTH) - len(GAP)) // 2
        self._left = min(max(width, LEAST), WIDTH) - len(GAP) - self._right

    def heading(self, left: str, right: str = "") -> None:
        """Write a heading over what follows, after an empty line."""
        rule = "-" * self._left + "-+-" + "-" * self._right
        self._write("")
        self._write(self._bold(f"{left:{self._left}}{GAP}{right}".rstrip(" |")))
        self._write(rule)

    def row(self, left: str, right: str) -> None:
        """Write one step; each column is wrapped by itself."""
        columns = wrap(left, self._left), wrap(right, self._right)
        for one, other in zip_longest(*columns, fillvalue=""):
            self._write(f"{one:{self._left}}{GAP}{other}".rstrip())

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write a table whose first column is text and whose others are figures."""
        widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
        for row in (head, *rows):
            first, *rest = (
                text.ljust(width) if index == 0 else text.rjust(width)
                for index, (text, width) in enumerate(zip(row, widths, strict=True))
            )
            self._write("  ".join([first, *rest]).rstrip())


def wrap(text: str, width: int) -> list[str]:
    """Return lines of at most ``width`` characters, the further ones indented by four."""
    return textwrap.wrap(text, width, subsequent_indent="    ") or [""]
