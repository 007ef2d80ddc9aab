"""Report what was taken, by day or by settlement batch, and what is only reserved."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.management.arguments import add_gateways, day, days, gateway_names
from django_dinero.management.base import DineroCommand
from django_dinero.management.document import by_gateway
from django_dinero.management.tables import Column, add_formats, csv_text, write_table
from django_dinero.models.due import AUTHORIZATION_IS_OLD
from django_dinero.money import normalise
from django_dinero.services import report

SUMS = (
    Column("charges", gettext_lazy("charges"), is_number=True),
    Column("charged", gettext_lazy("charged"), is_number=True),
    Column("refunds", gettext_lazy("refunds"), is_number=True),
    Column("refunded", gettext_lazy("refunded"), is_number=True),
    Column("net", gettext_lazy("net"), is_number=True),
    Column("declined", gettext_lazy("declined"), is_number=True),
)
WHERE = (
    Column("gateway_name", gettext_lazy("gateway")),
    Column("live", gettext_lazy("live")),
    Column("currency", gettext_lazy("currency")),
)
DAYS = (Column("day", gettext_lazy("day")), *WHERE, *SUMS)
BATCHES = (
    Column("batch_id", gettext_lazy("batch")),
    Column("day", gettext_lazy("settled")),
    *WHERE,
    *SUMS[:-1],
)
AUTHORIZATIONS = (
    Column("id", gettext_lazy("id")),
    Column("created_at", gettext_lazy("made")),
    Column("days", gettext_lazy("days"), is_number=True),
    Column("gateway_name", gettext_lazy("gateway")),
    Column("live", gettext_lazy("live")),
    Column("price", gettext_lazy("amount"), is_number=True),
    Column("currency", gettext_lazy("currency")),
    Column("order_reference", gettext_lazy("order")),
)
LAST_DAYS = 30
OLD_DAYS = AUTHORIZATION_IS_OLD.days


class Command(DineroCommand):
    """``manage.py dinero_report days|batches|authorizations``."""

    help = "Adds up what was taken and given back. Days are in UTC."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "what",
            nargs="?",
            choices=("days", "batches", "authorizations"),
            default="days",
            help=(
                "Sums by day (the default), by the bank's settlement batch, or authorizations that "
                "nobody has captured and that run out soon."
            ),
        )
        add_gateways(parser)
        parser.add_argument("--since", type=day, metavar="DATE", help="The first day.")
        parser.add_argument("--until", type=day, metavar="DATE", help="The last day; today.")
        parser.add_argument(
            "--older",
            type=days,
            metavar="DAYS",
            help=f"Authorizations made over so many days ago; {OLD_DAYS} by default.",
        )
        add_formats(parser)

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        """Report.

        Raises:
            CommandError: the last day lies before the first, or an option is for another report.
        """
        names = gateway_names(options["gateway"])
        _refuse_options_of_others(what, options)
        if what == "authorizations":
            rows = list(_reserved(names, options["older"] or OLD_DAYS))
            self._tell(what, AUTHORIZATIONS, rows, names, options)
            return
        since, until = _period(options["since"], options["until"])
        add_up = report.by_day if what == "days" else report.by_batch
        lines = [_line(each) for each in add_up(names, since, until)]
        self._tell(what, DAYS if what == "days" else BATCHES, lines, names, options)

    def _tell(
        self,
        what: str,
        columns: Sequence[Column],
        found: Sequence[dict[str, Any]],
        names: Sequence[str],
        options: dict[str, Any],
    ) -> None:
        if options["json"]:
            self.stdout.write(by_gateway("dinero_report", what, found, names))
        elif options["csv"]:
            self.stdout.write(csv_text(columns, found))
        elif found:
            write_table(self.stdout, columns, found)
        else:
            self.stdout.write(_("There is nothing to report."))


def _refuse_options_of_others(what: str, options: Mapping[str, Any]) -> None:
    """Refuse what has no effect on this report: whoever gave it would read it wrongly."""
    if what == "authorizations" and (options["since"] or options["until"]):
        raise CommandError(_("Authorizations have no --since and --until; they have --older."))
    if what != "authorizations" and options["older"]:
        raise CommandError(_("--older is for authorizations; days and batches have --since."))


def _period(
    since: datetime.date | None, until: datetime.date | None
) -> tuple[datetime.date, datetime.date]:
    last = until or datetime.datetime.now(datetime.UTC).date()
    first = since or last - datetime.timedelta(days=LAST_DAYS - 1)
    if first > last:
        raise CommandError(_("--until lies before --since."))
    return first, last


def _line(line: report.Line) -> dict[str, Any]:
    return {
        "day": None if line.day is None else line.day.isoformat(),
        "batch_id": line.batch_id,
        "gateway_name": line.gateway_name,
        "live": line.live,
        "currency": line.currency,
        "charges": line.charges,
        "charged": line.charged,
        "refunds": line.refunds,
        "refunded": line.refunded,
        "net": line.net,
        "declined": line.declined,
    }


def _reserved(names: Sequence[str], older: int) -> Iterator[dict[str, Any]]:
    before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=older)
    for each in report.reserved(names, before):
        row = each.row
        yield {
            "id": str(row.public_id),
            "gateway_name": row.gateway_name,
            "live": row.live,
            "transaction_id": row.transaction_id,
            "price": normalise(Decimal(row.price), row.currency),
            "currency": row.currency,
            "order_reference": row.order_reference,
            "days": each.days,
            "created_at": f"{row.created_at:%Y-%m-%d}",
        }
