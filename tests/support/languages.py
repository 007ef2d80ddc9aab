"""Pages in another language: what of our English is left in one."""

from __future__ import annotations

import html
import re
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po

import django_dinero

#: What the package speaks beside English.
LANGUAGES = ("de", "es", "fr")
#: Shorter texts are parts of other words, and some are the same in two languages.
LONG = 20
PLACEHOLDER = re.compile(r"%\(\w+\)\d*[a-z]|%[sdr%](?!\w)|\{\w*\}")
LOCALE_MIDDLEWARE = "django.middleware.locale.LocaleMiddleware"


def with_locale_middleware(middleware: list[str]) -> list[str]:
    """Return the middleware with Django's for the reader's language in its place."""
    at = 1 + middleware.index("django.contrib.sessions.middleware.SessionMiddleware")
    return [*middleware[:at], LOCALE_MIDDLEWARE, *middleware[at:]]


@cache
def english(language: str) -> frozenset[str]:
    """Return the longer English texts that the language says otherwise, cut at placeholders."""
    path = Path(django_dinero.__file__).parent / "locale" / language / "LC_MESSAGES" / "django.po"
    with path.open("rb") as file:
        messages = [message for message in read_po(file) if message.id]
    spoken = "\0".join(part for message in messages for part in _parts(message.string))
    found = {part for message in messages for part in _parts(message.id) if len(part) > LONG}
    return frozenset(part for part in found if part not in spoken)


def _parts(text: Any) -> list[str]:
    forms = text if isinstance(text, list | tuple) else [text]
    return [_plain(part) for form in forms for part in PLACEHOLDER.split(form or "")]


def _plain(text: str) -> str:
    return " ".join(text.split())


def left_in_english(response: Any, language: str) -> list[str]:
    """Return which of our English texts a page shows, in its attributes too."""
    page = _plain(html.unescape(response.content.decode()))
    return sorted(part for part in english(language) if part in page)
