"""How callers are known: by the project's authentication, with its CSRF rules."""

from __future__ import annotations

import pytest
from django.test import Client

from django_dinero.models import Customer
from tests.integration.api.calling import Caller
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db


def test_a_session_needs_the_csrf_token(owner: Caller, gateway: RecordingGateway) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner.user)
    body = '{"email": "bill@example.com"}'
    refused = client.generic("POST", "/api/customers/", body, content_type="application/json")
    assert refused.status_code == 403
    assert not Customer.objects.exists()
    assert gateway.verbs == []
