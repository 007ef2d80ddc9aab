"""Addresses of the API, and calls with an idempotency key."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from rest_framework.test import APIClient

from django_dinero import keys


def url(name: str, row: Any = None) -> str:
    """The address of ``dinero-api:<name>``, of a row where there is one."""
    kwargs = {} if row is None else {"id": str(getattr(row, "public_id", row))}
    return reverse(f"dinero-api:{name}", kwargs=kwargs)


def post(
    client: APIClient, name: str, row: Any = None, *, key: str | None = None, **given: Any
) -> Any:
    """POST with a key, a new one unless it is given."""
    headers = {"Idempotency-Key": keys.new_key() if key is None else key}
    return client.post(url(name, row), given, format="json", headers=headers)


def patch(client: APIClient, name: str, row: Any, **given: Any) -> Any:
    """PATCH."""
    return client.patch(url(name, row), given, format="json")
