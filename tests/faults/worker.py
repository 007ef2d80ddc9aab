"""A process of the shop: ``python -m tests.faults.worker NAME SEED COUNT TALLY``, or ``resolve``.

TALLY is a file that grows by a byte with each thing that it has done.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

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
    name, seed, count, tally = sys.argv[1:5]
    worker = shop.Worker(name, int(seed))
    with Path(tally).open("ab", buffering=0) as file:
        for _ in range(int(count)):
            worker.work(1)
            file.write(b".")
    return 0


if __name__ == "__main__":
    sys.exit(main())
