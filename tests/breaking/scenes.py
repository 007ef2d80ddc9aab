"""All that is broken off, by name, and who may act beside it."""

from __future__ import annotations

from collections.abc import Mapping

from tests.breaking import states
from tests.breaking.background import BACKGROUND
from tests.breaking.shop import INSIDE, SHOP
from tests.breaking.verbs import Verb

VERBS: Mapping[str, Verb] = {verb.name: verb for verb in (*SHOP, *INSIDE, *BACKGROUND)}


def partners(verb: Verb) -> list[Verb]:
    """Return what another process may do to the same objects meanwhile."""
    if verb.before is states.nothing:
        return [each for each in VERBS.values() if each.before is states.nothing or each.roams]
    same = (verb.before, states.customer)
    return [each for each in VERBS.values() if each.before in same or each.roams]
