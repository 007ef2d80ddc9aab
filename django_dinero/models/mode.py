"""Whether a row is of an account where real money moves, or of a test account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

from django.db import models

from django_dinero.models import _services

if TYPE_CHECKING:
    _BooleanField = models.BooleanField[bool, bool]
else:
    _BooleanField = models.BooleanField


class OfAccount(Protocol):
    """A row of a customer, a card, a transaction or an operation."""

    gateway_name: Any
    live: Any


@dataclass(frozen=True, slots=True)
class Account:
    """A gateway's name, and whether it stood for the live account: what the ids there belong to."""

    gateway_name: str
    live: bool

    @classmethod
    def of(cls, row: OfAccount) -> Self:
        """Return the account that a row is of."""
        return cls(row.gateway_name, row.live)

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of every row of this account, to search by and to write."""
        return {"gateway_name": self.gateway_name, "live": self.live}


def lock_prefix(live: bool) -> str:
    """Return what lock names begin with: nobody waits for what is done at another account."""
    return "live:" if live else ""


class LiveField(_BooleanField):
    """Whether the gateway was a live one when the row was written. Later changes do not reach it.

    In a row whose gateway was not configured it is False.
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
