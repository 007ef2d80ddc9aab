"""The wheel as a user gets it, built from what git knows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*command: object, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run and return what it printed; the test fails with both streams when it fails."""
    result = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **(env or {})},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def tracked(*paths: str) -> list[str]:
    """The files of ``paths`` that git knows and that are here."""
    names = run("git", "ls-files", "-z", "--", *paths, cwd=ROOT).split("\0")
    return [name for name in names if name and (ROOT / name).exists()]


def build_wheel(folder: Path) -> Path:
    """Return the wheel of the tracked files, built aside so that no build/ is in the checkout."""
    source, made = folder / "source", folder / "wheel"
    for name in tracked("."):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    offline = ["--no-deps", "--no-build-isolation", "--no-index"]
    run(sys.executable, "-m", "pip", "wheel", *offline, "--wheel-dir", made, source)
    return next(made.glob("*.whl"))
