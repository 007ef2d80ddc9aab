"""``make demo``: the whole main job over HTTP against a test bank, then the books of both sides."""

from __future__ import annotations

import io
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_dinero.exceptions import DineroError
from example_project.demo import books
from example_project.demo.bad_day import TooSlow
from example_project.demo.bank import BankFailed, BankProcess, leave_on_sigterm, run_manage
from example_project.demo.columns import Columns
from example_project.demo.job import GATEWAY, Job, StepFailed

SHOP, BANK = "shop.sqlite3", "bank.sqlite3"


class Command(BaseCommand):
    """Starts the bank, and itself once more, set up for it, in a scratch directory."""

    help = "Runs the whole main job against a local test bank and compares the books of both sides."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what a reader may ask for, and what the command tells its own child."""
        parser.add_argument(
            "--keep", type=Path, metavar="DIR", help="Keep the databases of both sides here."
        )
        parser.add_argument(
            "--books",
            dest="kept",
            type=Path,
            metavar="DIR",
            help="Only compare the books that were kept here.",
        )
        parser.add_argument("--job", nargs=2, metavar=("CONTROL", "STORE"), help="(internal)")

    def handle(
        self,
        *args: Any,
        keep: Path | None,
        kept: Path | None,
        job: list[str] | None,
        **options: Any,
    ) -> None:
        """Run the demonstration, or compare the books of an earlier one.

        Raises:
            CommandError: a step did not go as expected, or the books do not agree.
        """
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a terminal without a bullet gets a "?"
        if job is not None:
            control, store = job
            self._job(control, Path(store))
            return
        leave_on_sigterm()
        if kept is not None:
            self._again(kept)
            return
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(prefix="dinero-demo-")
        with scratch if keep is None else nullcontext(str(keep)) as directory:
            code = self._in(Path(directory))
        if code:
            sys.exit(code)

    def _in(self, directory: Path) -> int:
        taken = [name for name in (SHOP, BANK) if (directory / name).exists()]
        if taken:
            raise CommandError(f"{directory} has {', '.join(taken)} of an earlier demonstration.")
        store = directory / BANK
        try:
            with BankProcess(store) as bank:
                self._line(f"The test bank: {bank.facts['endpoint']}, a process of its own.")
                return self._child(directory, bank.control, environment=bank.environment)
        except BankFailed as error:
            raise CommandError(str(error)) from error

    def _again(self, directory: Path) -> None:
        missing = [name for name in (SHOP, BANK) if not (directory / name).is_file()]
        if missing:
            raise CommandError(f"{directory} has no {' and no '.join(missing)}.")
        code = self._child(directory, "", environment={})
        if code:
            sys.exit(code)

    @staticmethod
    def _child(directory: Path, control: str, environment: dict[str, str]) -> int:
        database = {"EXAMPLE_DATABASE": str(directory / SHOP), "EXAMPLE_QUICK": "1"}
        arguments = ("dinero_demo", "--job", control, str(directory / BANK))
        return run_manage(*arguments, environment=environment | database)

    def _job(self, control: str, store: Path) -> None:
        columns = Columns(self._line, self.style.MIGRATE_HEADING)
        if control:
            call_command("migrate", verbosity=0)
            try:
                Job(columns, control).run()
            except (DineroError, StepFailed, TooSlow) as error:
                raise CommandError(f"The demonstration stopped: {error}") from error
        columns.heading("THE BOOKS")
        try:
            agree = books.compare(columns, books.local(GATEWAY), books.bank(store))
        except books.NoBooks as error:
            raise CommandError(f"The bank's books: {error}") from error
        if not agree:
            raise CommandError("The books do not agree.")
        self._line(self.style.SUCCESS("books agree"))

    def _line(self, text: str) -> None:
        # One at a time: the steps are to be seen as they happen.
        self.stdout.write(text)
        self.stdout.flush()
