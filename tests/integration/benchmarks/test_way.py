"""What each verb costs: exact counts, so that a new statement or detour is seen at once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

#: On SQLite, without BEGIN, COMMIT and savepoints, and without a journal alias.
STATEMENTS = {
    "charge a stored card": 6,
    "replay of its key": 2,
    "capture": 7,
    "void": 8,
    "refund of a settled charge": 8,
    "customer with a card": 5,
    "add_card": 7,
    "changed e-mail": 7,
    "changed address": 8,
}
#: Service files that a verb enters at most, and changes from one of them to another.
WAYS = {
    "charge a stored card": (9, 16),
    "replay of its key": (4, 4),
    "capture": (11, 25),
    "void": (11, 25),
    # It reads that the charge has settled, writes that down and announces it.
    "refund of a settled charge": (14, 30),
    "customer with a card": (6, 18),
    "add_card": (6, 17),
}


def test_no_verb_takes_more_statements_than_it_did() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.way"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "nobody.settings"},
    )
    assert done.returncode == 0, done.stderr
    counted = {}
    for line in done.stdout.splitlines()[1:]:
        name, last = line[:32].strip(), line[32:]
        _files, *counts = re.findall(r"(\d+)(?: \([^)]*\))?", last)
        counted[name] = tuple(int(count) for count in counts)
    assert {name: counted[name][-1] for name in STATEMENTS} == STATEMENTS
    longer = {
        name: counted[name][:2]
        for name, most in WAYS.items()
        if any(count > limit for count, limit in zip(counted[name], most, strict=False))
    }
    assert not longer
