"""Push what waits, pull what a gateway has, or say where both sides differ."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from functools import partial
from io import StringIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from django_dinero.exceptions import DineroError
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.registry import get_gateway
from django_dinero.logs import escape
from django_dinero.management import sync_counts
from django_dinero.management.arguments import (
    add_gateways,
    count,
    gateway_names,
    given,
    one_of_many,
)
from django_dinero.management.base import DineroCommand
from django_dinero.management.document import Section, add_json, document
from django_dinero.management.drift_lines import as_json, as_text
from django_dinero.management.progress import shown
from django_dinero.redaction import scrub
from django_dinero.services.progress import Progress, tell_nobody
from django_dinero.services.sync import drift, pulling
from django_dinero.services.sync.pulling import Failure, PullOptions
from django_dinero.services.sync.reading import Pace
from django_dinero.services.vault import waiting
from django_dinero.tasks import queue, work

Counts = Mapping[str, int]
FAILED = ngettext_lazy(
    "%(count)d push or delete failed.", "%(count)d pushes and deletes failed.", "count"
)
#: The options that not every verb heeds, and the verbs that do.
HEEDED_BY = {"limit": "push", "now": "push", "rate": "pull diff", "owner_from": "pull"}
#: What is said of an option that has no effect, by the verbs that heed it.
HEEDED: Mapping[str, Any] = {
    "push": gettext_lazy("%(option)s is for pushing alone. Leave it out to pull or to compare."),
    "pull diff": gettext_lazy("%(option)s is for pulling and comparing. Leave it out to push."),
    "pull": gettext_lazy("%(option)s is for pulling customers alone. Leave it out."),
}
#: Requests in a second, at the least: one that comes after years is none.
SLOWEST = 0.001
#: What still waits, by what it is.
WAIT: Mapping[str, Any] = {
    "customers": ngettext_lazy("%(count)d customer waits.", "%(count)d customers wait.", "count"),
    "cards": ngettext_lazy("%(count)d card waits.", "%(count)d cards wait.", "count"),
    "deletes": ngettext_lazy("%(count)d delete waits.", "%(count)d deletes wait.", "count"),
}


class Command(DineroCommand):
    """``manage.py dinero_sync``: without options it pushes what waits. See ``docs/sync.md``."""

    help = (
        "Pushes customers and cards that wait, and sends deletes that wait. With --customer, "
        "--transaction, --ids-from or --pull --all it pulls; with --diff it compares."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add_gateways(parser)
        add_json(parser)
        add("--limit", type=count, metavar="N", help="Push at most N rows, and send N deletes.")
        add("--now", action="store_true", help="Push what was refused lately, too.")
        for name in ("customer", "transaction"):
            text = f"Pull the {name} with this id at the gateway; may be repeated."
            add(
                f"--{name}",
                action="append",
                type=one_of_many,
                default=[],
                metavar="ID",
                help=text,
            )
        add(
            "--ids-from",
            type=given,
            metavar="FILE",
            help="Pull the customers in a file, an id a line; - for the standard input.",
        )
        add("--pull", action="store_true", help="With --all: pull all customers of the account.")
        add("--all", action="store_true", help="See --pull.")
        add(
            "--background",
            action="store_true",
            help="With --pull --all: let the queue of DINERO['TASKS'] do it, page by page.",
        )
        add("--resume", action="store_true", help="Go on with a pull that was broken off.")
        add(
            "--rate",
            type=_rate,
            metavar="N",
            help="Make at most N requests a second, while pulling and comparing.",
        )
        add(
            "--owner-from",
            type=given,
            metavar="PATH",
            help="A function that gets a customer as the gateway "
            "shows it, and returns its user or None.",
        )
        add("--diff", action="store_true", help="Tell where both sides differ; change nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it for each gateway.

        Raises:
            CommandError: something failed, still waits, or differs.
        """
        act = self._verb(options)
        verb = {self._push: "push", self._diff: "diff"}.get(act, "pull")
        _refuse_unheeded(verb, options)
        self._changes = verb != "diff"
        chosen = _gateways(options["gateway"])
        if verb == "pull" and len(chosen) > 1:
            raise CommandError(_("Name the gateway to pull from: --gateway."))
        quiet = options["verbosity"] == 0
        sections = []
        for gateway in chosen:
            with (
                nullcontext(tell_nobody)
                if quiet
                else shown(gateway.name, self.write_beside) as told
            ):
                sections.append(self._act(act, gateway, options, told))
        if options["json"]:
            self._write(document("dinero_sync", sections, verb=verb))
        if not all(section.is_ok for section in sections):
            raise CommandError(_("Something failed, still waits, or differs; see above."))

    def _verb(self, options: Mapping[str, Any]) -> Callable[..., Section]:
        ids = options["customer"] or options["transaction"] or options["ids_from"]
        chosen = [
            verb
            for verb, wanted in (
                (self._pull_ids, ids),
                (self._pull_account, options["pull"] or options["all"]),
                (self._diff, options["diff"]),
            )
            if wanted
        ]
        if len(chosen) > 1:
            raise CommandError(_("Pull by id, pull --all, or --diff: one of them at a time."))
        if options["pull"] != options["all"]:
            raise CommandError(_("--pull and --all go together; or name ids: --customer."))
        if options["resume"] and not options["pull"]:
            raise CommandError(_("--resume belongs to --pull --all."))
        if options["background"]:
            _refuse_background(options)
        return chosen[0] if chosen else self._push

    def _act(
        self,
        act: Callable[..., Section],
        gateway: Gateway,
        options: Mapping[str, Any],
        progress: Progress,
    ) -> Section:
        """Do it for one gateway."""
        try:
            return act(gateway, options, progress)
        except DineroError as error:
            problem = f"{error.code}: {scrub(str(error))}"
            if not options["json"]:
                self._write(self.style.ERROR(escape(f"{gateway.name}: {problem}")))
            return Section(gateway.name, problems=[problem])

    # -- The verbs --------------------------------------------------------------------------------

    def _push(self, gateway: Gateway, options: Mapping[str, Any], progress: Progress) -> Section:
        patient, limit = not options["now"], options["limit"]
        counts = waiting.drive_pushes(gateway, limit, patient=patient, progress=progress)
        counts += waiting.drive_deletes(gateway, limit, patient=patient, progress=progress)
        left = waiting.still_waiting(gateway)
        self._tell(gateway, options, "push", counts, sync_counts.waiting(left))
        failed = counts["push_failed"] + counts["delete_failed"]
        counted = [(FAILED, failed), *((WAIT[what], count) for what, count in left.items())]
        problems = [str(text % {"count": count}) for text, count in counted if count]
        still = {f"waiting_{what}": count for what, count in left.items()}
        return Section(gateway.name, {**counts, **still}, problems)

    def _pull_ids(
        self, gateway: Gateway, options: Mapping[str, Any], progress: Progress
    ) -> Section:
        how = self._how(gateway, options, progress)
        counts = pulling.pull_customers(gateway, options["customer"], how)
        if options["ids_from"]:
            counts += pulling.pull_customers(gateway, _lines(options["ids_from"]), how)
        counts += pulling.pull_transactions(gateway, options["transaction"], how)
        self._tell(gateway, options, "pull", counts)
        failed = counts["failed"]
        problems = [_("%(count)d could not be pulled.") % {"count": failed}] if failed else []
        return Section(gateway.name, counts, problems)

    def _pull_account(
        self, gateway: Gateway, options: Mapping[str, Any], progress: Progress
    ) -> Section:
        if options["background"]:
            return self._begin_pull(gateway, options)
        how = self._how(gateway, options, progress)
        counts = pulling.pull_account(gateway, how, resume=options["resume"])
        self._tell(gateway, options, "pull", counts)
        return Section(gateway.name, counts)

    def _begin_pull(self, gateway: Gateway, options: Mapping[str, Any]) -> Section:
        owner_from = options["owner_from"] or ""
        _callable(options["owner_from"])
        enqueued = work.begin_pull(gateway.name, owner_from, options["rate"])
        counts = {"enqueued" if enqueued else "not_enqueued": 1}
        self._tell(gateway, options, "pull", counts)
        problems = [] if enqueued else [_("The queue did not take it; the log says why.")]
        return Section(gateway.name, counts, problems)

    def _diff(self, gateway: Gateway, options: Mapping[str, Any], progress: Progress) -> Section:
        counts: Counter[str] = Counter()
        for found in drift.find_drift(gateway, Pace(options["rate"]), progress):
            counts[found.side.value] += 1
            self._write(as_json(gateway, found) if options["json"] else as_text(found))
        self._tell(gateway, options, "diff", counts)
        differ = ngettext(
            "%(count)d customer or card differs.",
            "%(count)d customers and cards differ.",
            counts.total(),
        )
        return Section(gateway.name, counts, [differ % {"count": counts.total()}] if counts else [])

    def _how(self, gateway: Gateway, options: Mapping[str, Any], progress: Progress) -> PullOptions:
        return PullOptions(
            pace=Pace(options["rate"]),
            owner_of=_callable(options["owner_from"]),
            progress=progress,
            failed=partial(self._tell_failure, gateway, options),
        )

    # -- What is printed --------------------------------------------------------------------------

    def _tell(
        self,
        gateway: Gateway,
        options: Mapping[str, Any],
        verb: str,
        counts: Counts,
        waiting: Counts = MappingProxyType({}),
    ) -> None:
        if options["json"]:
            return
        figures = [*sync_counts.in_words(counts), *sync_counts.in_words(waiting)]
        self._write(f"{gateway.name}: {verb}: {'; '.join(figures) or _('nothing')}")

    def _tell_failure(self, gateway: Gateway, options: Mapping[str, Any], failure: Failure) -> None:
        # What was typed as an id may be a card number.
        subject, code, text = scrub(failure.subject), failure.code, failure.text
        if options["json"]:
            told = {"gateway": gateway.name, "id": subject, "code": code, "text": text}
            self._write(json.dumps(told))
            return
        line = f"{gateway.name}: {subject} {code}: {text}"
        self._write(self.style.ERROR(escape(line)))

    def _write(self, line: str) -> None:
        if self._changes:
            self.write_after(line)
            return
        self.stdout.write(line)
        self.stdout.flush()


def _refuse_unheeded(verb: str, options: Mapping[str, Any]) -> None:
    """Refuse what has no effect on this verb: whoever gave it expects something else.

    Raises:
        CommandError: such an option was given.
    """
    pulls_customers = options["pull"] or options["customer"] or options["ids_from"]
    for name, verbs in HEEDED_BY.items():
        is_heeded = verb in verbs.split() and (name != "owner_from" or pulls_customers)
        if options[name] and not is_heeded:
            option = f"--{name.replace('_', '-')}"
            raise CommandError(str(HEEDED[verbs] % {"option": option}))


def _refuse_background(options: Mapping[str, Any]) -> None:
    """Refuse what a queue cannot do.

    Raises:
        CommandError: there is none, or another verb is asked for.
    """
    if not options["pull"] or options["resume"]:
        raise CommandError(_("--background belongs to --pull --all, without --resume."))
    if not queue.is_configured():
        raise CommandError(_("There is no queue: set DINERO['TASKS']."))


def _gateways(names: list[str]) -> list[Gateway]:
    try:
        return [get_gateway(name) for name in gateway_names(names)]
    except (DineroError, ImproperlyConfigured) as error:
        raise CommandError(scrub(str(error))) from None


def _callable(path: str | None) -> Callable[[Any], Any] | None:
    if path is None:
        return None
    try:
        found = import_string(path)
    except Exception as error:  # the module may raise anything
        text = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        raise CommandError(f"--owner-from: {text}") from error
    if not callable(found):
        raise CommandError(f"--owner-from: {path} is not callable.")
    owner_of: Callable[[Any], Any] = found
    return owner_of


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not SLOWEST <= rate < float("inf"):
        raise argparse.ArgumentTypeError(
            _("write a number of %(least)s or more") % {"least": SLOWEST}
        )
    return rate


def _lines(name: str) -> Iterator[str]:
    """Yield the ids in a file, one a line; ``-`` is the standard input."""
    try:
        if name == "-":
            yield from _ids_in(sys.stdin or StringIO())  # a shell may have closed it
            return
        with Path(name).open(encoding="utf-8") as file:
            yield from _ids_in(file)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"--ids-from: {error}") from error


def _ids_in(file: TextIO) -> Iterator[str]:
    # Spreadsheets write a byte order mark before the first id.
    stripped = (line.lstrip("\ufeff").strip() for line in file)
    return (line for line in stripped if line)
