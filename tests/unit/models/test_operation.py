"""What an operation remembers of the request."""

from __future__ import annotations

import uuid

import pytest

from django_dinero.models import Operation
from django_dinero.testing.factories import OperationFactory

pytestmark = pytest.mark.django_db


def test_the_owner_may_be_a_user_whose_key_is_a_uuid() -> None:
    owner = uuid.uuid4()
    operation = OperationFactory(intent={"owner_pk": owner})
    operation.refresh_from_db()
    assert operation.intent == {"owner_pk": str(owner)}
    assert Operation.objects.get(intent__owner_pk=owner) == operation
    assert not Operation.objects.filter(intent__owner_pk=uuid.uuid4()).exists()
