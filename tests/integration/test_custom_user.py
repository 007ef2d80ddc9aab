"""Users of the project's own: another class, another sign-in, keys that are no integers."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("project", ["people", "phones"])
def test_a_project_with_users_of_its_own(project: str) -> None:
    """Keyed by UUID; and with neither e-mail nor permissions."""
    module = f"tests.support.{project}"
    done = subprocess.run(
        [sys.executable, "-m", module],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": f"{module}.settings"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
