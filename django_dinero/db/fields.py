"""Fields for ids that are compared byte by byte, and the database's clock in UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Now

# The types that a field is set to and read as, for the type checkers of projects.
SetT = TypeVar("SetT", contravariant=True)
GetT = TypeVar("GetT", covariant=True)


class _Bytewise:
    """Compares byte by byte: ``cus_AbC`` differs from ``cus_aBc``, also on MariaDB."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        """Give the column a binary collation on MariaDB, whose default one ignores case."""
        parameters: dict[str, Any] = dict(super().db_parameters(connection))  # type: ignore[misc]
        if connection.vendor == "mysql":
            parameters["collation"] = "utf8mb4_bin"
        return parameters


if TYPE_CHECKING:

    class IdField(_Bytewise, models.CharField[SetT, GetT]):
        """Text that is compared byte by byte, not letter by letter."""
else:
    # Django's fields cannot be subscripted at run time.
    class IdField(_Bytewise, models.CharField):
        """Text that is compared byte by byte, not letter by letter."""


class RowForeignKey(models.ForeignKey[SetT, GetT]):
    """A foreign key stored in ``<name>_pk``, so that ``<name>_id`` is free for the gateway's id.

    ``card.customer_id``, for one, is a column with the gateway's id of the customer.
    """

    def get_attname(self) -> str:
        """Return the attribute (and column) that holds the key's value."""
        return f"{self.name}_pk"


class UtcNow(Now):
    """The database's clock in UTC.

    On MariaDB, Django's ``Now()`` is the local time of the session and may be hours away from the
    UTC that Django stores. Leases and quarantines could not be compared with it.
    """

    def as_mysql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra)
