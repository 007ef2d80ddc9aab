"""Check the credentials of the configured gateways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_dinero import conf
from django_dinero.exceptions import (
    DineroError,
    InvalidInput,
    NotSent,
    OutcomeUnknown,
    UnsupportedFeature,
)
from django_dinero.gateways import registry
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.options import hidden_values
from django_dinero.logs import escape
from django_dinero.management import arguments
from django_dinero.management.base import DineroCommand
from django_dinero.management.document import Section, add_json, document
from django_dinero.models import CreditCard, Customer, Transaction
from django_dinero.redaction import Secret, scrub


@dataclass(frozen=True, slots=True)
class Verdict:
    """One gateway's line: a status that scripts can search for, and the reason."""

    gateway_name: str
    status: str
    text: str = ""

    @property
    def is_usable(self) -> bool:
        """Whether the gateway can be used."""
        return self.status == "OK"

    @property
    def section(self) -> Section:
        """It, for programs."""
        line = f"{self.status}: {self.text}" if self.text else self.status
        problems = () if self.is_usable else (line,)
        facts = {"status": self.status, "text": self.text}
        return Section(self.gateway_name, problems=problems, facts=facts)


class Command(DineroCommand):
    """``manage.py dinero_check [name ...]``: a line per gateway, exit code 0 if all can be used."""

    help = "Asks the payment gateways whether they accept the configured credentials."
    # A system check would stop at the first wrong entry; this command reports it and goes on.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "gateway_names",
            nargs="*",
            metavar="name",
            help="Gateways to ask; the same as --gateway for each.",
        )
        arguments.add_gateways(parser)
        add_json(parser)

    def handle(self, *args: Any, gateway_names: list[str], **options: Any) -> None:
        """Print the verdicts.

        Raises:
            CommandError: a gateway cannot be used, a name is unknown, or no gateway is configured.
        """
        asked = arguments.gateway_names([*gateway_names, *options["gateway"]])
        width = max(len(gateway_name) for gateway_name in asked)
        verdicts = []
        for gateway_name in asked:
            verdicts.append(check(gateway_name))
            if not options["json"]:
                self._tell(verdicts[-1], width)
        if options["json"]:
            told = document("dinero_check", [verdict.section for verdict in verdicts])
            self.stdout.write(told)
        bad = sum(not verdict.is_usable for verdict in verdicts)
        if bad:
            raise CommandError(
                ngettext(
                    "%(bad)d of %(all)d gateways is not OK.",
                    "%(bad)d of %(all)d gateways are not OK.",
                    bad,
                )
                % {"bad": bad, "all": len(asked)}
            )

    def _tell(self, verdict: Verdict, width: int) -> None:
        text = f"{verdict.gateway_name:{width}}  {verdict.status}"
        line = f"{text}: {verdict.text}" if verdict.text else text
        self.stdout.write(self.style.SUCCESS(line) if verdict.is_usable else self.style.ERROR(line))
        self.stdout.flush()


def check(gateway_name: str) -> Verdict:
    """Ask one gateway, and turn every possible ending into a verdict.

    Raises:
        CommandError: no gateway has this name.
    """
    try:
        status, text = _ask_gateway(gateway_name)
    except InvalidInput as error:
        raise CommandError(str(error)) from None
    line = " ".join(scrub(text, *_hidden_values(gateway_name)).split())
    return Verdict(gateway_name, status, escape(line))


def _ask_gateway(gateway_name: str) -> tuple[str, str]:
    try:
        gateway = registry.get_gateway(gateway_name)
        answer = gateway.check_credentials()
    except UnsupportedFeature as error:
        return "NOT CHECKABLE", error.message
    except InvalidInput:
        raise
    except ImproperlyConfigured as error:
        return "MISCONFIGURED", str(error)
    except NotSent as error:
        return "UNREACHABLE", error.message or error.code
    except OutcomeUnknown as error:
        cure = _("A check changes nothing there. If it lasts, look where its address leads.")
        return "UNREACHABLE", f"{error.message or error.code} {cure}"
    except DineroError as error:
        return "REFUSED", error.message or error.code
    except (
        Exception
    ) as error:  # a third-party backend may raise anything; the other gateways are still asked
        return "FAILED", type(error).__name__
    if not answer.accepted:
        return "REFUSED", answer.text
    if answer.lacks:
        return "LIMITED", " ".join(answer.lacks)
    if others := _rows_of_other_mode(gateway):
        return "MIXED", others
    kind = _("real money moves here") if answer.live else _("a test account")
    told = f"{answer.text} ({kind})" if answer.text else kind
    # No webhook has to be received and no page shown: the account can be used all the same.
    lacks = (gateway.webhook_problem(), gateway.browser_problem())
    return "OK", "; ".join(filter(None, (told, *lacks)))


def _rows_of_other_mode(gateway: Gateway) -> str:
    """Return which rows of a test account a live gateway has, or the other way round."""
    try:
        names = [
            str(model._meta.verbose_name_plural)
            for model in (Customer, CreditCard, Transaction)
            if model._default_manager.filter(
                gateway_name=gateway.name, live=not gateway.live
            ).exists()
        ]
    except DatabaseError:
        return ""  # no database is asked for; the system checks tell of tables that are missing
    if not names:
        return ""
    text = _(
        "It is a live account, and there are %(rows)s of a test account under its name, which it "
        "does not know. Give the live account a name of its own."
    )
    if not gateway.live:
        text = _(
            "It is a test account, and there are %(rows)s of a live account under its name, which "
            "it does not know. Give the test account a name of its own."
        )
    return text % {"rows": ", ".join(names)}


def _hidden_values(gateway_name: str) -> Iterator[Secret]:
    entry = conf.gateways().get(gateway_name)
    options = entry.get("OPTIONS") if isinstance(entry, Mapping) else None
    return hidden_values(options or {})
