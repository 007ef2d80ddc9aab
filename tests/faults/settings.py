"""Settings of a shop's worker: its database and its bank come from the environment."""

from __future__ import annotations

import os

SECRET_KEY = "only for the fault run"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django_dinero"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["FAULTS_DATABASE"],
        # One writer: a transaction waits its turn instead of failing when another one was faster.
        "OPTIONS": {"timeout": 30, "transaction_mode": "IMMEDIATE"},
    },
}
DINERO = {
    "GATEWAYS": {
        "default": {
            "BACKEND": "django_dinero.gateways.authorizenet.AuthorizeNetGateway",
            "OPTIONS": {
                "endpoint": os.environ["FAULTS_ENDPOINT"],
                "login_id": "sandbox-login",
                "transaction_key": "sandbox-key",
                "read_timeout": 1.0,
                "deadline": 4.0,
                "replication_seconds": 0,
                # Seconds: short, so that a run need not wait for hours. Longer than any delay.
                "lease_seconds": 6,
                "quarantine_seconds": 6,
            },
        },
    },
}
