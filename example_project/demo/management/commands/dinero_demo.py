"""``make demo``: the whole main job over HTTP against a test bank, then the books of both sides."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_dinero.exceptions import DineroError
from example_project.demo import books
from example_project.demo.bank import BankFailed, BankProcess, run_manage
from example_project.demo.columns import Columns
from example_project.demo.job import GATEWAY, Job, StepFailed


class Command(BaseCommand):
    """Starts the bank, and itself once more, set up for it, in a scratch directory."""

    help = "Runs the whole main job against a local test bank and compares the books of both sides."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what the command tells its own child."""
        parser.add_argument("--job", nargs=2, metavar=("CONTROL", "STORE"), help="(internal)")

    def handle(self, *args: Any, job: list[str] | None, **options: Any) -> None:
        """Run the demonstration.

        Raises:
            CommandError: a step did not go as expected, or the books do not agree.
        """
        if job is not None:
            control, store = job
            self._job(control, Path(store))
            return
        with tempfile.TemporaryDirectory(prefix="dinero-demo-") as directory:
            code = self._in(Path(directory))
        if code:
            sys.exit(code)

    def _in(self, directory: Path) -> int:
        store = directory / "bank.sqlite3"
        try:
            with BankProcess(store) as bank:
                self.stdout.write(f"The test bank: {bank.facts['endpoint']}, a process of its own.")
                self.stdout.flush()
                scratch = {"EXAMPLE_DATABASE": str(directory / "shop.sqlite3")}
                return run_manage(
                    *("dinero_demo", "--job", bank.control, str(store)),
                    environment=bank.environment | scratch,
                )
        except BankFailed as error:
            raise CommandError(str(error)) from error

    def _job(self, control: str, store: Path) -> None:
        call_command("migrate", verbosity=0)
        columns = Columns(self._line, self.style.MIGRATE_HEADING)
        try:
            Job(columns, control).run()
        except (DineroError, StepFailed) as error:
            raise CommandError(f"The demonstration stopped: {error}") from error
        columns.heading("THE BOOKS")
        if not books.compare(columns, books.local(GATEWAY), books.bank(store)):
            raise CommandError("The books do not agree.")
        self.stdout.write(self.style.SUCCESS("books agree"))

    def _line(self, text: str) -> None:
        # One at a time: the steps are to be seen as they happen.
        self.stdout.write(text)
        self.stdout.flush()
