"""Sets Django up in a process of its own, with and without the app; prints its figures as JSON."""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import django
from django.conf import settings

SETTINGS: dict[str, Any] = {
    "SECRET_KEY": "only for measurements",
    "USE_TZ": True,
    "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
    "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    "DINERO": {
        "GATEWAYS": {
            "default": {
                "BACKEND": "django_dinero.gateways.authorizenet.AuthorizeNetGateway",
                "OPTIONS": {},
            },
        },
    },
}
#: What a project has anyway, and what one with Django's admin has beside that.
APPS = ["django.contrib.auth", "django.contrib.contenttypes"]
ADMIN = [
    "django.contrib.admin",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
#: What must not be imported before a gateway is used.
LATER = (
    "requests",
    "urllib3",
    "xmltodict",
    "iso4217",
    "authorizenet",
    "stripe",
    "braintree",
    "rest_framework",
    "django_dinero.services",
    "django_dinero.gateways.base",
)


def main(app: str, admin: bool, traced: bool) -> dict[str, Any]:
    """Return milliseconds, memory and the names of LATER that were imported.

    Args:
        app: added to the apps; "" for none.
        admin: with Django's admin, which imports what the app registers there.
        traced: count Python's own allocations, which makes the times useless.
    """
    settings.configure(
        **SETTINGS, INSTALLED_APPS=[*APPS, *(ADMIN if admin else []), *([app] if app else [])]
    )
    if traced:
        tracemalloc.start()
    # Every project starts with the same young generations: the next full collection is some 85,000
    # new objects away for each, and not in one of them and just behind the end of the other.
    gc.collect()
    collecting = Collecting()
    gc.callbacks.append(collecting)
    wall, cpu = time.perf_counter(), time.process_time()
    django.setup()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    gc.callbacks.remove(collecting)
    traced_bytes = 0
    if traced:
        gc.collect()
        traced_bytes = tracemalloc.get_traced_memory()[0]
    return {
        "wall_ms": wall * 1000,
        "cpu_ms": cpu * 1000,
        "gc_ms": collecting.seconds * 1000,
        "rss_mb": _resident() / 1e6,
        "traced_mb": traced_bytes / 1e6,
        "imported": [name for name in LATER if name in sys.modules],
    }


class Collecting:
    """Adds up the seconds that garbage collections take."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._started = 0.0

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        """Be told that a collection starts or stops."""
        if phase == "start":
            self._started = time.process_time()
        else:
            self.seconds += time.process_time() - self._started


def _resident() -> float:
    """Return the resident memory in bytes; its peak where the system does not tell the present."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0
    return float(pages * resource.getpagesize())


if __name__ == "__main__":
    json.dump(main(sys.argv[1], "admin" in sys.argv[2:], "traced" in sys.argv[2:]), sys.stdout)
