"""What every command has in common: a quiet end when nobody reads on, no card number in errors."""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
import traceback
from argparse import SUPPRESS
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TextIO

from django.apps import apps
from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    OutputWrapper,
)
from django.db import DatabaseError, Error, connections, router
from django.utils.translation import gettext as _

from django_dinero.redaction import scrub

#: What a shell reports of a program whose reader has gone: 128 and the number of SIGPIPE.
READER_GONE = 141
#: What an output raises that takes nothing: its reader has gone, its disk is full, it is closed, or
#: its encoding lacks a character.
UNWRITABLE = (OSError, ValueError)
#: How our outputs write what their encoding lacks: a reader of JSON takes it, too.
ESCAPES = "django_dinero.escapes"


class DineroParser(CommandParser):
    """What it says of wrong arguments repeats no card number among them."""

    def error(self, message: str) -> Any:
        super().error(scrub(message))


class VerbParser(DineroParser):
    """The parser of a command's verb. It takes Django's own options behind the verb, too."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Without a default: one would take the place of what stands before the verb.
        common = self.add_argument_group("common options")
        add = partial(common.add_argument, default=SUPPRESS, help=SUPPRESS)
        for name in ("--settings", "--pythonpath"):
            add(name)
        for name in ("--traceback", "--no-color", "--force-color", "--skip-checks"):
            add(name, action="store_true")
        add("-v", "--verbosity", type=int, choices=[0, 1, 2, 3])


class DineroCommand(BaseCommand):
    """A command whose output may be cut off, as by ``| head``.

    No error of it repeats a card number that somebody has typed: terminals and logs keep errors.
    """

    #: The command and its arguments, as they were typed; empty where a program calls it.
    typed: Sequence[str] = ()
    #: Whether something has happened, so that no output decides any more how the command ends.
    has_acted = False

    def __init__(self, stdout: Any = None, stderr: Any = None, **options: Any) -> None:
        nowhere: Any = _Nowhere()
        out, err = stdout or sys.stdout or nowhere, stderr or sys.stderr or nowhere
        super().__init__(out, err, **options)

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
        streams = (sys.stdout, sys.stderr)
        for stream in streams:
            _escape(stream)
        try:
            super().run_from_argv(argv)
            if not self.has_acted:
                self.stdout.flush()
        except CommandError as error:  # --traceback
            with suppress(*UNWRITABLE):
                traceback.print_exc()
            sys.exit(error.returncode)
        except UNWRITABLE as error:
            # An error that could not be told has its own exit code all the same.
            untold = error.__context__
            if isinstance(untold, CommandError):
                sys.exit(untold.returncode)
            if isinstance(error, BrokenPipeError):
                sys.exit(READER_GONE)
            raise
        finally:
            for stream in streams:
                _silence(stream)

    def write_after(self, text: str, style: Callable[[str], str] | None = None) -> None:
        """Write about something that has happened, whether it can be written or not.

        The exit code tells then what became of it, and not that nobody has read it; and what is
        left to be done is done.
        """
        self.has_acted = True
        _try_to_write(self.stdout, text, style)

    def write_beside(self, text: str, style: Callable[[str], str] = str) -> None:
        """Write to the standard error about work that goes on, whether it can be written or not.

        Args:
            style: by default no colour, where Django's is that of errors.
        """
        _try_to_write(self.stderr, text, style)


class _Nowhere(io.TextIOBase):
    """In the place of an output that the shell has closed, as by ``>&-``: Python has none then."""

    def write(self, text: str) -> int:
        return len(text)


def _try_to_write(out: OutputWrapper, text: str, style: Callable[[str], str] | None) -> None:
    with suppress(*UNWRITABLE):
        out.write(text, style)
        out.flush()


def _has_tables() -> bool:
    """Say whether somebody has migrated; True where the database does not even tell that."""
    # Not imported above: a command may be read before the apps are ready.
    operations = apps.get_model("dinero", "Operation")
    connection = connections[router.db_for_write(operations)]
    with suppress(Error):  # a link that is dead raises what is no DatabaseError
        return operations._meta.db_table in connection.introspection.table_names()
    return True


def _escape(stream: Any) -> None:
    """Let an output write out what its encoding lacks, instead of refusing all of it."""
    if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
        stream.reconfigure(errors=ESCAPES)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


codecs.register_error(ESCAPES, _escaped)


def _silence(stream: TextIO | None) -> None:
    """Send the rest nowhere, or the interpreter complains when it flushes at its end."""
    if stream is None:
        return
    with suppress(*UNWRITABLE):
        stream.flush()
        return
    with suppress(*UNWRITABLE):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
