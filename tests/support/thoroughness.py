"""How closely a run looks: at samples drawn by a seed, or at everything there is.

``DINERO_TEST_THOROUGH=1`` takes every point, order and draw, and runs the tests that take half a
minute each. ``DINERO_TEST_SHARE=3`` draws a third of the points and orders and not one of 24, and
``DINERO_TEST_PART=3`` runs a third of the tests, the same ones until ``DINERO_TEST_SEED`` changes.
"""

from __future__ import annotations

import os
import random
import zlib
from collections.abc import Sequence
from typing import TypeVar

ItemT = TypeVar("ItemT")

#: Whether everything is looked at.
THOROUGH = bool(os.environ.get("DINERO_TEST_THOROUGH"))
SEED = int(os.environ.get("DINERO_TEST_SEED", "1"))
#: Of what is not looked at whole, one of so many is drawn.
SHARE = int(os.environ.get("DINERO_TEST_SHARE", "24"))
#: Of the tests themselves, one of so many is run.
PART = int(os.environ.get("DINERO_TEST_PART", "1"))


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


def is_in_part(name: str) -> bool:
    """Say whether this run has the test of this name."""
    return zlib.crc32(f"{SEED} {name}".encode()) % PART == 0
