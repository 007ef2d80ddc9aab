"""Addresses of the page that a shopper is on."""

from __future__ import annotations

from django.http import HttpRequest

#: The question about a card is the page's own with this in its query: the card's public id.
REMOVE = "remove"


def this_page(request: HttpRequest, **asked: str) -> str:
    """Return the page's address, as it is without a question about a card.

    Args:
        request: of the page.
        **asked: what else its query says.
    """
    query = request.GET.copy()
    query.pop(REMOVE, None)
    query.update(asked)
    path = request.get_full_path().partition("?")[0]
    return f"{path}?{query.urlencode()}" if query else path
