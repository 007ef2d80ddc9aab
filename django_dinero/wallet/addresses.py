"""Addresses of the page that a shopper is on."""

from __future__ import annotations

from django.http import HttpRequest, QueryDict

from django_dinero.cards import holds_card_number

#: The question about a card is the page's own with this in its query: the card's public id.
REMOVE = "remove"


def this_page(request: HttpRequest, *, without: str = "", **asked: str) -> str:
    """Return the page's address, as it is without a question about a card, and without numbers.

    The rest of its query stays: a project may tell by it what the page is about.

    Args:
        request: of the page.
        without: a name of the query that is left out as well.
        **asked: what else its query says.
    """
    query = QueryDict(mutable=True)
    for name, texts in request.GET.lists():
        is_kept = name not in (REMOVE, without)
        if is_kept and not any(holds_card_number(name, text) for text in texts):
            query.setlist(name, texts)
    query.update(asked)
    path = request.get_full_path().partition("?")[0]
    return f"{path}?{query.urlencode()}" if query else path
