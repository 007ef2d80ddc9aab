"""Runs under callgrind: makes the calls of a plan that comes on its input as JSON.

Whoever starts it has it collect inside of ``Counted @ None`` alone.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Sequence
from typing import Any

import django

django.setup()

from django.test import override_settings  # noqa: E402

from benchmarks.verbs import CONTESTANTS, Shop, Verb, rows  # noqa: E402
from django_dinero.gateways.registry import get_gateway  # noqa: E402
from django_dinero.models import CreditCard  # noqa: E402


class Counted:
    """Calls of a verb, made by ``self @ None``."""

    def __init__(self, shop: Shop, verb: Verb, originals: Sequence[Any]) -> None:
        self.shop, self.verb, self.originals = shop, verb, originals

    def __matmul__(self, other: None) -> None:
        call, shop = self.verb.call, self.shop
        for original in self.originals:
            call(shop, original)


def main() -> None:
    """Make the calls of each step, those of the warm-up outside of what is counted."""
    plan = json.load(sys.stdin)
    with override_settings(DINERO={"GATEWAYS": plan["gateways"]}):
        card = CreditCard.objects.select_related("customer").get(pk=plan["card"])
        shop = Shop(get_gateway(card.gateway_name), card, settle=lambda: None)
        for step in plan["steps"]:
            _run(shop, CONTESTANTS[tuple(step["name"])], step["originals"], plan["warm_up"])


def _run(shop: Shop, verb: Verb, pks: Sequence[Any], warm_up: int) -> None:
    originals = rows(pks) if all(pks) else pks
    for original in originals[:warm_up]:
        verb.call(shop, original)
    counted = Counted(shop, verb, originals[warm_up:])
    # A full collection goes through all that Django has imported: where it falls is chance.
    gc.collect()
    gc.freeze()
    _ = counted @ None


if __name__ == "__main__":
    main()
