"""What every command has in common: a quiet end when nobody reads on, no card number in errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TextIO

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, Error, connections, router
from django.utils.translation import gettext as _

from django_dinero.redaction import scrub

#: What a shell reports of a program whose reader has gone: 128 and the number of SIGPIPE.
READER_GONE = 141


class DineroParser(CommandParser):
    """What it says of wrong arguments repeats no card number among them."""

    def error(self, message: str) -> Any:
        super().error(scrub(message))


class DineroCommand(BaseCommand):
    """A command whose output may be cut off, as by ``| head``.

    No error of it repeats a card number that somebody has typed: terminals and logs keep errors.
    """

    #: The command and its arguments, as they were typed; empty where a program calls it.
    typed: Sequence[str] = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, as a :class:`DineroParser`: Django makes it itself."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.__class__ = DineroParser
        return parser

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run it.

        Raises:
            CommandError: what it raises, with card numbers masked; or there are no tables yet.
        """
        try:
            return super().execute(*args, **options)
        except DatabaseError as error:
            if _has_tables():
                raise
            text = _("The database has no tables of django-dinero yet: run migrate first.")
            raise CommandError(text) from error
        except CommandError as error:
            error.args = tuple(
                scrub(each) if isinstance(each, str) else each for each in error.args
            )
            raise

    def run_from_argv(self, argv: list[str]) -> None:
        """Run it; without a traceback if the reader of its output goes before the end."""
        self.typed = argv[1:]
        try:
            super().run_from_argv(argv)
            sys.stdout.flush()
        except BrokenPipeError as error:
            for stream in (sys.stdout, sys.stderr):
                _silence(stream)
            # An error that could not be told has its own exit code all the same.
            untold = error.__context__
            sys.exit(untold.returncode if isinstance(untold, CommandError) else READER_GONE)

    def write_after(self, text: str) -> None:
        """Write about something that has happened, whether anybody still reads or not.

        The exit code tells then what became of it, and not that nobody has read it.
        """
        try:
            self.stdout.write(text)
            self.stdout.flush()
        except BrokenPipeError:
            _silence(sys.stdout)


def _has_tables() -> bool:
    """Say whether somebody has migrated; True where the database does not even tell that."""
    # Not imported above: a command may be read before the apps are ready.
    operations = apps.get_model("dinero", "Operation")
    connection = connections[router.db_for_write(operations)]
    with suppress(Error):  # a link that is dead raises what is no DatabaseError
        return operations._meta.db_table in connection.introspection.table_names()
    return True


def _silence(stream: Any) -> None:
    """Send the rest nowhere, or the interpreter complains when it flushes at its end."""
    file: TextIO = stream
    with suppress(OSError, ValueError):
        file.flush()
        return
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, file.fileno())
        os.close(nowhere)
