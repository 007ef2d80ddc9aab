"""Whether work grows with its input, or with its square: told by a ratio, never by seconds."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable
from typing import TypeVar

InputT = TypeVar("InputT")

#: The quickest of several tries is compared: a machine that is busy is not so in all of them.
LEAST, MOST = 3, 20


def grows_linearly(
    work: Callable[[InputT], object], small: InputT, large: InputT, *, times: int
) -> bool:
    """Whether ``large``, which is ``times`` as big as ``small``, takes nearer to ``times`` as long
    than to ``times`` squared (in the middle of the two, by their ratio)."""
    of_small = of_large = math.inf
    for tries in range(1, MOST + 1):
        of_small = min(of_small, _seconds(work, small))
        of_large = min(of_large, _seconds(work, large))
        if tries >= LEAST and of_large < times**1.5 * of_small:
            return True
    return False


def _seconds(work: Callable[[InputT], object], given: InputT) -> float:
    gc.disable()  # As in timeit: it is paid for by whoever comes when it is due.
    try:
        began = time.process_time()
        work(given)
        return time.process_time() - began
    finally:
        gc.enable()
