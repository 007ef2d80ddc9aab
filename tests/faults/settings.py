"""Settings of a shop's worker: its database and its bank come from the environment."""

from __future__ import annotations

import os
from typing import Any

from django_dinero.db import journal_alias
from tests.databases import VENDOR, default_database

if VENDOR == "mariadb":
    import pymysql

    pymysql.install_as_MySQLdb()

SECRET_KEY = "only for the fault run"
USE_TZ = os.environ.get("FAULTS_USE_TZ", "1") == "1"
TIME_ZONE = "America/New_York"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django_dinero"]
#: Seconds. A bank on this machine answers in milliseconds: nothing but a planned delay is longer.
READ_TIMEOUT = 4.0
# What the history has already: a push that failed, as it should.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "loggers": {"django_dinero": {"level": "ERROR"}},
}
SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": os.environ.get("FAULTS_DATABASE", ""),
    # One writer: a transaction waits its turn instead of failing when another one was faster.
    "OPTIONS": {
        "timeout": 30,
        "transaction_mode": "IMMEDIATE",
        # A killed process loses nothing that was committed. A power cut is not tried.
        "init_command": "PRAGMA synchronous = OFF",
    },
}
#: Whether several threads of a process act at once. A run that is to repeat itself has none.
THREADS = os.environ.get("FAULTS_THREADS") == "1"
ATOMIC_REQUESTS = os.environ.get("FAULTS_ATOMIC_REQUESTS") == "1"
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **(SQLITE if VENDOR == "sqlite" else default_database()),
        "ATOMIC_REQUESTS": ATOMIC_REQUESTS,
    }
}
DINERO: dict[str, Any] = {
    "GATEWAYS": {
        "default": {
            "BACKEND": "django_dinero.gateways.authorizenet.AuthorizeNetGateway",
            "OPTIONS": {
                "endpoint": os.environ.get("FAULTS_ENDPOINT", ""),
                "login_id": "sandbox-login",
                "transaction_key": "sandbox-key",
                "read_timeout": READ_TIMEOUT,
                # A process that wakes after hours reads the reply that lies there.
                "deadline": 4000.0,
                "replication_seconds": 0,
                "currency": os.environ.get("FAULTS_CURRENCY", "USD"),
                "duplicate_window": int(os.environ.get("FAULTS_DUPLICATE_WINDOW", "28800")),
                # Hours: no deadline passes because a machine is slow. Between two rounds they are
                # moved into the past, see tests.faults.settling.
                "lease_seconds": 7200,
                "quarantine_seconds": 36_000,
            },
        },
    },
}
if VENDOR != "sqlite":
    # SQLite has one writer, and cannot have it.
    DATABASES["journal"] = journal_alias(DATABASES["default"])
    DINERO["JOURNAL_ALIAS"] = "journal"
