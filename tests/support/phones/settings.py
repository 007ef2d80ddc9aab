from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as APPS

#: The admin asks its users for permissions.
INSTALLED_APPS = [
    *(each for each in APPS if each != "django.contrib.admin" and "unfold" not in each),
    "tests.support.phones",
]
AUTH_USER_MODEL = "phones.Phone"
ROOT_URLCONF = "tests.support.phones.urls"
MIGRATION_MODULES = {"phones": None}
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DINERO = {
    "GATEWAYS": {
        "default": {"BACKEND": "django_dinero.gateways.sandbox.SandboxGateway", "OPTIONS": {}},
    },
}
DEBUG = True  # the sandbox is no production gateway
