"""Look after webhooks: the endpoints at the gateway, and the events that came from there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_dinero import conf
from django_dinero.exceptions import DineroError
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import WebhookEndpoint
from django_dinero.logs import escape
from django_dinero.management import webhook_address
from django_dinero.management.arguments import add_gateways, count, days, gateway_names, given
from django_dinero.management.base import DineroCommand, VerbParser
from django_dinero.management.document import Section, add_json, document
from django_dinero.models.webhook_event import EventState, WebhookEvent
from django_dinero.redaction import scrub
from django_dinero.services import webhooks
from django_dinero.services.webhooks.events import rows


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of it: in words, by gateway, and what was counted for none in particular."""

    text: str
    sections: Sequence[Section] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


class Command(DineroCommand):
    """``manage.py dinero_webhooks register|list|remove|drain|replay|purge``."""

    help = "Registers, lists and removes the webhook endpoint at a gateway, and works on events."

    def add_arguments(self, parser: CommandParser) -> None:
        asked = parser.add_subparsers(dest="asked", required=True, parser_class=VerbParser)
        register = asked.add_parser("register", help="Let the gateway send webhooks to an address.")
        register.add_argument("url", metavar="URL")
        _add_common(register)
        _add_common(asked.add_parser("list", help="List the endpoints that the gateway has."))
        remove = asked.add_parser("remove", help="Let the gateway send nothing more there.")
        remove.add_argument("id", type=given, metavar="ID", help="As list shows it.")
        _add_common(remove)
        drain = asked.add_parser("drain", help="Apply the events that wait and are due.")
        drain.add_argument(
            "--limit", type=count, metavar="N", help="Apply at most N events of each gateway."
        )
        add_gateways(drain)
        add_json(drain)
        replay = asked.add_parser("replay", help="Apply an event again.")
        replay.add_argument("event", metavar="ID", type=int, help="Its number in the admin.")
        add_json(replay)
        purge = asked.add_parser("purge", help="Empty events that ended long ago.")
        purge.add_argument(
            "--days",
            type=days,
            metavar="N",
            help="Empty those that have ended and came over N days ago; by default KEEP_DAYS of "
            "the settings.",
        )
        add_json(purge)

    def handle(self, *args: Any, asked: str, **options: Any) -> None:
        """Do what is asked.

        Raises:
            CommandError: the gateway refused or cannot do it, or an event is still not applied.
        """
        answer = self._answer(asked, options)
        write = self.stdout.write if asked == "list" else self.write_after
        if options["json"]:
            told = document("dinero_webhooks", answer.sections, counts=answer.counts, verb=asked)
            write(told)
        elif answer.text:
            write(answer.text)
        several = asked == "drain"
        problems = [
            f"{section.gateway_name}: {problem}" if several else problem
            for section in answer.sections
            for problem in section.problems
        ]
        if problems:
            raise CommandError("\n".join(problems))

    def _answer(self, asked: str, options: Mapping[str, Any]) -> _Answer:
        try:
            answer: _Answer = getattr(self, f"_{asked}")(options)
        except (DineroError, ImproperlyConfigured) as error:
            names = options.get("gateway")
            name = names if isinstance(names, str) else ""
            return _Answer("", [Section(name, problems=[scrub(str(error))])])
        return answer

    def _register(self, options: Mapping[str, Any]) -> _Answer:
        gateway = self._gateway(options)
        doubts = webhook_address.doubts(options["url"], gateway)
        endpoint = webhooks.register(gateway, options["url"])
        if not endpoint.is_active:
            text = _("It is inactive, and gets nothing. Remove it, and register it again.")
            doubts.append(text)
        for doubt in doubts:
            self.write_beside(doubt, self.style.WARNING)
        facts = {"endpoints": [_shown(endpoint)], "doubts": doubts}
        text = f"{endpoint.endpoint_id}  {endpoint.url}"
        return _Answer(text, [Section(gateway.name, facts=facts)])

    def _list(self, options: Mapping[str, Any]) -> _Answer:
        gateway = self._gateway(options)
        found = webhooks.list_endpoints(gateway)
        lines = [_line(endpoint) for endpoint in found]
        text = "\n".join(lines) or _("The gateway has no endpoint.")
        facts = {"endpoints": [_shown(each) for each in found]}
        return _Answer(text, [Section(gateway.name, {"endpoints": len(found)}, facts=facts)])

    def _remove(self, options: Mapping[str, Any]) -> _Answer:
        gateway = self._gateway(options)
        if webhooks.remove(gateway, options["id"]):
            facts = {"removed": options["id"]}
            return _Answer(_("Removed."), [Section(gateway.name, facts=facts)])
        unknown = _("The gateway %(name)s has no endpoint %(id)s (any more). `list` shows its ids.")
        problem = unknown % {"name": gateway.name, "id": options["id"]}
        return _Answer("", [Section(gateway.name, problems=[problem])])

    def _drain(self, options: Mapping[str, Any]) -> _Answer:
        sections = [_drained(name, options["limit"]) for name in gateway_names(options["gateway"])]
        lines = []
        if not options["gateway"]:
            tried, strays = webhooks.drain_strays(options["limit"]), webhooks.count_strays()
            for name in sorted({*tried, *strays}):
                counts = {**tried.get(name, {}), "waiting": strays.get(name, 0)}
                sections.append(Section(name, counts, facts={"configured": False}))
            lines = [f"{name}: {webhooks.stray_problem(count)}" for name, count in strays.items()]
        total: Counter[str] = Counter()
        for section in sections:
            total.update(section.counts)
        left = total.pop("due", 0)
        total.pop("waiting", 0)
        text = ", ".join(f"{number} {state}" for state, number in sorted(total.items()) if number)
        more = ngettext("%(what)s; %(left)d more is due.", "%(what)s; %(left)d more are due.", left)
        text = more % {"what": text or _("nothing was due"), "left": left}
        return _Answer("\n".join(map(escape, [text, *lines])), sections)

    def _replay(self, options: Mapping[str, Any]) -> _Answer:
        event = rows().filter(pk=options["event"]).first()
        if event is None:
            raise CommandError(_("There is no event %s.") % options["event"])
        event.replay()
        has_failed = event.is_waiting or event.state == EventState.GIVEN_UP
        problems = [_("It was not applied: %s") % event.error] if has_failed else []
        facts = {"event": {"id": event.pk, "state": event.state}}
        section = Section(event.gateway_name, problems=problems, facts=facts)
        return _Answer(_told(event), [section])

    def _purge(self, options: Mapping[str, Any]) -> _Answer:
        counts = asdict(webhooks.purge(options["days"] or conf.webhooks().keep_days))
        text = _("Events: %(emptied)d emptied, %(deleted)d deleted, %(given_up)d given up.")
        return _Answer(text % counts, counts=counts)

    def _gateway(self, options: Mapping[str, Any]) -> Gateway:
        return get_gateway(options["gateway"])


def _drained(name: str, limit: int | None) -> Section:
    """Drain one gateway. Whatever is wrong with it, the others have their turn."""
    counts: Counter[str] = Counter()
    problems = []
    try:
        counts = webhooks.drain(get_gateway(name), limit)
    except (DineroError, ImproperlyConfigured) as error:
        problems = [scrub(str(error))]
    return Section(name, {**counts, "due": webhooks.due(name).count()}, problems)


def _add_common(parser: Any) -> None:
    parser.add_argument(
        "--gateway",
        type=given,
        default=conf.DEFAULT_GATEWAY,
        metavar="NAME",
        help='A gateway by its name in DINERO["GATEWAYS"]; "%(default)s" by default.',
    )
    add_json(parser)


def _shown(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {
        "id": endpoint.endpoint_id,
        "url": endpoint.url,
        "events": list(endpoint.event_types),
        "active": endpoint.is_active,
    }


def _line(endpoint: WebhookEndpoint) -> str:
    state = _("active") if endpoint.is_active else _("inactive")
    kinds = len(endpoint.event_types)
    events = ngettext("%(count)d kind of events", "%(count)d kinds of events", kinds)
    events %= {"count": kinds}
    return f"{endpoint.endpoint_id}  {endpoint.url}  {state}, {events}"


def _told(event: WebhookEvent) -> str:
    return f"{event.pk}  {event.event_type}  {event.get_state_display()}"
