"""Settings of the test-suite. The database is chosen in tests/databases.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.databases import VENDOR, default_database

if VENDOR == "mariadb":
    import pymysql

    pymysql.install_as_MySQLdb()  # PyMySQL needs no compiler, and Django accepts it by this name

SECRET_KEY = "only for tests"
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "tests.urls"
STATIC_URL = "/static/"
# Of Django from 6.1 on; a test run keeps mails in memory with and without it.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

DATABASES: dict[str, dict[str, Any]] = {"default": default_database()}
DINERO: dict[str, Any] = {
    "GATEWAYS": {
        "default": {
            "BACKEND": "django_dinero.gateways.sandbox.SandboxGateway",
            # `make migrations` runs with these settings, and is neither a test run nor in DEBUG.
            "OPTIONS": {"allow_in_production": True},
        },
    },
    "API_ACCEPTS_RAW_CARDS": True,
}
if VENDOR != "sqlite":
    from django_dinero.db import journal_alias

    # A second connection to the same database, so that the journal survives the caller's rollback.
    # SQLite has one writer and cannot have it.
    DATABASES["journal"] = journal_alias(DATABASES["default"])
    DINERO["JOURNAL_ALIAS"] = "journal"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_tasks_db",
    "django_dinero",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        # Those of the wallet's tests: with settings of its own, each would compile all anew.
        "DIRS": [Path(__file__).parent / "integration" / "wallet" / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
