"""A process of the shop: ``python -m tests.faults.worker NAME SEED COUNT``, or ``resolve``."""

from __future__ import annotations

import os
import sys
import time

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.faults.settings"
django.setup()

from tests.faults import shop  # noqa: E402 - models are importable from here on

RESOLVE_SECONDS = 60.0


def main() -> int:
    """Work, or resolve until nothing is open; return the exit code."""
    if sys.argv[1] == "resolve":
        deadline = time.monotonic() + RESOLVE_SECONDS
        while left := shop.resolve_all():
            if time.monotonic() > deadline:
                print(f"{left} operations are still open", file=sys.stderr)
                return 1
            time.sleep(0.5)
        return 0
    name, seed, count = sys.argv[1:4]
    shop.Worker(name, int(seed)).work(int(count))
    return 0


if __name__ == "__main__":
    sys.exit(main())
