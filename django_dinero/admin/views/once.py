"""Pages that are sent twice: which keys a session has used."""

from __future__ import annotations

from django.http import HttpRequest

#: Where a session keeps the keys of pages that were sent, and how many of them.
USED, KEPT = "dinero_used_keys", 50


def first_use(request: HttpRequest, key: str) -> bool:
    """Say whether a page's key is used for the first time in this session, and note it at once.

    Two requests at the same moment are told apart by the journal, where one operation at most is
    open for a customer and for its cards.
    """
    used: list[str] = request.session.get(USED, [])
    if key in used:
        return False
    request.session[USED] = [*used, key][-KEPT:]
    request.session.save()
    return True
