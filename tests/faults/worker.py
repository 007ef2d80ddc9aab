"""A process of the shop: ``python -m tests.faults.worker FILE SEED COUNT``, or ``settle``.

The file gets a dot for each thing that is begun; its name is the worker's.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.faults.settings"
django.setup()

from tests.faults import settling, shop  # noqa: E402 - models are importable from here on

SETTLE_SECONDS = 90.0


def main() -> int:
    """Work, or settle until nothing waits; return the exit code."""
    if sys.argv[1] == "settle":
        deadline = time.monotonic() + SETTLE_SECONDS
        while left := settling.settle_all():
            if time.monotonic() > deadline:
                print(f"{left} operations and rows still wait", file=sys.stderr)
                return 0  # the books tell which
            time.sleep(0.5)
        return 0
    tally, seed, count = Path(sys.argv[1]), *sys.argv[2:4]
    with tally.open("ab", buffering=0) as file:
        shop.Worker(tally.name, int(seed)).work(int(count), lambda: file.write(b"."))
    return 0


if __name__ == "__main__":
    sys.exit(main())
