"""After a preload the first charge loads and builds nothing more; and nothing is connected yet."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.slow

CHILD = """
import json, ssl, socket, sys
import django
from django.conf import settings
settings.configure(
    SECRET_KEY="of a test", USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_dinero"],
    DINERO={"GATEWAYS": {"default": {
        "BACKEND": "django_dinero.gateways.authorizenet.AuthorizeNetGateway",
        "OPTIONS": {"login_id": "login", "transaction_key": "key", "endpoint": sys.argv[1]},
    }}},
)
django.setup()

contexts, connected = [], []
make, connect = ssl.create_default_context, socket.socket.connect
ssl.create_default_context = lambda **given: contexts.append(given) or make(**given)
socket.socket.connect = lambda self, address: connected.append(address) or connect(self, address)

if "preloaded" in sys.argv[2:]:
    from django_dinero.preload import preload
    preload()
    assert connected == [], connected
    from django.db import connection
    assert connection.connection is None

from django.core.management import call_command
call_command("migrate", verbosity=0)
before, contexts_before = set(sys.modules), len(contexts)

from django_dinero.exceptions import NotSent
from django_dinero.models import Customer, Transaction
CARD = {"number": "4111111111111111", "month": 12, "year": 2040}
refused = 0
for verb in (
    lambda: Transaction.create(price=5, address="1 Elm St", zip="80202", **CARD),
    lambda: Customer.create("ada@example.com", **CARD),
):
    try:
        verb()
    except NotSent:
        refused += 1
assert refused == 2 == len(connected), (refused, connected)
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps([sorted(loaded), len(contexts) - contexts_before]))
"""


def first_calls(*flags: str) -> Any:
    """Return the packages that a process's first calls load, and the TLS contexts they make."""
    with socket.socket() as nobody:  # bound and not listening, so that connecting is refused
        nobody.bind(("127.0.0.1", 0))
        done = subprocess.run(
            [sys.executable, "-c", CHILD, f"https://127.0.0.1:{nobody.getsockname()[1]}/", *flags],
            stdout=subprocess.PIPE,
            check=True,
            timeout=60,
        )
    return json.loads(done.stdout)


def test_the_first_calls_load_nothing_after_a_preload() -> None:
    packages, contexts = first_calls("preloaded")
    assert {"django_dinero", "urllib3", "xmltodict", "certifi"} & set(packages) == set()
    assert contexts == 0


def test_without_it_they_load_what_a_charge_needs_and_no_more() -> None:
    packages, contexts = first_calls()
    assert {"django_dinero", "urllib3", "xmltodict", "certifi"} <= set(packages)
    assert {"requests", "iso4217", "rest_framework"} & set(packages) == set()
    assert contexts == 1
