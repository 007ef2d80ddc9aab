"""Pages of lists that may have millions of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator

#: How many rows are counted. Nobody turns a hundred pages: who looks for more searches or filters.
COUNTED = 10_000


class MoreThan(int):
    """A number of rows that says of itself that there are more."""

    def __str__(self) -> str:
        return _("more than %(count)d") % {"count": self}


class BoundedPaginator(_Paginator):
    """Counts no further than :data:`COUNTED`, and has the pages up to there.

    Without a bound, each page of a list waits until the database has counted the whole table.
    """

    @cached_property
    def count(self) -> int:
        # Without its order, which the database would bring the rows into before it counts them.
        rows: QuerySet[Any] = cast("QuerySet[Any]", self.object_list)
        found = rows.order_by()[: COUNTED + 1].count()
        return found if found <= COUNTED else MoreThan(COUNTED)
