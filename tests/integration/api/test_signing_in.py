"""How callers are known: by the project's authentication, with its CSRF rules; the page's curl."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from django_dinero.models import Customer, Transaction
from tests.integration.api.calling import CARD, Caller, json_of, user_with
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

PAGE = Path(__file__).resolve().parents[3] / "docs" / "interfaces.md"


def test_a_session_needs_the_csrf_token(owner: Caller, gateway: RecordingGateway) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner.user)
    body = '{"email": "bill@example.com"}'
    refused = client.generic("POST", "/api/customers/", body, content_type="application/json")
    assert refused.status_code == 403
    assert not Customer.objects.exists()
    assert gateway.verbs == []


def test_the_curl_of_the_page(gateway: RecordingGateway) -> None:
    command = re.search(r"\$ curl (.*?)\n\{", PAGE.read_text(), re.DOTALL)
    assert command is not None
    sent = dict(re.findall(r'-H "([^:]+): ([^"]+)"', command[1]))
    name, password = re.findall(r"-u (\w+):(\w+)", command[1])[0]
    [body] = re.findall(r"-d '(.*)'", command[1])
    user = user_with(name, "charge_creditcard")
    user.set_password(password)
    user.save()
    customer = Customer.create("ann@example.com", owner=user, **CARD)
    sent["Authorization"] = f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"
    kind = sent.pop("Content-Type")
    address = reverse("dinero-api:customer-charge", kwargs={"id": customer.public_id})
    assert address == f"/api/customers/{customer.public_id}/charge/"
    response = Client(enforce_csrf_checks=True).generic(
        "POST", address, body, content_type=kind, headers=sent
    )
    shown = json_of(response, 201)  # type: ignore[arg-type]
    row = Transaction.objects.get(public_id=shown["id"])
    assert (shown["price"], row.order_reference) == ("12.50", "1042")


def test_the_page_has_every_route() -> None:
    page = PAGE.read_text()
    for route in (
        *("GET customers/", "POST customers/", "GET customers/{id}/", "PATCH customers/{id}/"),
        *("DELETE customers/{id}/", "POST customers/{id}/cards/", "POST customers/{id}/charge/"),
        *("GET cards/", "GET cards/{id}/", "PATCH cards/{id}/", "DELETE cards/{id}/"),
        *("POST cards/{id}/charge/", "GET transactions/", "GET transactions/{id}/"),
        *(f"POST transactions/{{id}}/{verb}/" for verb in ("settle", "void", "refund")),
    ):
        assert f"`{route}`" in page, route
