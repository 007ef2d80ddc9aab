"""Fields for ids that are compared byte by byte and for times in UTC, and the database's clock."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import NotSupportedError, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Now
from django.utils import timezone

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


class _InUtc:
    """Stores UTC and returns aware times in UTC, whatever ``USE_TZ`` and ``TIME_ZONE`` say.

    Without ``USE_TZ`` Django stores local times, which the database's clock, a gateway's and those
    of two servers cannot be compared with. It would also refuse aware values on SQLite and MariaDB.
    """

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Return what is stored; the present time where the field sets it by itself."""
        if self.auto_now or (self.auto_now_add and add):  # type: ignore[attr-defined]
            setattr(model_instance, self.attname, datetime.datetime.now(datetime.UTC))  # type: ignore[attr-defined]
        return getattr(model_instance, self.attname)  # type: ignore[attr-defined]

    def get_prep_value(self, value: Any) -> Any:
        """Return a time in UTC; one without a zone is taken for the project's local time."""
        found = self.to_python(value)  # type: ignore[attr-defined]
        if not isinstance(found, datetime.datetime):
            return found  # None, or an expression
        if timezone.is_naive(found):
            found = timezone.make_aware(found, timezone.get_default_timezone())
        return found.astimezone(datetime.UTC)

    def get_db_prep_value(
        self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        """Return what the driver takes: PostgreSQL keeps the zone, the others have none."""
        found = value if prepared else self.get_prep_value(value)
        if not isinstance(found, datetime.datetime) or connection.vendor == "postgresql":
            return found
        return str(found.replace(tzinfo=None))

    def from_db_value(
        self, value: Any, expression: Any, connection: BaseDatabaseWrapper
    ) -> datetime.datetime | None:
        """Return an aware time in UTC."""
        if value is None:
            return None
        found: datetime.datetime = value
        if connection.vendor != "postgresql":
            # Whatever zone Django has put on it: UTC was stored.
            return found.replace(tzinfo=datetime.UTC)
        if timezone.is_naive(found):
            # Without USE_TZ Django cuts the zone off, which is that of the session.
            found = timezone.make_aware(found, timezone.get_default_timezone())
        return found.astimezone(datetime.UTC)


if TYPE_CHECKING:

    class UtcDateTimeField(_InUtc, models.DateTimeField[SetT, GetT]):
        """A time in UTC, aware in every project."""
else:

    class UtcDateTimeField(_InUtc, models.DateTimeField):
        """A time in UTC, aware in every project."""


class UtcNow(Now):
    """The database's clock in UTC.

    On MariaDB, Django's ``Now()`` is the local time of the session and may be hours away from the
    UTC that is stored. Leases and quarantines could not be compared with it.
    """

    output_field = UtcDateTimeField()

    def as_mysql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra)


class UtcDay(models.Func):
    """The day in UTC of a time in UTC, whatever the session's zone is."""

    output_field = models.DateField()
    template = "DATE(%(expressions)s)"

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        # By the distance to UTC: by its name, PostgreSQL looks the zone up for each row.
        return self.as_sql(
            compiler,
            connection,
            template="((%(expressions)s) AT TIME ZONE INTERVAL '0')::date",
            **extra,
        )


class UtcIn(UtcNow):
    """The database's clock in UTC, so long from now; before now if ``wait`` is negative.

    ``UtcNow() + wait`` costs Django several times as much to put into SQL, and a claim has four.
    """

    def __init__(self, wait: datetime.timedelta) -> None:
        super().__init__()
        self.wait = wait

    def as_sql(
        self,
        compiler: Any,
        connection: Any,
        function: str | None = None,
        template: str | None = None,
        arg_joiner: str | None = None,
        **extra: Any,
    ) -> Any:
        raise NotSupportedError("UtcIn knows PostgreSQL, MariaDB and SQLite.")

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return "(STATEMENT_TIMESTAMP() + %s)", (self.wait,)

    def as_mysql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        microseconds = self.wait // datetime.timedelta(microseconds=1)
        return "TIMESTAMPADD(MICROSECOND, %s, UTC_TIMESTAMP(6))", (microseconds,)

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        seconds = f"{self.wait.total_seconds():+.3f} seconds"
        return "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW', %s)", (seconds,)
