"""Forms of a card that are sent twice, as by a reload: which of them have stored a card already.

The token of such a form is spent: the gateway would refuse it, and the shopper would read of a
decline above the card that is saved. A form with another token is none of them, whatever its key: a
browser that has gone back restores the page, and the next card is sent from it.
"""

from __future__ import annotations

from django.http import HttpRequest

from django_dinero import identifiers
from django_dinero.redaction import Secret

#: Where a session keeps what stands for the forms whose card was stored, and how many of them.
STORED, KEPT = "dinero_stored_keys", 50


def has_stored(request: HttpRequest, key: str, token: Secret) -> bool:
    """Say whether the form with this key and this token has stored its card, in this session.

    Two requests at the same moment are told apart by the journal, where one operation at most is
    open for a customer's cards.
    """
    form = (key, token.reveal())
    known = {identifiers.derived_key(*form), *identifiers.earlier_derived_keys(*form)}
    return not known.isdisjoint(_stored(request))


def note_stored(request: HttpRequest, key: str, token: Secret) -> None:
    """Remember that the card of this form is stored; a project without sessions remembers none.

    The token itself stays out of the session: what stands for it is derived with SECRET_KEY.
    """
    if hasattr(request, "session"):
        form = identifiers.derived_key(key, token.reveal())
        request.session[STORED] = [*_stored(request), form][-KEPT:]


def _stored(request: HttpRequest) -> list[str]:
    session = getattr(request, "session", None)
    return [] if session is None else list(session.get(STORED, []))
