"""``make serve``: the test bank and the example project, with addresses and a sign-in."""

from __future__ import annotations

import socket
import sys
import urllib.request
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_dinero.management.commands.dinero_sandbox import DEFAULT_PORT as BANK_PORT
from example_project.demo import shop
from example_project.demo.bank import (
    BankFailed,
    BankProcess,
    is_free,
    leave_on_sigterm,
    run_manage,
)
from example_project.demo.reconciling import EVERY, LOG, reconciling
from example_project.settings import MAIL_DIR, VAR_DIR

SITE_PORT = 8000


class Command(BaseCommand):
    """Starts the bank, fills an empty database, and serves until Ctrl-C."""

    help = "Serves the example project on a test bank of its own, with a few customers in it."
    # The checks run in the children, whose settings know the bank's address.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the port, and what the command tells its own child."""
        parser.add_argument(
            "--port", type=int, default=SITE_PORT, help=f"{SITE_PORT} by default; 0: any free one."
        )
        parser.add_argument(
            "--bank-port",
            type=int,
            help=f"{BANK_PORT} by default, where it is free; 0: any free one.",
        )
        parser.add_argument("--prepare", metavar="CONTROL", help="(internal)")

    def handle(
        self, *args: Any, port: int, bank_port: int | None, prepare: str | None, **options: Any
    ) -> None:
        """Serve until Ctrl-C or SIGTERM.

        Raises:
            CommandError: the port is taken, or the bank or the database could not be set up.
        """
        if prepare is not None:
            self._prepare(prepare)
            return
        leave_on_sigterm()
        if port and not is_free(port):
            other = port + 1 if port + 1 != bank_port else port + 2
            raise CommandError(f"Port {port} is taken. Give another one: --port {other}")
        try:
            if bank_port is None:
                bank_port = BANK_PORT if is_free(BANK_PORT) else 0
            self._serve(port or _any_free(), bank_port)
        except BankFailed as error:
            raise CommandError(str(error)) from error

    def _serve(self, port: int, bank_port: int) -> None:
        with BankProcess(VAR_DIR / "bank.sqlite3", bank_port) as bank:
            environment = bank.environment
            if run_manage("dinero_serve", "--prepare", bank.control, environment=environment):
                raise CommandError("The database could not be set up.")
            self._tell(port, bank)
            with reconciling(environment):
                # Without the reloader: one process to stop, and no second one that wakes the bank.
                code = run_manage(
                    *("runserver", f"127.0.0.1:{port}", "--noreload"), environment=environment
                )
        if code > 0:
            sys.exit(code)

    def _prepare(self, control: str) -> None:
        call_command("migrate", verbosity=0)
        shop.sign_ins()

        def settle() -> None:
            request = urllib.request.Request(  # noqa: S310 - the address came from the bank itself
                f"{control}settle", method="POST", headers={"Content-Length": "0"}
            )
            urllib.request.urlopen(request, timeout=10).close()  # noqa: S310

        shop.fill(settle)

    def _tell(self, port: int, bank: BankProcess) -> None:
        site = f"http://127.0.0.1:{port}"
        lines = {
            "site": f"{site}/",
            "shop": f"{site}/shop/",
            "admin": f"{site}/admin/",
            "API": f"{site}/api/",
            "bank": f"{bank.facts['endpoint']} (no real money moves)",
            "controls": f"POST {bank.control}settle, hold and others (see docs/testing.md)",
            "sign in as": f"{shop.STAFF} / {shop.STAFF} (administrator), or in the shop and "
            f"through the API as {shop.SHOPPER} / {shop.SHOPPER} (a customer)",
            "receipts": f"{MAIL_DIR} (what the shop mails)",
            "databases": f"{VAR_DIR} (delete it to start anew)",
            "reconcile": f"runs every {EVERY:g} s, and writes to {LOG}",
        }
        width = max(map(len, lines)) + 1
        self.stdout.write("\n".join(f"{name + ':':{width}} {text}" for name, text in lines.items()))
        if not bank.facts["endpoint"].startswith(f"http://127.0.0.1:{BANK_PORT}/"):
            # Commands in another terminal look for it at the usual port.
            self.stdout.write("The bank is not at its usual port. In another terminal first:")
            for name, value in bank.environment.items():
                self.stdout.write(f"  export {name}={value}")
        self.stdout.write("Ctrl-C stops all of it.\n")
        self.stdout.flush()


def _any_free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
