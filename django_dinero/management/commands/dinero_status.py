"""Tell how things stand at each gateway, for people and for monitors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, ngettext_lazy

from django_dinero.exceptions import DineroError
from django_dinero.gateways.registry import get_gateway
from django_dinero.logs import escape
from django_dinero.management.arguments import add_gateways, count, gateway_names
from django_dinero.management.base import DineroCommand
from django_dinero.management.document import Section, add_json, document
from django_dinero.redaction import scrub
from django_dinero.services import webhooks
from django_dinero.services.status import (
    Status,
    Tally,
    count_stray_operations,
    status_of,
    stray_operation_problems,
)

#: What of a status is a number of things.
COUNTS = ("failed_pushes", "waiting_pushes", "waiting_deletes", "given_up_events")
#: What has waited for some time, by the attribute of a status.
TALLIES: Mapping[str, Any] = {
    "under_way": ngettext_lazy(
        "%(count)d operation under way", "%(count)d operations under way", "count"
    ),
    "dead": ngettext_lazy(
        "%(count)d operation whose worker died",
        "%(count)d operations whose worker died",
        "count",
    ),
    "unknown": ngettext_lazy(
        "%(count)d operation of unknown outcome",
        "%(count)d operations of unknown outcome",
        "count",
    ),
    "needs_attention": ngettext_lazy(
        "%(count)d operation that needs attention",
        "%(count)d operations that need attention",
        "count",
    ),
    "held": ngettext_lazy(
        "%(count)d payment held for review", "%(count)d payments held for review", "count"
    ),
    "requires_action": ngettext_lazy(
        "%(count)d payment that waits for the card's holder",
        "%(count)d payments that wait for the card's holder",
        "count",
    ),
    "differences": ngettext_lazy(
        "%(count)d open difference", "%(count)d open differences", "count"
    ),
    "waiting_events": ngettext_lazy(
        "%(count)d webhook that waits", "%(count)d webhooks that wait", "count"
    ),
}
#: What is only counted.
WAITING: Mapping[str, Any] = {
    "failed_pushes": ngettext_lazy(
        "%(count)d customer or card whose push failed",
        "%(count)d customers and cards whose push failed",
        "count",
    ),
    "waiting_pushes": ngettext_lazy(
        "%(count)d customer or card to be pushed",
        "%(count)d customers and cards to be pushed",
        "count",
    ),
    "waiting_deletes": ngettext_lazy(
        "%(count)d delete to be sent", "%(count)d deletes to be sent", "count"
    ),
    "given_up_events": ngettext_lazy(
        "%(count)d webhook given up", "%(count)d webhooks given up", "count"
    ),
}


class Command(DineroCommand):
    """``manage.py dinero_status``: exit code 1 while anything needs somebody, else 0."""

    help = "Says what is open at each gateway, for how long, and what needs somebody."
    # A system check would stop at one wrong gateway; this command reports it and goes on.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_gateways(parser)
        parser.add_argument(
            "--offline", action="store_true", help="Do not ask the gateways whether they answer."
        )
        parser.add_argument(
            "--patience",
            type=count,
            default=60,
            metavar="MINUTES",
            help="How long an outcome may be unknown, and reconcile not have run; 60 by default.",
        )
        add_json(parser)

    def handle(self, *args: Any, gateway: list[str], **options: Any) -> None:
        """Tell of each gateway.

        Raises:
            CommandError: something needs somebody, or an argument is wrong.
        """
        names = gateway_names(gateway)
        patience = timedelta(minutes=options["patience"])
        sections = [self._tell(name, patience, options) for name in names]
        if not gateway:
            sections += self._tell_of_strays(options)
        if options["json"]:
            self.stdout.write(document("dinero_status", sections))
        bad = [each.gateway_name for each in sections if not each.is_ok]
        if bad:
            raise CommandError(_("Somebody has to look at: %(names)s.") % {"names": ", ".join(bad)})

    def _tell(self, name: str, patience: timedelta, options: dict[str, Any]) -> Section:
        status, problems = _found(name, patience, ask_gateway=not options["offline"])
        if not options["json"]:
            unclear = status is not None and status.is_unclear
            self._tell_people(name, [*_lines(status)], problems, unclear=unclear)
        return _section(name, status, problems)

    def _tell_people(
        self, name: str, lines: list[str], problems: list[str], *, unclear: bool = False
    ) -> None:
        style = self.style.ERROR if problems else self.style.SUCCESS
        quiet = _("nothing is overdue") if unclear else _("well")
        verdict = _("needs somebody") if problems else quiet
        self.stdout.write(style(escape(f"{name}: {verdict}")))
        for line in [*lines, *(f"! {problem}" for problem in problems)]:
            self.stdout.write(f"  {escape(line)}")

    def _tell_of_strays(self, options: dict[str, Any]) -> list[Section]:
        """Tell of operations and webhooks whose gateway is not configured any more."""
        try:
            operations, events = count_stray_operations(), webhooks.count_strays()
        except DatabaseError:  # told above already
            return []
        sections = []
        for name in sorted({*operations, *events}):
            counts, waiting = operations.get(name, {}), events.get(name, 0)
            problems = stray_operation_problems(counts)
            if waiting:
                problems.append(webhooks.stray_problem(waiting))
            if not options["json"]:
                self._tell_people(name, [], problems)
            sections.append(Section(name, {**counts, "waiting_events": waiting}, problems))
        return sections


def _section(name: str, status: Status | None, problems: list[str]) -> Section:
    facts = {} if status is None else asdict(status)
    facts.pop("gateway_name", None)
    counts, oldest = {}, {}
    for each, value in list(facts.items()):
        if isinstance(value, dict):  # a tally
            counts[each], oldest[each] = value["count"], value["oldest_seconds"]
            del facts[each]
        elif isinstance(value, int) and each in COUNTS:
            counts[each] = facts.pop(each)
    facts["oldest_seconds"] = {each: seconds for each, seconds in oldest.items() if counts[each]}
    return Section(name, counts, problems, facts)


def _found(name: str, patience: timedelta, *, ask_gateway: bool) -> tuple[Status | None, list[str]]:
    """Return how things stand, and what needs somebody; nothing and why if it cannot be told."""
    try:
        status = status_of(get_gateway(name), ask_gateway=ask_gateway)
    except (DineroError, ImproperlyConfigured) as error:
        return None, [scrub(str(error))]
    except DatabaseError as error:
        text = _("The database failed (%(error)s). If it is new, run migrate first.")
        return None, [text % {"error": type(error).__name__}]
    return status, status.problems(patience)


def _lines(status: Status | None) -> Iterator[str]:
    if status is None:
        return
    for name, text in TALLIES.items():
        tally = getattr(status, name)
        if tally.count:
            yield f"{text % {'count': tally.count}}, {_age(tally)}"
    for name, text in WAITING.items():
        many = getattr(status, name)
        if many:
            yield str(text % {"count": many})
    if status.reconciled_at is not None:
        yield _("reconciled at %(when)s") % {"when": f"{status.reconciled_at:%Y-%m-%d %H:%M} UTC"}


def _age(tally: Tally) -> str:
    minutes = tally.oldest_seconds // 60
    text = ngettext(
        "the oldest for %(minutes)d minute", "the oldest for %(minutes)d minutes", minutes
    )
    return text % {"minutes": minutes}
