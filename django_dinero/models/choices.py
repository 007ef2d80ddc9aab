"""The label of a choice, looked up by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.db import models
from django.utils.encoding import force_str

ModelT = TypeVar("ModelT", bound=models.Model)


def quick_labels(model: type[ModelT]) -> type[ModelT]:
    """Let a model's ``get_<field>_display()`` look one label up.

    Django's own translates and hashes all labels of the field at each call. Of a page of a hundred
    operations that was a quarter of the time.
    """
    for field in model._meta.concrete_fields:
        if field.choices:
            labels = dict(field.flatchoices)
            setattr(model, f"get_{field.name}_display", _labeller(field.attname, labels))
    return model


def _labeller(attname: str, labels: Mapping[Any, Any]) -> Callable[[models.Model], str]:
    def display(self: models.Model) -> str:
        value = getattr(self, attname)
        shown: str = force_str(labels.get(value, value), strings_only=True)
        return shown

    return display
