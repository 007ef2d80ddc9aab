"""All pages under another theme; only where django-unfold is installed: ``tox run -e unfold``."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("unfold") is None,
        reason="django-unfold is not installed: `tox run -e unfold` draws all pages with it",
    ),
]


def test_a_project_with_unfold_draws_every_page() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.themed"],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.support.themed.settings"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
