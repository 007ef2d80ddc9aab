"""Forms of a card that are sent twice, as by a reload: which of them have stored a card already.

The token of such a form is spent: the gateway would refuse it, and the shopper would read of a
decline above the card that is saved.
"""

from __future__ import annotations

from django.http import HttpRequest

#: Where a session keeps the keys of forms whose card was stored, and how many of them.
STORED, KEPT = "dinero_stored_keys", 50


def has_stored(request: HttpRequest, key: str) -> bool:
    """Say whether a form with this key has stored its card, in this session.

    Two requests at the same moment are told apart by the journal, where one operation at most is
    open for a customer's cards.
    """
    return key in _stored(request)


def note_stored(request: HttpRequest, key: str) -> None:
    """Remember that the card of this form is stored; a project without sessions remembers none."""
    if hasattr(request, "session"):
        request.session[STORED] = [*_stored(request), key][-KEPT:]


def _stored(request: HttpRequest) -> list[str]:
    session = getattr(request, "session", None)
    return [] if session is None else list(session.get(STORED, []))
