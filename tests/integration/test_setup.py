"""What ``django.setup()`` imports of us, and what it leaves to the first call that needs it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

CHILD = """
import json, sys
import django
from django.conf import settings
settings.configure(
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=sys.argv[2:],
    DINERO={"GATEWAYS": {"default": {
        "BACKEND": "django_dinero.gateways.sandbox.SandboxGateway",
        "OPTIONS": {"allow_in_production": True},
    }}},
)
django.setup()
exec(sys.argv[1])
print(json.dumps(sorted(sys.modules)))
"""
APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django_dinero"]
ADMIN = ["django.contrib.admin", "django.contrib.messages", "django.contrib.sessions"]
#: Packages that cost more than Django's own start, or that not every project has.
FOREIGN = {
    "requests", "urllib3", "xmltodict", "iso4217", "rest_framework", "authorizenet", "stripe",
    "braintree", "lxml",
}  # fmt: skip


def imported(apps: list[str], *, then: str = "") -> set[str]:
    """Return the modules of a process that set Django up with these apps, and did ``then``."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, then, *apps], stdout=subprocess.PIPE, check=True, timeout=60
    )
    return set(json.loads(done.stdout))


def ours(modules: set[str], room: str) -> set[str]:
    """Return what was imported of one room of the package."""
    place = f"django_dinero.{room}"
    return {name for name in modules if name == place or name.startswith(f"{place}.")}


@pytest.mark.parametrize("apps", [APPS, [*ADMIN, *APPS]], ids=["alone", "with the admin"])
def test_set_up_imports_no_service_no_gateway_and_nothing_foreign(apps: list[str]) -> None:
    modules = imported(apps)
    assert "django_dinero.models.transaction" in modules
    assert ("django_dinero.admin.transactions" in modules) == (apps is not APPS)
    assert ours(modules, "gateways") == {
        "django_dinero.gateways",
        "django_dinero.gateways.locks",
        "django_dinero.gateways.registry",
    }
    for room in ("services", "sandbox", "api", "testing", "management", "authorizenet_schema"):
        assert ours(modules, room) == set()
    for page in ("adding", "charging", "followups", "gatewaypage", "lookingup"):
        assert ours(modules, f"admin.{page}") == set()
    assert {name.partition(".")[0] for name in modules} & FOREIGN == set()


def test_the_first_call_imports_what_it_needs() -> None:
    call = """
from django_dinero.exceptions import InvalidInput
from django_dinero.models import Customer
try:
    Customer.create("", number="4111111111111111")
except InvalidInput:
    pass
"""
    modules = imported(APPS, then=call)
    assert "django_dinero.services.vault.customers" in modules
    assert "django_dinero.gateways.sandbox.gateway" in modules
    assert {"requests", "xmltodict", "rest_framework"} & modules == set()


def test_the_admins_pages_are_imported_with_its_addresses() -> None:
    modules = imported([*ADMIN, *APPS], then="from django.contrib import admin; admin.site.urls")
    assert "django_dinero.admin.views.charge" in modules
    assert "django_dinero.admin.views.followups" in modules


def test_the_test_would_see_what_is_foreign() -> None:
    assert {"requests", "urllib3"} <= imported(APPS, then="import requests")
