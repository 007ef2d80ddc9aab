"""What may not be saved: values that cannot be stored or sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models
from django.utils.translation import gettext as _

from django_dinero.cards import unsendable
from django_dinero.exceptions import InvalidInput
from django_dinero.models import _services
from django_dinero.models.pushed import PushedModel
from django_dinero.redaction import Secret, mask_card_numbers
from django_dinero.user_messages import ForCode


class CheckedModel(PushedModel):
    """Checks the values of a row, for forms and before a save."""

    class Meta:
        abstract = True

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """As Django's, and report whatever :meth:`save` would refuse.

        Raises:
            ValidationError: the errors by field; those of excluded fields, which the form does not
                have, stand on top.
        """
        errors: dict[str, Any] = {}
        # Django would put the text of a secret in its place, which is a mask.
        secret = [name for name, value in self.__dict__.items() if isinstance(value, Secret)]
        try:
            super().clean_fields(exclude={*(exclude or ()), *secret})
        except ValidationError as error:
            found = error.update_error_dict({})
            errors = {n: [_without_quoted_number(e) for e in each] for n, each in found.items()}
        hidden = set(exclude or ()) - errors.keys()
        names = {field.name for field in self._meta.fields}
        for name, text in self.save_errors().items():
            if name in names - hidden:
                errors.setdefault(name, [ValidationError(text, code="invalid")])
            else:
                top = errors.setdefault(NON_FIELD_ERRORS, [])
                top.append(ValidationError(f"{name}: {text}", code="invalid"))
        if errors:
            raise ValidationError(errors)

    def save_errors(self) -> dict[str, str]:
        """Return what :meth:`save` would refuse, by field."""
        return self.value_errors()

    def check_values(self, only: Collection[str] | None = None) -> None:
        """Raise :class:`InvalidInput` naming everything that cannot be stored or sent.

        Args:
            only: the fields to be saved; None for all.
        """
        errors = self.value_errors(only)
        if errors:
            raise self.input_error(errors)

    def value_errors(self, only: Collection[str] | None = None) -> dict[str, str]:
        """Return the errors in the values of this instance, by field."""
        errors: dict[str, str] = {}
        texts: dict[str, str] = {}
        for name in self.PUSHED_FIELDS:
            if only is not None and name not in only:
                continue
            field = self._meta.get_field(name)
            if not isinstance(field, models.CharField) or name not in self.__dict__:
                continue
            problem = _text_error(field, self.__dict__[name])
            if problem:
                errors[name] = problem
            else:
                texts[name] = self.__dict__[name]
        for name in self._changed_fixed_fields(only):
            errors[name] = ForCode(_("This does not change once it is stored."))
        return errors | _services.customers.length_errors(self.gateway_name, texts)

    def input_error(self, errors: Mapping[str, str]) -> InvalidInput:
        return InvalidInput(errors, gateway_name=self.gateway_name)

    def _changed_fixed_fields(self, only: Collection[str] | None) -> list[str]:
        if self._state.adding or not getattr(self, "customer_id", None):
            return []
        names = [name.removesuffix("_pk") for name in self.changed(*self.FIXED_FIELDS)]
        return [name for name in names if only is None or name in only]


def _without_quoted_number(error: ValidationError) -> ValidationError:
    """Return an error of Django's validators, which quote the value, with card numbers masked."""
    quoted = str((error.params or {}).get("value", ""))
    masked = mask_card_numbers(quoted)
    if masked == quoted:
        return error
    params = {**(error.params or {}), "value": masked}
    return ValidationError(error.message, code=error.code, params=params)


def _text_error(field: models.CharField[Any, Any], value: object) -> str:
    # A manager hides a card number, and what is too long for any field.
    text = value.reveal() if isinstance(value, Secret) else value
    if not isinstance(text, str):
        return ForCode(_("Pass a str, not %(type)s.") % {"type": type(text).__name__})
    if field.max_length is not None and len(text) > field.max_length:
        return _("At most %(limit)d characters.") % {"limit": field.max_length}
    problem = unsendable(text, field.name)
    if not problem and isinstance(value, Secret):
        return ForCode(_("Pass a str, not %(type)s.") % {"type": "Secret"})
    return problem
