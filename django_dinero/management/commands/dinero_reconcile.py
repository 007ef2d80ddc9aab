"""Bring the books and the gateways' into agreement, and say what needs a person."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError, router
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from django_dinero.db import clock
from django_dinero.exceptions import DineroError
from django_dinero.gateways.calls import log_broken_call
from django_dinero.gateways.registry import get_gateway
from django_dinero.logs import escape
from django_dinero.management.arguments import add_gateways, gateway_names
from django_dinero.management.base import DineroCommand
from django_dinero.management.document import Section, add_json, document
from django_dinero.management.progress import shown
from django_dinero.management.reconcile_report import Report
from django_dinero.models import Reconciliation
from django_dinero.redaction import scrub
from django_dinero.services.reconcile import open_ends
from django_dinero.services.reconcile.run import reconcile
from django_dinero.services.status import count_stray_operations, stray_operation_problems
from django_dinero.tasks import queue, work

_AGO = re.compile(r"([0-9]{1,4})([mhd])")
#: Before any gateway. What is near the first year of the calendar cannot be reckoned with.
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Command(DineroCommand):
    """``manage.py dinero_reconcile``: exit code 1 while anything needs a person, else 0."""

    help = (
        "Looks up open operations, sends what waits, compares the books and the vault with the "
        "gateway's, and says what needs a person. Safe to run at any time, and to be killed."
    )
    # A system check would stop at one wrong gateway; this command reports it and does the others.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_gateways(parser)
        parser.add_argument(
            "--since",
            metavar="TIME",
            help="How far to look back: a date, a date with a time, or 90m, 48h, 30d. By default "
            "to 48 hours before the last run began that compared both sides to the end.",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Change nothing; count what would be done."
        )
        add_json(parser)
        parser.add_argument(
            "--void-orphans",
            action="store_true",
            help="Void or refund charges whose rows a rollback of the caller took.",
        )
        parser.add_argument(
            "--background",
            action="store_true",
            help="Do nothing here, and put it into the queue of DINERO['TASKS'].",
        )

    def handle(self, *args: Any, gateway: list[str], **options: Any) -> None:
        """Reconcile each gateway, whatever becomes of the others.

        Raises:
            CommandError: something needs a person, or an argument is wrong.
        """
        names = gateway_names(gateway)
        if options["background"]:
            _enqueue(names, options)
            return
        since = None if options["since"] is None else parse_since(options["since"])
        if options["dry_run"] and not options["json"]:
            self.write_after(_("dry run: nothing was changed"))
        reports = [self._report(name, since, options) for name in names]
        strays = [] if gateway else self._tell_of_strays(options)
        if options["json"]:
            sections = [*(report.section for report in reports), *strays]
            dry_run = options["dry_run"]
            self.write_after(document("dinero_reconcile", sections, dry_run=dry_run))
        bad = [report.gateway_name for report in reports if report.needs_a_person]
        bad += [section.gateway_name for section in strays]
        if bad:
            raise CommandError(_("Somebody has to look at: %(names)s.") % {"names": ", ".join(bad)})

    def _report(self, name: str, since: datetime | None, options: dict[str, Any]) -> Report:
        silent = options["json"] or not options["verbosity"]
        write = None if silent else self.write_beside
        with shown(name, write) as progress:
            call = partial(
                reconcile,
                name,
                since=since,
                dry_run=options["dry_run"],
                void_orphans=options["void_orphans"],
                progress=progress,
            )
            report = _made(name, call, goes_on=not options["dry_run"])
        if not options["json"]:
            style = self.style.ERROR if report.needs_a_person else self.style.SUCCESS
            for line in report.lines():
                self.write_after(style(line))
        return report

    def _tell_of_strays(self, options: dict[str, Any]) -> list[Section]:
        """Tell of operations that no run looks up: their gateway is not configured any more."""
        try:
            strays = count_stray_operations()
        except DatabaseError:  # told above already
            return []
        sections = []
        for name, counts in strays.items():
            problems = stray_operation_problems(counts)
            if not options["json"]:
                for problem in problems:
                    self.write_after(self.style.ERROR(escape(f"{name}: {problem}")))
            sections.append(Section(name, counts, problems, {"configured": False}))
        return sections


def _enqueue(names: list[str], options: dict[str, Any]) -> None:
    """Let workers reconcile each gateway.

    Raises:
        CommandError: there is no queue, it takes nothing now, or an option is not for it.
    """
    if any(options[name] for name in ("since", "dry_run", "json", "void_orphans")):
        raise CommandError(_("--background takes no other options than --gateway."))
    if not queue.is_configured():
        raise CommandError(_("There is no queue: set DINERO['TASKS']."))
    left = [name for name in names if not queue.enqueue("reconcile", name)]
    if left:
        text = _("The queue did not take: %(names)s.")
        raise CommandError(text % {"names": ", ".join(left)})


def _made(name: str, call: partial[Reconciliation], *, goes_on: bool) -> Report:
    """Reconcile one gateway, and turn whatever stops it into a report.

    Args:
        goes_on: whether a pull that stalled in the queue goes on afterwards.
    """
    try:
        run = call()
        if goes_on and queue.is_configured():
            work.go_on_with_pull(name)
        return Report(name, run, named=open_ends.named(get_gateway(name)))
    except (DineroError, ImproperlyConfigured) as error:
        return Report(name, error=scrub(str(error)))
    except DatabaseError as error:
        text = _("The database failed (%(error)s). If it is new, run migrate first.")
        return Report(name, error=text % {"error": type(error).__name__})
    except Exception as error:  # a third-party backend may raise anything; the others have a turn
        return Report(name, error=log_broken_call(name, error))


def parse_since(text: str) -> datetime:
    """Read how far a run looks back.

    Args:
        text: a date, a date with a time (in the current time zone if it names none), or a span
            such as ``48h``.

    Raises:
        CommandError: it is none of them, or lies in the future or before 1970.
    """
    now = clock.now(router.db_for_write(Reconciliation))
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        found = parse_datetime(text.strip())
    except ValueError:  # the 31st of February
        found = None
    if found is None:
        raise CommandError(
            _("--since takes a date (2026-11-28), a time (2026-11-28T14:00), or 90m, 48h, 30d.")
        )
    if timezone.is_naive(found):
        found = timezone.make_aware(found)
    if found < _FIRST:
        raise CommandError(_("--since lies too far back."))
    if found > now:
        raise CommandError(_("--since lies in the future."))
    return found
