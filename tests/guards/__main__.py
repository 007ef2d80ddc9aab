"""``python -m tests.guards``: take each guard away, and print what noticed."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.guards.guard import PYTEST, Guard
from tests.guards.table import GUARDS

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("django_dinero", "example_project", "tests", "benchmarks", "pyproject.toml", "setup.cfg")


def notices(guard: Guard, copy: Path) -> str:
    """Return which test fails without the guard; an empty string if none does."""
    path = copy / guard.path
    whole = path.read_text()
    if whole.count(guard.line) != 1:
        raise SystemExit(f"{guard.name}: its line is not in {guard.path} once: {guard.line!r}")
    path.write_text(whole.replace(guard.line, guard.without))
    try:
        return _fails(guard.command, copy)
    finally:
        path.write_text(whole)


def with_all_guards(guards: Sequence[Guard]) -> tuple[str, ...]:
    """Return the command that must pass where nothing is missing: all tests of these guards."""
    paths = [path for guard in guards for path in guard.command[len(PYTEST) :]]
    return (*PYTEST, *dict.fromkeys(paths))


def _fails(command: tuple[str, ...], copy: Path, *, guarded: bool = False) -> str:
    """Run a command in the copy; return the first test that fails, empty if all pass.

    What cannot run proves nothing, and stops it all.

    Args:
        guarded: whether every guard is in its place, so that it must pass.
    """
    done = subprocess.run(
        [sys.executable, "-B", *command],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "DINERO_TEST_NAME": f"guards_{os.getpid()}"},
        capture_output=True,
        check=False,
    )
    if done.returncode not in ((0,) if guarded else (0, 1)):
        raise SystemExit(f"{done.stdout.decode()}{done.stderr.decode()}\n{' '.join(command)}")
    failed = re.search(r"^(?:FAILED|ERROR) tests/(\S+)", done.stdout.decode(), re.MULTILINE)
    return failed[1] if failed else ""


def main() -> int:
    """Try the guards whose names have these words, or all; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.guards", description=__doc__)
    parser.add_argument("words", nargs="*", help="only guards whose names have one of these words")
    words = parser.parse_args().words
    chosen = [guard for guard in GUARDS if not words or any(w in guard.name for w in words)]
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            ignored = shutil.ignore_patterns("__pycache__")
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=ignored)
            else:
                shutil.copy(source, copy / name)
        _fails(with_all_guards(chosen), copy, guarded=True)
        for guard in chosen:
            began = time.monotonic()
            noticed = notices(guard, copy)
            missed += not noticed
            told = "noticed" if noticed else "NOT NOTICED"
            seconds = time.monotonic() - began
            print(f"{guard.name:60} {told:12} {seconds:4.0f} s  {noticed}", flush=True)
    print(f"{len(chosen)} guards, {missed} whose lack nothing noticed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
