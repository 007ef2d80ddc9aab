"""Keeps each answer of the site, head and body, and the log of what its database wrote."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from threading import Lock

from django.http import HttpRequest, HttpResponse

from example_project.settings import VAR_DIR

_lock = Lock()


def keep(get_response: Callable[[HttpRequest], HttpResponse]) -> object:
    """Return a middleware that writes what goes out into ``answers.bin``."""
    # While a connection of this process is open, no other one folds the log into the file. Whoever
    # reads the files loses his own locks on them (POSIX), so it cannot be the test's.
    kept = sqlite3.connect(VAR_DIR / "example.sqlite3", check_same_thread=False)
    kept.execute("SELECT count(*) FROM auth_user").fetchone()

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not response.streaming:
            cookies = response.cookies.output()
            head = f"{response.status_code} {dict(response.items())} {cookies}\n"
            with _lock, (VAR_DIR / "answers.bin").open("ab") as file:
                file.write(head.encode() + response.content + b"\n")
        return response

    middleware.kept = kept  # type: ignore[attr-defined]
    return middleware
