"""Fields whose ids are compared byte by byte, and the database's own clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Now

# What a field takes and gives, for the type checkers of those who use the models.
SetT = TypeVar("SetT", contravariant=True)
GetT = TypeVar("GetT", covariant=True)


class _Bytewise:
    """Compared byte by byte: ``cus_AbC`` is not ``cus_aBc``, on MariaDB either."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        """Give the column a binary collation where the default one ignores case."""
        parameters: dict[str, Any] = dict(super().db_parameters(connection))  # type: ignore[misc]
        if connection.vendor == "mysql":
            parameters["collation"] = "utf8mb4_bin"
        return parameters


if TYPE_CHECKING:

    class IdField(_Bytewise, models.CharField[SetT, GetT]):
        """Text that is compared byte by byte, not letter by letter."""
else:
    # Django's fields cannot be subscripted when the program runs.
    class IdField(_Bytewise, models.CharField):
        """Text that is compared byte by byte, not letter by letter."""


class RowForeignKey(models.ForeignKey[SetT, GetT]):
    """A foreign key whose value is ``<name>_pk``, so that ``<name>_id`` is free.

    ``card.customer_id`` is the gateway's id of the customer, a column of its own.
    """

    def get_attname(self) -> str:
        """Return the attribute (and column) that holds the key's value."""
        return f"{self.name}_pk"


class UtcNow(Now):
    """The database's clock in UTC.

    Django's ``Now()`` is the session's local time on MariaDB, hours away from the UTC that Django
    stores; leases and quarantines compared with it would be void.
    """

    def as_mysql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Return MariaDB's own UTC clock, with microseconds."""
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra)
