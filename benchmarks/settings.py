"""Settings of the benchmarks' own processes; the database is named in the environment."""

from __future__ import annotations

import os
from typing import Any

from benchmarks.database import database

SECRET_KEY = "only for measurements"
DEBUG = False
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES: dict[str, dict[str, Any]] = {
    "default": database(os.environ.get("BENCH_DATABASE", "")),
}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django_dinero",
]
DINERO: dict[str, Any] = {
    "GATEWAYS": {
        "default": {
            "BACKEND": "django_dinero.gateways.sandbox.SandboxGateway",
            "OPTIONS": {"allow_in_production": True},
        },
    },
}
