"""Labels of choices are the ones that Django would give."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import models
from django.utils.translation import override

FIELDS = [
    (model, field)
    for model in apps.get_app_config("dinero").get_models()
    for field in model._meta.concrete_fields
    if field.choices
]


def test_there_are_choices() -> None:
    assert len(FIELDS) >= 10


@pytest.mark.parametrize(
    ("model", "field"), FIELDS, ids=lambda each: getattr(each, "__name__", None) or each.name
)
@pytest.mark.parametrize("language", ["en", "de"])
def test_a_label_is_djangos(
    model: type[models.Model], field: models.Field[object, object], language: str
) -> None:
    with override(language):
        for value in [*dict(field.flatchoices), "unheard of", ""]:
            row = model(**{field.name: value})
            shown = getattr(row, f"get_{field.name}_display")()
            assert shown == row._get_FIELD_display(field), value  # type: ignore[attr-defined]
