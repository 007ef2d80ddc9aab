"""The fault run repeats itself: one worker, one seed, one history."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import history
from tests.faults.asked import CARD, NUMBERS
from tests.faults.history import Event
from tests.faults.plan import FAULTS

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.sqlite]

#: Of a plan with kills by the bank and at statements, late requests, lists that lag, and no delay,
#: which would cost seconds.
SEED = "2406"


def run(path: Path) -> list[Event]:
    command = [sys.executable, "-m", "tests.faults", "--workers", "1", "--operations", "40"]
    command += ["--databases", "sqlite"]
    done = subprocess.run(
        [*command, "--seed", SEED, "--history", str(path)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    assert done.returncode in (0, 1), done.stdout  # whether books agree is not asked here
    assert "the seed repeats the whole run" in done.stdout
    return list(history.read(path))


def test_a_seed_repeats_its_run(tmp_path: Path) -> None:
    first = run(tmp_path / "first.jsonl")
    second = run(tmp_path / "second.jsonl")
    assert history.repeatable(first) == history.repeatable(second)

    counted = history.counts(first)
    assert any(name.startswith("killed") for name in counted)
    assert any(name in counted for name in FAULTS)
    assert counted["time passes"]

    text = (tmp_path / "first.jsonl").read_text()
    for secret in (CARD["number"], *NUMBERS, "sandbox-key"):
        assert secret not in text
