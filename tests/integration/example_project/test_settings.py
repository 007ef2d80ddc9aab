"""The example's settings in production: only what the environment names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
ACCOUNT = {
    "AUTHORIZENET_LOGIN_ID": "login",
    "AUTHORIZENET_TRANSACTION_KEY": "0123456789abcdef",
    "AUTHORIZENET_SIGNATURE_KEY": "0A" * 64,
}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        pytest.param({}, set(), id="development"),
        pytest.param(ACCOUNT, {"dinero.W003"}, id="a live account with DEBUG"),
        pytest.param({**ACCOUNT, "DEBUG": "0"}, {"dinero.W002"}, id="production"),
    ],
)
def test_its_checks(tmp_path: Path, given: dict[str, Any], found: set[str]) -> None:
    kept = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "check", "--tag", "dinero"],
        env={**kept, "EXAMPLE_VAR": str(tmp_path / "new" / "var"), **given},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert {
        line.split("(")[1].split(")")[0] for line in done.stderr.splitlines() if "(din" in line
    } == found
