"""The bank of this process, for browsers: its own Accept.js, and the pages of its actions.

A card number must not reach the web server, not even in a test: the page would be another one than
in production. So the bank listens on a port of its own, on this machine alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from django.utils.module_loading import import_string

from django_dinero.gateways.locks import Lock

if TYPE_CHECKING:
    from django_dinero.sandbox.bank.bank import Bank
    from django_dinero.sandbox.http.server import SandboxServer

#: Imported when the first page asks: most users of the bank never serve it.
_SERVER: Final = "django_dinero.sandbox.http.server.SandboxServer"


class BrowserServer:
    """Serves a bank to browsers, in a thread that starts at first use and ends with the process.

    Args:
        bank: returns the bank.
    """

    def __init__(self, bank: Callable[[], Bank]) -> None:
        self._bank = bank
        self._lock = Lock()
        self._server: SandboxServer | None = None
        self._pid = 0

    @property
    def url(self) -> str:
        """Scheme, host and port; a child process gets a server of its own."""
        bank = self._bank()
        with self._lock:
            if self._server is None or self._pid != os.getpid():
                server: SandboxServer = import_string(_SERVER)(bank)
                server.start()
                self._server, self._pid = server, os.getpid()
            return self._server.url
