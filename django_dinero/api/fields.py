"""Fields that show no secret and guess no amount."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, TypeVar, cast

from django.conf import settings
from django.db import models
from django.db.models import Model
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import ISO_8601, serializers

from django_dinero.api import raw_cards
from django_dinero.cards import unsendable
from django_dinero.db.fields import UtcDateTimeField
from django_dinero.redaction import MASK, Secret, scrub

RowT = TypeVar("RowT", bound=Model)

#: A field's name; digits in its place may be a CVV.
_NAME = re.compile(r"[A-Za-z_][\w.:-]{0,79}", re.ASCII)


def nameable(name: str) -> str:
    """Return the name of an unknown field for its error, masked where it is no name."""
    return scrub(name) if _NAME.fullmatch(name) else MASK


class TimeField(serializers.DateTimeField):
    """A time with its zone, also in a project without ``USE_TZ``: in UTC there."""

    # As the schema says, whatever the project's DATETIME_FORMAT is.
    format = ISO_8601

    def enforce_timezone(self, value: datetime.datetime) -> datetime.datetime:
        """Return the time in the zone that it is shown in."""
        if settings.USE_TZ:
            return super().enforce_timezone(value)
        return value.astimezone(datetime.UTC)


class DayField(serializers.DateField):
    """A day, whatever the project's DATE_FORMAT is."""

    format = ISO_8601


class RowSerializer(serializers.ModelSerializer[RowT]):
    """Shows rows of ours, in the shapes of the schema and not in those of the project's settings.

    A key is a number: REST framework's own field makes a text of it under COERCE_BIGINT_TO_STRING.
    """

    serializer_field_mapping: ClassVar[Any] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        UtcDateTimeField: TimeField,
        models.DateField: DayField,
        models.BigAutoField: serializers.IntegerField,
    }


class SecretField(serializers.Field[Secret, Any, Any, Any]):
    """A value that goes in and never comes out."""

    default_error_messages = {"invalid": gettext_lazy("Pass a text.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(write_only=True, required=False, **kwargs)

    def to_internal_value(self, data: Any) -> Secret:
        """Return the secret that the parser made."""
        if not isinstance(data, Secret):
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> None:
        return None


class RawCardField(SecretField):
    """A card number or CVV: refused unless the project takes them."""

    def to_internal_value(self, data: Any) -> Secret:
        """Return the secret.

        Raises:
            ValidationError: by the settings, or not over https (:mod:`.raw_cards`).
        """
        problem = raw_cards.problem_with(self.context["request"])
        if problem:
            raise serializers.ValidationError(problem)
        return super().to_internal_value(data)


class PlainTextField(serializers.CharField):
    """A text, or a whole number as ``46201``; its errors never quote it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "allow_blank": True, **kwargs})

    def to_internal_value(self, data: Any) -> str:
        """Return the text; a card number, which the parser has wrapped, is refused."""
        if isinstance(data, Secret):
            return self._unwrapped(data)
        if isinstance(data, float):
            self.fail("invalid")  # 1e2 and 1.10 would be stored as other digits than were sent
        return str(super().to_internal_value(data))

    def _unwrapped(self, data: Secret) -> str:
        problem = unsendable(data.reveal(), self.field_name or "")
        if problem:
            raise serializers.ValidationError(problem)
        # The parser wraps every long number before it knows the field.
        if not data.reveal().isdigit():
            self.fail("invalid")
        return str(super().to_internal_value(data.reveal()))


class AmountField(serializers.Field[Any, Any, Any, Any]):
    """An amount in major units: a JSON string or integer, as ``"12.50"``; the service checks it."""

    def to_internal_value(self, data: Any) -> Decimal | int | str:
        """Return what was sent; a JSON number with a point has lost its digits already."""
        if isinstance(data, bool) or not isinstance(data, str | int):
            raise serializers.ValidationError(_('Send the amount as a string: "12.50".'))
        return data

    def to_representation(self, value: Any) -> str:
        """Return the amount as a string."""
        return str(value)


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that it does not know, instead of dropping them in silence."""

    #: What can be read of a body with wrong fields, for what else can be checked of it.
    right: dict[str, Any]

    def to_internal_value(self, data: Any) -> Any:
        """Validate; all wrong and unknown fields are named together."""
        errors = self._unknown(data) | self.missing(data)
        known = {name: value for name, value in data.items() if name in self.fields}
        try:
            found = super().to_internal_value(known)
        except serializers.ValidationError as error:
            errors |= cast("dict[str, Any]", error.detail)
            found = self._without(errors, known)
        if errors:
            self.right = dict(found)
            raise serializers.ValidationError(errors)
        return found

    def missing(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return errors for what the body lacks, where no single field is required."""
        return {}

    def _unknown(self, data: Any) -> dict[str, Any]:
        accepted = [name for name, field in self.fields.items() if not field.read_only]
        unknown = sorted(set(data) - set(accepted))
        text = _("Unknown field. Accepted: %(names)s.") % {"names": ", ".join(accepted)}
        if not accepted:
            text = _("Unknown field. This takes none.")
        return {nameable(name): [text] for name in unknown}

    def _without(self, errors: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
        self.partial = True  # what is missing is among the errors
        return super().to_internal_value(
            {name: value for name, value in known.items() if name not in errors}
        )
