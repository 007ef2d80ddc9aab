"""JSON that the database changes by itself."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import NotSupportedError

from django_dinero.db.json import WithoutKeys
from django_dinero.models import Operation

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"email": "a@example.com", "n": 1}, {"n": 1}),
        ({"email": None, "owner_pk": 7, "x": {"email": "stays"}}, {"x": {"email": "stays"}}),
        ({"x": "Zürich 'quoted' \"twice\" \\ 😀", "y": [1, 2.5, None, True]}, None),
        ({}, None),
    ],
)
def test_keys_go_and_all_else_stays(before: dict[str, Any], after: dict[str, Any] | None) -> None:
    row = Operation.objects.create(kind="add_card", gateway_name="default", live=False)
    Operation.objects.filter(pk=row.pk).update(intent=before)
    Operation.objects.update(intent=WithoutKeys("intent", "email", "owner_pk"))
    assert Operation.objects.get(pk=row.pk).intent == (before if after is None else after)


def test_another_database_is_refused() -> None:
    with pytest.raises(NotSupportedError):
        WithoutKeys("intent", "email").as_sql(None, None)
