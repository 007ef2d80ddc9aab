"""Charges a stored card in a process of its own; prints what each charge took as JSON."""

from __future__ import annotations

import json
import sys
import time
from decimal import Decimal
from importlib import import_module
from typing import Any

import django
from django.conf import settings

from benchmarks.setup_child import ADMIN, APPS, SETTINGS

#: The last one is the one to compare with: what is left to warm up is over by then.
CHARGES = 6


def main(database: str, entry: dict[str, Any], preloaded: bool) -> dict[str, list[float]]:
    """Return the milliseconds of CPU and of wall time that each charge took.

    The card is read before, as a view does that charges it: the connection is open, and the parts
    of Django that any query needs are loaded.

    Args:
        database: a SQLite file with the app's tables and one stored card.
        entry: the gateway's entry in DINERO["GATEWAYS"].
        preloaded: call :func:`django_dinero.preload.preload` first.
    """
    given = {
        "INSTALLED_APPS": [*APPS, *ADMIN, "django_dinero"],
        "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
        "DINERO": {"GATEWAYS": {"default": entry}},
    }
    settings.configure(**{**SETTINGS, **given})
    django.setup()
    models = import_module("django_dinero.models")
    if preloaded:
        import_module("django_dinero.preload").preload()
    card = models.CreditCard.objects.select_related("customer").get()
    figures: dict[str, list[float]] = {"cpu_ms": [], "wall_ms": []}
    for number in range(CHARGES):
        wall, cpu = time.perf_counter(), time.process_time()
        models.Transaction.create(price=Decimal(number + 1), card=card)
        figures["cpu_ms"].append((time.process_time() - cpu) * 1000)
        figures["wall_ms"].append((time.perf_counter() - wall) * 1000)
    return figures


if __name__ == "__main__":
    json.dump(main(sys.argv[1], json.loads(sys.argv[2]), "preloaded" in sys.argv[3:]), sys.stdout)
