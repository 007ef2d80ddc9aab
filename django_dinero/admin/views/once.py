"""Pages that are sent twice: which keys a session has used, and a user in another one."""

from __future__ import annotations

from django.db.models import Model
from django.http import HttpRequest

from django_dinero.admin.history import is_logged

#: Where a session keeps the keys of pages that were sent, and how many of them.
USED, KEPT = "dinero_used_keys", 50


def first_use(request: HttpRequest, key: str, row: Model | None = None) -> bool:
    """Say whether a page's key is used for the first time in this session, and note it at once.

    A session may be kept in a cookie, which is sent again with its page; and a user may have
    several. So where a row's history has the key of what was done, it was used, too.

    Two requests at the same moment are told apart by the journal, where one operation at most is
    open for a customer and for its cards.

    Args:
        request: the page that was sent.
        key: of its form.
        row: whose history has the keys.
    """
    used: list[str] = request.session.get(USED, [])
    if key in used or (row is not None and is_logged(request, row, key)):
        return False
    request.session[USED] = [*used, key][-KEPT:]
    request.session.save()
    return True
