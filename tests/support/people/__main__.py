"""Charge a person's card in Python and in the admin, follow it up, and look into the books."""

from __future__ import annotations

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402

from django_dinero.models import Customer, Operation, Transaction  # noqa: E402
from tests.integration.admin.pages import charge, messages, url  # noqa: E402
from tests.support.people.models import Person  # noqa: E402

setup_test_environment()
call_command("check")
call_command("migrate", run_syncdb=True, verbosity=0)
person = Person.objects.create(email="olga@example.com", is_staff=True, is_superuser=True)
customer = Customer.create(
    "olga@example.com", number="4111111111111111", month=12, year=2060, owner=person
)
Transaction.create("5", customer=customer).void()
client = Client()
client.force_login(person)  # type: ignore[arg-type]  # django-stubs knows auth.User alone
told = messages(client.post(url("creditcard_charge", customer.cards[0].pk), charge("12.50")))
assert told[0].startswith("Charged: 12.50 USD, visa •••• 1111"), told
rows = list(Transaction.objects.all())
assert list(map(str, rows)) == [
    "charge 12.50 USD (approved)",
    "void 5.00 USD (approved)",
    "charge 5.00 USD (voided)",
]
for row in rows:
    assert row.owner_id == person.pk
    assert client.get(url("transaction_change", row.pk)).status_code == 200
assert Operation.objects.get(idempotency_key__isnull=False).scope == f"admin:{person.pk}"
person.delete()
assert not Customer.objects.exists()
assert Transaction.objects.filter(owner=None).count() == len(rows)
