"""Settings of the processes that measure growth: the admin and the API beside the app."""

from __future__ import annotations

from typing import Any

from benchmarks.settings import *  # noqa: F403 - the same settings, and more
from benchmarks.settings import DATABASES

# How long a disk takes to confirm a commit is no matter of how much lies on it.
_OPTIONS = {
    "django.db.backends.sqlite3": {"init_command": "PRAGMA synchronous = OFF"},
    "django.db.backends.postgresql": {"options": "-c synchronous_commit=off"},
}
for _entry in DATABASES.values():
    _entry["OPTIONS"] = {**_entry.get("OPTIONS", {}), **_OPTIONS[_entry["ENGINE"]]}

ALLOWED_HOSTS = ["testserver"]
ROOT_URLCONF = "benchmarks.growth_urls"
STATIC_URL = "/static/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_dinero",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
