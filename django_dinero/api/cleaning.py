"""For serializers of a project: what ``save()`` would refuse is an error of the serializer."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from rest_framework import serializers
from rest_framework.settings import api_settings

if TYPE_CHECKING:
    _ModelSerializer = serializers.ModelSerializer[Any]
else:
    _ModelSerializer = object


class CleanedModelMixin(_ModelSerializer):
    """Validates a ``ModelSerializer`` of a customer or a card as Django's forms do.

    REST framework asks the validators of single fields, but not the model. So the limits of the
    gateway, and an expiry date, would be refused by ``save()`` only. Put it first among the bases.
    """

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the values, if a row with them could be saved.

        Raises:
            ValidationError: the errors by field.
        """
        attrs = super().validate(attrs)
        model: Any = self.Meta.model
        row = model() if self.instance is None else copy.copy(self.instance)
        columns = {field.name for field in row._meta.concrete_fields}
        for name in attrs.keys() & columns:
            setattr(row, name, attrs[name])
        errors: dict[str, list[str]] = {}
        try:
            row.clean_fields(exclude=columns - attrs.keys())
        except ValidationError as error:
            errors = error.message_dict
        if errors:
            top = errors.pop(NON_FIELD_ERRORS, None)
            named = {} if top is None else {api_settings.NON_FIELD_ERRORS_KEY: top}
            raise serializers.ValidationError({**errors, **named})
        return attrs
