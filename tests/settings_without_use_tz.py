"""The tests' settings in a project without aware times, west of UTC."""

from __future__ import annotations

from tests.settings import *  # noqa: F403

USE_TZ = False
TIME_ZONE = "America/New_York"
