"""Settings of a worker process. What differs from those of the tests is in the environment."""

from __future__ import annotations

import json
import os
from typing import Any

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, DINERO

_told: dict[str, Any] = json.loads(os.environ.get("DINERO_WORKER", "{}"))

for _entry in DATABASES.values():
    _entry["NAME"] = _told.get("database", _entry["NAME"])
DINERO = {**DINERO, **_told.get("dinero", {})}
TASKS = _told.get("tasks", {})
