"""What the core install alone must do, without any extra: the first five minutes of a user."""

from __future__ import annotations

import sys
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec

import django
from django.conf import settings
from django.core.management import call_command

settings.configure(
    DEBUG=True,
    SECRET_KEY="bare",
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
        "django_dinero",
    ],
    DINERO={
        "GATEWAYS": {
            "default": {"BACKEND": "django_dinero.gateways.sandbox.SandboxGateway", "OPTIONS": {}},
        },
    },
)
EXTRAS = (
    *("pytest", "factory", "lxml", "psycopg", "pymysql"),
    *("opentelemetry", "prometheus_client", "celery", "drf_spectacular"),
)
extras = [name for name in EXTRAS if find_spec(name)]
if extras:
    sys.exit(f"this is not a bare install: {extras} are here")

django.setup()
call_command("check", fail_level="WARNING")
call_command("migrate", verbosity=0)

from django_dinero.models import Customer, Transaction  # noqa: E402

customer = Customer.create(
    email="bill@example.com",
    number="4111111111111111",
    cvv="900",
    address="123 Elm St",
    zip="12345",
)
transaction = Transaction.create(price="12.50", customer=customer)
assert customer.cards[0].last_4 == "1111"
assert transaction.price == Decimal("12.50"), transaction.price
for module, extra in (("metrics", "prometheus"), ("api.openapi.urls", "openapi")):
    try:
        import_module(f"django_dinero.{module}")
    except ImportError as error:
        assert f"django-dinero[{extra}]" in str(error), error
    else:
        sys.exit(f"django_dinero.{module} takes what it needs from nowhere")
import_module("django_dinero.api.urls")
print(f"bare install works: customer {customer.customer_id}, {transaction.transaction_id}")
