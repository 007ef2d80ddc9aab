"""Pages of a list, as ``paging`` and ``sorting`` ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from django_dinero.sandbox.dialects.authorizenet.parse import Node

_Item = TypeVar("_Item")
#: What a page holds where the request does not say; more than this the schema refuses.
MOST = 1000


def page(items: Sequence[_Item], request: Node) -> Sequence[_Item]:
    """Return the page that a request asks for; ``offset`` is the number of a page, from 1."""
    limit = int(request.value("paging", "limit") or MOST)
    number = int(request.value("paging", "offset") or 1)
    return items[(number - 1) * limit : number * limit]


def descending(request: Node) -> bool:
    """Say whether the list is to begin with the newest or highest."""
    sorting = request.find("sorting")
    return sorting is not None and sorting.flag("orderDescending")
