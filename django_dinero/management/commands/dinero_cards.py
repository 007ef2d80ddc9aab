"""List stored cards, and those that expire soon."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.db.queries import primary
from django_dinero.management.arguments import add_gateways, days, gateway_names, given
from django_dinero.management.base import DineroCommand
from django_dinero.management.document import by_gateway
from django_dinero.management.rows import customers_named
from django_dinero.management.tables import Column, add_formats, csv_text, write_table
from django_dinero.models import CreditCard
from django_dinero.models.due import CARD_EXPIRES_IN, expiring

COLUMNS = (
    Column("expires", gettext_lazy("expires")),
    Column("email", gettext_lazy("customer")),
    Column("brand", gettext_lazy("brand")),
    Column("last_4", gettext_lazy("last 4")),
    Column("is_default", gettext_lazy("default")),
    Column("gateway_name", gettext_lazy("gateway")),
    Column("live", gettext_lazy("live")),
    Column("id", gettext_lazy("id")),
)
DAYS = CARD_EXPIRES_IN.days


class Command(DineroCommand):
    """``manage.py dinero_cards --expiring``."""

    help = "Lists stored cards, the first to expire first."

    def add_arguments(self, parser: CommandParser) -> None:
        add_gateways(parser)
        parser.add_argument(
            "--expiring",
            nargs="?",
            const=DAYS,
            type=days,
            metavar="DAYS",
            help=f"Only cards that have expired or do so within so many days; {DAYS} by default.",
        )
        parser.add_argument(
            "--customer",
            type=given,
            metavar="NAME",
            help="Only this one's: an e-mail address or id.",
        )
        parser.add_argument("--default", action="store_true", help="Only customers' default cards.")
        add_formats(parser)

    def handle(self, *args: Any, gateway: list[str], **options: Any) -> None:
        """List them.

        Raises:
            CommandError: there is no such gateway or customer.
        """
        names = gateway_names(gateway)
        rows = _cards(names, options["expiring"])
        if options["customer"] is not None:
            only = names[0] if len(names) == 1 else None
            rows = rows.filter(customer__in=customers_named(options["customer"], only))
        if options["default"]:
            rows = rows.filter(default_of__isnull=False)
        found = list(_documents(rows))
        if options["json"]:
            self.stdout.write(by_gateway("dinero_cards", "cards", found, names))
        elif options["csv"]:
            self.stdout.write(csv_text(COLUMNS, found))
        elif found:
            write_table(self.stdout, COLUMNS, found)
        else:
            self.stdout.write(_("There is no such card."))


def _cards(names: list[str], expire_in: int | None) -> QuerySet[CreditCard]:
    rows = primary(CreditCard)
    rows = rows.filter(gateway_name__in=names).select_related("customer")
    if expire_in is not None:
        within = datetime.timedelta(days=expire_in)
        rows = rows.filter(expiring(timezone.now().date(), within))
    return rows.order_by("year", "month", "pk")


def _documents(rows: QuerySet[CreditCard]) -> Iterator[dict[str, Any]]:
    for card in rows.iterator():
        yield {
            "id": str(card.public_id),
            "gateway_name": card.gateway_name,
            "live": card.live,
            "card_id": card.card_id,
            "customer": str(card.customer.public_id),
            "email": card.customer.email,
            "brand": card.brand,
            "last_4": card.last_4,
            "expires": f"{card.year}-{card.month:02}" if card.year and card.month else None,
            "is_default": card.is_default,
        }
