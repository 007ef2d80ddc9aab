"""Users of the project's own: another class, another sign-in, keys that are no integers."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def test_a_project_with_uuid_users_charges_and_signs_in() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.people"],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.support.people.settings"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
