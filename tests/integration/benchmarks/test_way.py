"""How many statements each verb takes: exact counts, so a new one is seen at once."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

#: On SQLite, without BEGIN, COMMIT and savepoints, and without a journal alias.
STATEMENTS = {
    "charge a stored card": 5,
    "replay of its key": 2,
    "capture": 7,
    "void": 8,
    "refund of a settled charge": 9,
    "customer with a card": 6,
    "add_card": 7,
    "changed e-mail": 10,
}


def test_no_verb_takes_more_statements_than_it_did() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.way"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counted = {}
    for line in done.stdout.splitlines()[1:]:
        name, last = line[:32].strip(), line[32:]
        counts = re.findall(r"(\d+)(?: \([^)]*\))?", last)
        counted[name] = int(counts[-1])
    assert {name: counted[name] for name in STATEMENTS} == STATEMENTS
