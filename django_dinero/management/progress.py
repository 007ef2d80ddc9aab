"""How far a long command has come: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.utils.translation import gettext as _

from django_dinero.management.base import UNWRITABLE
from django_dinero.services.progress import Progress, tell_nobody

try:
    from rich import progress as rich_progress
    from rich.console import Console
except ImportError:  # the extra "rich" is not installed
    HAS_RICH = False
else:
    HAS_RICH = True

#: Seconds between two lines about one phase.
LINE_EVERY = 10.0


@contextmanager
def shown(title: str, write: Callable[[str], object] | None) -> Iterator[Progress]:
    """Yield what is to be told of progress.

    The bar goes to the standard error, so that what the command says can be piped.

    Args:
        title: stands before the name of each phase.
        write: writes a line where there is no bar; None for no lines.
    """
    # A shell may have closed the standard error: Python has none then.
    if HAS_RICH and sys.stderr is not None and sys.stderr.isatty():
        terminal: Any = _Terminal(sys.stderr)
        with _bars(title, Console(file=terminal)) as tell:
            yield tell
    elif write is None:
        yield tell_nobody
    else:
        yield lines(title, write)


class _Terminal:
    """A terminal that somebody may close: what the bar is about goes on then."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(*UNWRITABLE):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(*UNWRITABLE):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _bars(title: str, console: Console) -> Iterator[Progress]:
    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TimeElapsedColumn(),
    )
    tasks: dict[str, rich_progress.TaskID] = {}
    with rich_progress.Progress(*columns, console=console, transient=True) as bars:

        def tell(phase: str, done: int, total: int | None) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(f"{title}: {phase}", total=total)
            bars.update(tasks[phase], completed=done, total=total)

        yield tell


def lines(title: str, write: Callable[[str], object]) -> Progress:
    """Return a progress that writes a line about each phase now and then, and at its end."""
    written: dict[str, float] = {}

    def tell(phase: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        is_last = done > 0 and done == total
        if not is_last and now - written.setdefault(phase, now) < LINE_EVERY:
            return
        written[phase] = now
        text = _("%(title)s: %(phase)s: %(done)d")
        if total is not None:
            text = _("%(title)s: %(phase)s: %(done)d of %(total)d")
        write(text % {"title": title, "phase": phase, "done": done, "total": total})

    return tell
