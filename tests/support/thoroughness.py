"""How closely a run looks: at samples drawn anew by a seed, or at everything there is.

``DINERO_TEST_THOROUGH=1`` takes every point, order and draw, and runs the tests that take half a
minute each. CI sets it once for each of them.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import TypeVar

ItemT = TypeVar("ItemT")

#: Whether everything is looked at.
THOROUGH = bool(os.environ.get("DINERO_TEST_THOROUGH"))
SEED = int(os.environ.get("DINERO_TEST_SEED", "1"))
#: Of what is not looked at whole, one of so many is drawn.
SHARE = 3


def drawn(items: Sequence[ItemT], what: str) -> Sequence[ItemT]:
    """Return all items, or those that this run looks at, in their order.

    Args:
        what: what they are, so that each kind is drawn by itself.
    """
    if THOROUGH or not items:
        return items
    count = -(-len(items) // SHARE)
    chosen = set(random.Random(f"{SEED} {what}").sample(range(len(items)), count))
    return [item for number, item in enumerate(items) if number in chosen]
