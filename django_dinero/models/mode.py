"""Whether a row is of an account where real money moves, or of a test account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from django_dinero.models import _services

if TYPE_CHECKING:
    _BooleanField = models.BooleanField[bool, bool]
else:
    _BooleanField = models.BooleanField


class LiveField(_BooleanField):
    """Written with the row, as the gateway of its name was then. It does not change with that.

    In a row that is written for no configured gateway it is False.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "blank": True, "editable": False})

    def pre_save(self, model_instance: models.Model, add: bool) -> bool:
        """Return the value of an instance, asked of its gateway where nobody has given one."""
        value: bool | None = super().pre_save(model_instance, add)
        if value is None:
            name: str = model_instance.gateway_name  # type: ignore[attr-defined]
            value = _services.modes.is_live(name)
            setattr(model_instance, self.attname, value)
        return value
