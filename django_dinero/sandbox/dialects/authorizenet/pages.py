"""Parts of a list, as ``paging`` and ``sorting`` ask for them."""

from __future__ import annotations

from django_dinero.sandbox.bank.records import Paging
from django_dinero.sandbox.dialects.authorizenet.parse import Node

#: What a page holds where the request does not say; more than this the schema refuses.
MOST = 1000


def paging_of(request: Node) -> Paging:
    """Return which part of a list is asked for; ``offset`` is the number of a page, from 1."""
    limit = int(request.value("paging", "limit") or MOST)
    number = int(request.value("paging", "offset") or 1)
    sorting = request.find("sorting")
    return Paging(
        limit=limit,
        offset=(number - 1) * limit,
        by_time=request.value("sorting", "orderBy") == "submitTimeUTC",
        descending=sorting is not None and sorting.flag("orderDescending"),
    )
