"""Writes a text into one of the places that are searched: the search has to find it there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.mail import mail_admins
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

#: Loggers that a project may switch to DEBUG.
LOGGERS = (
    *("django.db.backends", "django.request", "django.server", "django.template"),
    *("django.security.csrf", "urllib3.connectionpool", "django_dinero.journal", "anything.else"),
)


@csrf_exempt
def plant(request: HttpRequest) -> HttpResponse:
    """Write ``text`` into ``place``."""
    place, text = request.POST["place"], request.POST["text"]
    if place == "answer":
        return HttpResponse(text)
    if place == "head of an answer":
        return HttpResponse(headers={"X-Told": text})
    if place == "session":
        request.session["told"] = text
    elif place.startswith("log "):
        logging.getLogger(place.removeprefix("log ")).debug("told %s", _Told(text))
    else:
        PLACES[place](text)
    return HttpResponse("done")


@csrf_exempt
def form(request: HttpRequest) -> HttpResponse:
    """Show a form of one field; what was posted is a part of the page in the browser's history."""
    told = "Told." if request.method == "POST" else ""
    return HttpResponse(f"{told}<form method=post><input name=told><button>Tell</button></form>")


class _Told:
    """A text that no filter looks into: one at a logger's own must not hide what is planted."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


def _in_history(text: str) -> None:
    user = User.objects.filter(is_superuser=True)[0]
    LogEntry.objects.create(user=user, action_flag=CHANGE, object_repr="x", change_message=text)


def _in_journal(text: str) -> None:
    _execute("UPDATE dinero_operation SET outcome = %s WHERE id = 1", f'{{"note": "{text}"}}')


def _erased(text: str) -> None:
    """Write a row and delete it: nothing but the bytes of the file has it any more."""
    _execute("INSERT INTO django_session VALUES (%s, 'x', '2000-01-01')", text)
    _execute("DELETE FROM django_session WHERE session_key = %s", text)


def _execute(sql: str, *values: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


PLACES: Mapping[str, Callable[[str], object]] = {
    "cache": lambda text: cache.set("told", text),
    "mail": lambda text: mail_admins("told", text),
    "history": _in_history,
    "journal": _in_journal,
    "erased row": _erased,
}
