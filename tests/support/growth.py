"""Whether work grows with its input, or with its square: told by a ratio, never by seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

InputT = TypeVar("InputT")

# A machine that is busy in one try is not in all of them. What grows with the square fails in each.
TRIES = 20


def grows_linearly(
    work: Callable[[InputT], object], small: InputT, large: InputT, *, times: int
) -> bool:
    """Whether ``large``, which is ``times`` as big as ``small``, takes nearer to ``times`` as long
    than to ``times`` squared (in the middle of the two, by their ratio)."""
    return any(_seconds(work, large) < times**1.5 * _seconds(work, small) for _try in range(TRIES))


def _seconds(work: Callable[[InputT], object], given: InputT) -> float:
    began = time.process_time()
    work(given)
    return time.process_time() - began
