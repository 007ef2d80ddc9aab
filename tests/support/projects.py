"""A new Django project, made from the blocks of a page of the documentation."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: The comment in a block's first line: where it belongs.
AT_THE_END = re.compile(r"# at the end of (\S+)\n")
#: Seconds. The machine may be busy with other tests.
PATIENCE = 180


def command(folder: Path, *words: str, given: str = "") -> str:
    """Run a command of the project, and return what it prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT)},
        input=given,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def append(folder: Path, block: str) -> None:
    """Put a block at the end of the file that it names."""
    named = AT_THE_END.match(block)
    assert named is not None
    path = folder / named[1]
    path.write_text(f"{path.read_text()}\n{block}")
