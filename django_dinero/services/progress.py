"""How far a long piece of work has come, for whoever wants to know."""

from __future__ import annotations

from collections.abc import Callable

#: Told of progress: what is being done, how much of it is, and of how much where that is known.
Progress = Callable[[str, int, int | None], None]


def tell_nobody(what: str, done: int, total: int | None) -> None:
    """Take no note of progress."""
