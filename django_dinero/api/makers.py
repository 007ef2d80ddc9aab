"""Who asked for a transaction, for those of the staff who may see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework.serializers import ListSerializer, Serializer, SerializerMethodField

from django_dinero.db.queries import primary
from django_dinero.models import Operation, Transaction
from django_dinero.users import has_permission


def makers_of(rows: Iterable[Transaction]) -> Mapping[str, str]:
    """Return who asked, by the key of the operation; all of them by one query.

    From the primary database: a replica may lack the operation that this request has just written.
    """
    keys = [row.operation_key for row in rows if row.operation_key]
    if not keys:
        return {}
    found = primary(Operation).filter(key__in=keys)
    return {each.key: each.made_by for each in found.only("key", "intent")}


class ShowsMaker(Serializer[Transaction]):
    """The field ``made_by`` of a transaction."""

    made_by = SerializerMethodField()
    #: Who asked, by the operation's key, where it is known for a page of rows already.
    makers: Mapping[str, str] | None = None

    def get_made_by(self, row: Transaction) -> str | None:
        """Return the name of who asked for it; None to who may do something and see nothing."""
        if not self.may_see_makers():
            return None
        makers = makers_of([row]) if self.makers is None else self.makers
        return makers.get(row.operation_key or "", "")

    def may_see_makers(self) -> bool:
        """Say whether whoever asks may see transactions; whoever voids one need not."""
        user = getattr(self.context.get("request"), "user", None)
        return has_permission(user, "dinero.view_transaction")


class RowsWithMakers(ListSerializer[Any]):
    """A page of transactions: who asked for them is read at once."""

    def to_representation(self, data: Any) -> list[Any]:
        """Return the rows."""
        rows = list(data)
        child: Any = self.child
        child.makers = makers_of(rows) if child.may_see_makers() else {}
        return super().to_representation(rows)
