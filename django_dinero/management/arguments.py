"""Arguments that several commands take."""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Sequence

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from django_dinero.cards import unsendable
from django_dinero.gateways.registry import gateways

#: The years of days that somebody may mean. Near the ends of the calendar nothing can be reckoned.
YEARS = range(1900, 2201)
#: The most of a count, and of days: a calendar goes back and ahead by so many.
MOST, MOST_DAYS = 1_000_000_000, 36_500


def add_gateways(parser: CommandParser) -> None:
    """Let a command take ``--gateway`` as often as somebody likes."""
    parser.add_argument(
        "--gateway",
        action="append",
        type=given,
        default=[],
        metavar="NAME",
        help='A gateway by its name in DINERO["GATEWAYS"]; may be repeated. All by default.',
    )


def gateway_names(asked: Sequence[str]) -> list[str]:
    """Return the names that were asked for, each once; all in the settings if there are none.

    Raises:
        CommandError: no gateway has one of these names, or none is configured.
    """
    names = list(dict.fromkeys(asked)) or list(gateways)
    if not names:
        raise CommandError(_('No gateway is configured in DINERO["GATEWAYS"].'))
    for name in names:
        if name not in gateways:
            text = _("No gateway is called %(name)r. Configured: %(known)s.")
            raise CommandError(text % {"name": name, "known": ", ".join(gateways)})
    return names


def one_or_all(name: str | None) -> list[str]:
    """Return what a command asks for that takes ``--gateway`` once: that one, or all."""
    return [] if name is None else [name]


def given(text: str) -> str:
    """Read a text that says something, without the blanks around it.

    A shell makes an empty text of a variable that is not set. Taken for an option that was left
    out, it would mean every customer, another key or the default.

    Raises:
        argparse.ArgumentTypeError: it is blank, or has characters that no database takes.
    """
    stripped = one_of_many(text)
    # As an id: whether it is a card number is not asked here.
    problem = unsendable(stripped, "customer_id")
    if problem:
        raise argparse.ArgumentTypeError(problem)
    return stripped


def one_of_many(text: str) -> str:
    """Read a text as :func:`given` does, and let the command say what is wrong with each.

    Raises:
        argparse.ArgumentTypeError: it is blank.
    """
    stripped = text.strip()
    if not stripped:
        raise argparse.ArgumentTypeError(_("it is empty; give a value, or leave it out"))
    return stripped


def count(text: str) -> int:
    """Read a number from 1 on."""
    return _number(text, MOST)


def days(text: str) -> int:
    """Read a number of days."""
    return _number(text, MOST_DAYS)


def _number(text: str, most: int) -> int:
    """Read a number from 1 on.

    Raises:
        argparse.ArgumentTypeError: it is none, or above ``most``.
    """
    if not text.isascii() or not text.isdigit() or not text.strip("0"):
        raise argparse.ArgumentTypeError(_("write a number above 0"))
    # By its length first: Python reads no number of thousands of digits.
    if len(text) > len(str(most)) or int(text) > most:
        raise argparse.ArgumentTypeError(_("write a number up to %(most)d") % {"most": most})
    return int(text)


def day(text: str) -> datetime.date:
    """Read a date.

    Raises:
        argparse.ArgumentTypeError: it is none, or of a year that nobody means.
    """
    try:
        found = datetime.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(_("write a date like 2026-11-28")) from None
    if found.year not in YEARS:
        years = {"first": YEARS[0], "last": YEARS[-1]}
        text = _("write a date of the years %(first)d to %(last)d")
        raise argparse.ArgumentTypeError(text % years)
    return found
