"""Ask every route of the API as such a user, save a card in the shop, pay, and get a receipt."""

from __future__ import annotations

import json
from typing import Any

import django

django.setup()

from django.core import mail  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402

from django_dinero.gateways.registry import get_gateway  # noqa: E402
from django_dinero.models import CreditCard, Transaction  # noqa: E402
from django_dinero.wallet import receipts  # noqa: E402
from tests.support.phones.models import Phone  # noqa: E402

setup_test_environment()
call_command("check")
call_command("migrate", run_syncdb=True, verbosity=0)
phone = Phone.objects.create(number="555 0100")
client = Client()
client.force_login(phone)  # type: ignore[arg-type]  # django-stubs knows auth.User alone
gateway: Any = get_gateway()


def token() -> str:
    return str(gateway.bank.mint_token("4111111111111111", month=12, year=2060, cvv="900"))


# -- The shop

FORM = {"key": "A" * 20, "first_name": "Ann", "last_name": "Lee", "zip": "12345"}
asked = client.post("/cards/", {**FORM, "token": token(), "email": "ann@example.com"})
assert asked.status_code == 302, asked.content
card = CreditCard.objects.get()
receipts.connect()
form = {"card": str(card.public_id), "attempt": "1", "shown_amount": "1250.50 USD"}
assert client.post("/pay/A-1/", form).status_code == 302
row = Transaction.create("5", token=token(), owner=phone, email="guest@example.com")
assert [message.to for message in mail.outbox] == [["ann@example.com"], ["guest@example.com"]]

# -- The API

OWN, REFUSED = (200, 201, 204), (403, 404)


def call(method: str, path: str, body: Any, expected: tuple[int, ...]) -> None:
    answer = client.generic(
        method,
        f"/api/{path}",
        json.dumps(body),
        content_type="application/json",
        headers={"Idempotency-Key": path},
        secure=True,
    )
    assert answer.status_code in expected, (method, path, answer.content)


customer = card.customer
mine = f"customers/{customer.public_id}/"
for path in ("", "customers/", "cards/", "transactions/", "gateways/", mine):
    call("GET", path, {}, OWN)
call("GET", f"transactions/{row.public_id}/", {}, OWN)
call("GET", f"operations/{row.operation_key}/", {}, OWN)
call("PATCH", mine, {"first_name": "Anna"}, OWN)
call("POST", f"cards/{card.public_id}/default/", {}, OWN)
for path in (f"cards/{card.public_id}/charge/", f"cards/{card.public_id}/validate/"):
    call("POST", path, {"price": "1.00"}, REFUSED)
call("POST", "charges/", {"price": "1.00", "token": token()}, REFUSED)
for verb in ("capture", "void", "refund", "approve", "decline", "refresh"):
    call("POST", f"transactions/{row.public_id}/{verb}/", {}, REFUSED)
for path in ("differences/", "differences/1/", "webhook-events/", "webhook-events/1/"):
    call("GET", path, {}, REFUSED)
call("DELETE", f"cards/{card.public_id}/", {}, OWN)
assert client.get("/health/").json().keys() == {"status"}
