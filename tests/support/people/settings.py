from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as APPS

INSTALLED_APPS = [*APPS, "tests.support.people"]
AUTH_USER_MODEL = "people.Person"
ROOT_URLCONF = "tests.integration.admin.urls"
MIGRATION_MODULES = {"people": None}
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DINERO = {
    "GATEWAYS": {
        "default": {"BACKEND": "django_dinero.gateways.sandbox.SandboxGateway", "OPTIONS": {}},
    },
}
DEBUG = True  # the sandbox is no production gateway
