"""Settings of the example project where nothing is lost: every log, mail, answer, page of the file.

What the addresses hold is the client's own; the filter of django-dinero masks it. It stands at the
two loggers that write addresses, and at no other.
"""

from __future__ import annotations

from typing import Any

from django_dinero import throttle_rates
from example_project import settings as example

globals().update({name: getattr(example, name) for name in dir(example) if name.isupper()})

ADMINS = [("Anna", "anna@example.com")]
ROOT_URLCONF = "tests.support.watched.urls"
MIDDLEWARE = ["tests.support.watched.answers.keep", *example.MIDDLEWARE]
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": example.VAR_DIR / "cache",
        "OPTIONS": {"MAX_ENTRIES": 1_000_000},
    }
}
# The log of what was written is never folded into the file: it has each page as it ever was.
_DATABASE = example.DATABASES["default"]
_WAL = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0"
DATABASES = {
    "default": {**_DATABASE, "OPTIONS": {**_DATABASE["OPTIONS"], "init_command": _WAL}},
}
# Everybody is counted, and nobody stopped.
REST_FRAMEWORK = {
    **example.REST_FRAMEWORK,
    "DEFAULT_THROTTLE_RATES": dict.fromkeys(throttle_rates.DEFAULTS, "100000/hour"),
}
_BACKEND = "tests.support.watched.gateway.WatchedGateway"
DINERO: dict[str, Any] = {
    **example.DINERO,
    "GATEWAYS": {
        **example.GATEWAYS,
        "default": {**example.GATEWAYS["default"], "BACKEND": _BACKEND},
    },
}
_ADDRESSES = {"handlers": ["all"], "filters": ["masked"], "propagate": False, "level": "DEBUG"}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"masked": {"()": "django_dinero.logs.MaskCardNumbers"}},
    "handlers": {
        "all": {"class": "logging.StreamHandler"},
        "mail": {"class": "django.utils.log.AdminEmailHandler", "level": "ERROR"}
        | {"include_html": True},
    },
    "root": {"handlers": ["all"], "level": "DEBUG"},
    "loggers": {
        "django": {"level": "DEBUG"},
        "django_dinero": {"level": "DEBUG"},
        "django.server": _ADDRESSES,
        "django.request": {**_ADDRESSES, "handlers": ["all", "mail"]},
    },
}
