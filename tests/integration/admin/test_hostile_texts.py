"""Texts of others in the admin: markup in them is text."""

from __future__ import annotations

import pytest
from django.test import Client

from django_dinero.models import CreditCard, Customer, Transaction
from tests.integration.admin.pages import url

pytestmark = [pytest.mark.once, pytest.mark.django_db]

SCRIPT = "<script>alert(1)</script>"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"


def test_a_script_in_the_gateways_words_is_text(root: Client, card: CreditCard) -> None:
    row = Transaction.create("10.00", card=card, description=SCRIPT)
    Transaction.objects.filter(pk=row.pk).update(
        gateway_text=SCRIPT, reason=SCRIPT, auth_code=SCRIPT, brand=SCRIPT
    )
    CreditCard.objects.filter(pk=card.pk).update_without_push(brand=SCRIPT, sync_error=SCRIPT)
    Customer.objects.filter(pk=card.customer.pk).update_without_push(last_name=SCRIPT)
    seen = 0
    for name, pk in (
        ("transaction_change", row.pk),
        ("creditcard_change", card.pk),
        ("customer_change", card.customer.pk),
    ):
        page = root.get(url(name, pk)).content.decode()
        assert SCRIPT not in page
        seen += page.count(ESCAPED)
    for name in ("transaction", "creditcard", "customer"):
        page = root.get(url(f"{name}_changelist")).content.decode()
        assert SCRIPT not in page
        seen += page.count(ESCAPED)
    assert seen > 5
