"""Rows that are told apart when a primary key is given out twice.

SQLite gives a key out again after a rollback. An instance whose row was rolled back then has the
key of another row, and nothing that is done with it may reach that one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.db import models
from django.db.models import QuerySet


class OwnRowModel(models.Model):
    """Has a second unique column, and is read again and looked for by both."""

    #: The column, which is chosen here and never given out twice.
    OWN_COLUMN: ClassVar[str] = "public_id"

    class Meta:
        abstract = True

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: QuerySet[Any] | None = None,
    ) -> None:
        """As Django's. For an instance that has another row's key it raises ``DoesNotExist``."""
        if from_queryset is None:
            manager = type(self)._base_manager.db_manager(using, hints={"instance": self})
            from_queryset = manager.all()
        own = from_queryset.filter(**self._own_value)
        super().refresh_from_db(using=using, fields=fields, from_queryset=own)

    def stored_row(self, using: str) -> QuerySet[Any]:
        """Return the query for the row of this instance, and for no other with its key."""
        return QuerySet(type(self), using=using).filter(pk=self.pk, **self._own_value)

    def has_key_of_another(self, using: str) -> bool:
        """Say whether another row has got the primary key of this instance."""
        if not self._own_value:
            return False
        same: QuerySet[Any] = QuerySet(type(self), using=using).filter(pk=self.pk)
        return same.exclude(**self._own_value).exists()

    @property
    def _own_value(self) -> dict[str, Any]:
        if self._state.adding:
            return {}  # it was made with the key of the row that it stands for
        own = self.__dict__.get(self.OWN_COLUMN)  # not read now where it is deferred
        return {} if own is None else {self.OWN_COLUMN: own}
