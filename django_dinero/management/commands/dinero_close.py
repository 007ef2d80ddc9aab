"""Close operations that only a person could finish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.db.queries import primary
from django_dinero.exceptions import DineroError
from django_dinero.management.arguments import gateway_names, given, one_or_all
from django_dinero.management.base import DineroCommand
from django_dinero.management.document import add_json, by_gateway
from django_dinero.management.money import confirm, login, refuse_question_in_json
from django_dinero.management.rows import operation_named
from django_dinero.management.tables import Column, write_table
from django_dinero.models import Operation, journal_notes
from django_dinero.models.operation import OperationState
from django_dinero.money import normalise
from django_dinero.redaction import scrub

COLUMNS = (
    Column("id", gettext_lazy("operation")),
    Column("gateway_name", gettext_lazy("gateway")),
    Column("live", gettext_lazy("live")),
    Column("kind", gettext_lazy("kind")),
    Column("amount", gettext_lazy("amount"), is_number=True),
    Column("currency", gettext_lazy("currency")),
    Column("created_at", gettext_lazy("since")),
    Column("error", gettext_lazy("what is wrong")),
)


class Command(DineroCommand):
    """``manage.py dinero_close`` lists them; ``dinero_close KEY --note "…"`` closes one."""

    help = (
        "Lists the operations that need attention, and closes one when a person has found out at "
        "the gateway what became of it. Closing moves no money and writes no payment."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("operation", nargs="?", metavar="KEY", help="The operation's key.")
        parser.add_argument("--note", help="What was found out and done, for those who ask later.")
        parser.add_argument(
            "--by",
            type=given,
            metavar="NAME",
            help="Who closes it; by default the name of the login.",
        )
        parser.add_argument(
            "--gateway", type=given, metavar="NAME", help="Search only at this gateway."
        )
        parser.add_argument("--no-input", action="store_true", help="Do not ask.")
        add_json(parser)

    def handle(self, *args: Any, operation: str | None, **options: Any) -> None:
        """List what needs attention, or close one of them.

        Raises:
            CommandError: there is no such operation, or it cannot be closed.
        """
        if operation is None and (options["note"] or options["by"]):
            raise CommandError(_("Say which operation: its key. Without arguments it lists them."))
        if operation is None:
            self._list(options)
            return
        if not options["note"]:
            raise CommandError(_("Say in --note what was found out, for those who ask later."))
        refuse_question_in_json(options)
        row = operation_named(operation, options["gateway"])
        if not options["no_input"]:
            confirm(_("Close %(what)s?") % {"what": f"{row.key} ({row.get_kind_display()})"})
        try:
            row.close(note=options["note"], by=options["by"] or login() or "dinero_close")
        except DineroError as error:
            raise CommandError(scrub(str(error))) from error
        if options["json"]:
            self.write_after(by_gateway("dinero_close", "operations", [_document(row)]))
        else:
            self.write_after(_("Operation %(key)s is closed.") % {"key": row.key})

    def _list(self, options: Mapping[str, Any]) -> None:
        rows = primary(Operation)
        names = gateway_names(one_or_all(options["gateway"]))
        rows = rows.filter(gateway_name__in=names, rare_state=OperationState.NEEDS_ATTENTION)
        found = [_document(row) for row in rows.order_by("pk")]
        if options["json"]:
            self.stdout.write(by_gateway("dinero_close", "operations", found, names))
        elif found:
            shown = [{**row, **_for_people(row)} for row in found]
            write_table(self.stdout, COLUMNS, shown)
        else:
            self.stdout.write(_("No operation needs attention."))


def _document(row: Operation) -> dict[str, Any]:
    return {
        "id": row.key,
        "gateway_name": row.gateway_name,
        "live": row.live,
        "kind": row.kind,
        "state": row.state,
        "amount": None if row.amount is None else _amount(row),
        "currency": row.currency,
        "error": scrub(str(row.outcome.get("error", ""))),
        "created_at": row.created_at,
    }


def _for_people(row: dict[str, Any]) -> dict[str, str]:
    error, created_at = row["error"], row["created_at"]
    return {"error": journal_notes.shown(error), "created_at": f"{created_at:%Y-%m-%d %H:%M}"}


def _amount(row: Operation) -> str:
    return str(normalise(row.asked_amount, row.currency))
