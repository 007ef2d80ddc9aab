"""Calls the API as its users do: JSON over the test client, signed in by session."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.http import HttpResponse
from django.test import Client

from tests.databases import VENDOR
from tests.support import contract_of_the_api

NUMBER = "4111111111111111"
OTHER_NUMBER = "5424000000000015"
CARD: dict[str, Any] = {"number": NUMBER, "cvv": "900", "month": 12, "year": 2060, "zip": "46201"}

_keys = itertools.count(1)


def new_key() -> str:
    """An idempotency key that no call used before."""
    return f"test-key-{next(_keys):08}"


class Caller:
    """A user of the API. ``key=`` sets the Idempotency-Key, a new one when it is not given."""

    def __init__(self, user: Any = None, *, raise_request_exception: bool = True) -> None:
        self.user = user
        self.client = Client(raise_request_exception=raise_request_exception)
        if user is not None:
            self.client.force_login(user)

    def get(self, path: str) -> HttpResponse:
        """GET below ``/api/``."""
        return self.send("GET", path)

    def post(self, path: str, body: Any = None, *, key: str | None = "") -> HttpResponse:
        """POST JSON; ``key=None`` sends no Idempotency-Key."""
        return self.send("POST", path, body, key=key)

    def patch(self, path: str, body: Any = None) -> HttpResponse:
        """PATCH with JSON."""
        return self.send("PATCH", path, body)

    def delete(self, path: str) -> HttpResponse:
        """DELETE below ``/api/``."""
        return self.send("DELETE", path)

    def send(
        self, method: str, path: str, body: Any = None, *, key: str | None = ""
    ) -> HttpResponse:
        """Send any method; a ``str`` or ``bytes`` body goes as it is."""
        raw = body if isinstance(body, str | bytes) else json.dumps(body or {})
        headers: Mapping[str, str] = {} if key is None else {"Idempotency-Key": key or new_key()}
        response: Any = self.client.generic(
            method,
            f"/api/{path}",
            raw,
            content_type="application/json",
            headers=headers,
            secure=True,
        )
        if VENDOR == "sqlite":  # the shape of an answer hangs on no database
            contract_of_the_api.check(method, f"/api/{path}", headers, raw, response)
        return cast("HttpResponse", response)


def user_with(name: str, *codenames: str, **fields: Any) -> Any:
    """A user with the permissions named, found by codename."""
    user = get_user_model().objects.create_user(name, **fields)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    assert user.user_permissions.count() == len(codenames), codenames
    return user


def json_of(response: HttpResponse, status: int) -> Any:
    """The reply's JSON, after a look at its status; an empty reply is None."""
    assert response.status_code == status, response.content
    return json.loads(response.content) if response.content else None
