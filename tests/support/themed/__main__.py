"""Draw every page of the admin, and add a customer with a card."""

from __future__ import annotations

import django

django.setup()

from typing import Any  # noqa: E402

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402

from django_dinero.gateways.registry import get_gateway  # noqa: E402
from django_dinero.models import Customer, Operation, Reconciliation, Transaction  # noqa: E402
from django_dinero.models.difference import DifferenceKind  # noqa: E402
from django_dinero.services.reconcile import differences  # noqa: E402
from django_dinero.services.reconcile.differences import Found  # noqa: E402
from tests.integration.admin.access import PAGES, address_of  # noqa: E402
from tests.integration.admin.pages import new_card, new_customer, url  # noqa: E402
from tests.support.webhooks import notice, receive  # noqa: E402

setup_test_environment()
call_command("check")
call_command("migrate", verbosity=0)
client = Client()
client.force_login(get_user_model().objects.create_superuser("root"))
told = client.post(url("customer_add"), {**new_card(), **new_customer()})
customer = Customer.objects.get()
assert told["Location"] == url("customer_change", customer.pk), told
card, paid = customer.cards[0], Transaction.create("5", customer=customer, settle=False)
gateway: Any = get_gateway()
found = Found(kind=DifferenceKind.STATUS, subject="1", text="found")
rows = {
    "customer": customer,
    "creditcard": card,
    "transaction": paid,
    "operation": Operation.objects.get(key=paid.operation_key),
    "difference": differences.record(gateway, found),
    "reconciliation": Reconciliation.objects.create(
        gateway_name="default", state="finished", since="2026-11-28T00:00:00Z"
    ),
    "webhookevent": receive(gateway, notice("transaction", str(paid.transaction_id))),
}
drawn = 0
for name, page in PAGES.items():
    response = client.get(address_of(name, rows))
    assert response.status_code == 200 or not page.readers or page.hidden == 404, (name, response)
    if response.status_code == 200 and "html" in response["Content-Type"]:
        text = response.content.decode()
        assert "unfold/css" in text, name
        # One form that sends, and none of the theme's own buttons beside it.
        assert text.count("data-send-once") <= 1, name
        assert "data-send-once" not in text or 'name="_save"' not in text, name
        drawn += 1
assert drawn > 40, drawn
