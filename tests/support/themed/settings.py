from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as APPS

INSTALLED_APPS = ["unfold", *APPS]
ROOT_URLCONF = "tests.support.themed.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DINERO = {
    "GATEWAYS": {
        "default": {"BACKEND": "tests.support.recording.RecordingGateway", "OPTIONS": {}},
    },
}
DEBUG = True  # the sandbox is no production gateway
