"""Arguments that several commands take."""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Sequence

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from django_dinero.gateways.registry import gateways


def add_gateways(parser: CommandParser) -> None:
    """Let a command take ``--gateway`` as often as somebody likes."""
    parser.add_argument(
        "--gateway",
        action="append",
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


def count(text: str) -> int:
    """Read a number from 1 on.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(_("write a number above 0"))
    return int(text)


def day(text: str) -> datetime.date:
    """Read a date.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(_("write a date like 2026-11-28")) from None
