"""The example's shop in a process of its own, with all that it wrote at hand."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.core import signing

from tests.support.ports import answers, free_port

ROOT = Path(__file__).resolve().parents[2]
#: Users that nobody has used yet; name and password are the same.
SHOPPERS = tuple(f"shopper{number}" for number in range(1, 31))
#: Somebody who may do everything; the password is the same.
STAFF = "anna"
PATIENCE = 60.0
#: Sign-ins need not be slow here.
HASHER = "django.contrib.auth.hashers.MD5PasswordHasher"
#: Everything is logged, the statements of the database with their values too.
SERVE = f"""
import logging, sys
import django
django.setup()
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command

logging.basicConfig(level=logging.DEBUG)
for name in ("django", "django_dinero"):
    logging.getLogger(name).setLevel(logging.DEBUG)
settings.PASSWORD_HASHERS = ["{HASHER}"]
call_command("migrate", verbosity=0)
for name in sys.argv[2:]:
    User.objects.create_user(name, name + "@example.com", name)
User.objects.create_superuser("{STAFF}", "{STAFF}@example.com", "{STAFF}")
call_command("runserver", "127.0.0.1:" + sys.argv[1], use_reloader=False)
"""


class Shop:
    """The shop's address, its shoppers and its files."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self._shoppers = iter(SHOPPERS)

    def new_shopper(self) -> str:
        """Somebody without a card and without an order."""
        return next(self._shoppers)

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database answers."""
        with closing(sqlite3.connect(self.folder / "example.sqlite3", timeout=20)) as database:
            return database.execute(sql, values).fetchall()

    def charges(self, reference: str) -> list[str]:
        """The statuses of all attempts to pay an order."""
        found = self.rows(
            "SELECT status FROM dinero_transaction WHERE order_reference = ? ORDER BY id", reference
        )
        return [status for (status,) in found]

    def receipts(self, name: str) -> int:
        """How many receipts a shopper got."""
        mails = "".join(path.read_text() for path in (self.folder / "mail").glob("*.log"))
        return mails.count(f"To: {name}@example.com")

    def written(self) -> Iterator[tuple[str, bytes]]:
        """All that the process wrote: databases, logs, mails; and its sessions, unpacked."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                yield path.name, path.read_bytes()
        for (packed,) in self.rows("SELECT session_data FROM django_session"):
            data = packed.split(":")[0]
            raw = signing.b64_decode(data.lstrip(".").encode())
            yield "session", zlib.decompress(raw) if data.startswith(".") else raw


@contextmanager
def serving(
    folder: Path, *, settings: str = "example_project.settings", **environment: str
) -> Iterator[Shop]:
    """Run the shop on an empty database.

    Args:
        folder: for all that it writes.
        settings: the module of its settings.
        **environment: further variables for its settings.
    """
    port = free_port()
    kept = {**os.environ, "DJANGO_SETTINGS_MODULE": settings}
    log = folder / "output.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(port), *SHOPPERS],
            env={**kept, "EXAMPLE_VAR": str(folder), "PYTHONUNBUFFERED": "1", **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers(port):
            assert process.poll() is None, log.read_text()[-4000:]
            assert time.monotonic() < deadline, log.read_text()[-4000:]
            time.sleep(0.1)
        yield Shop(folder, f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(20)
