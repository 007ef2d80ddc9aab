"""Approve or decline payments that the gateway holds for review."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.db.queries import primary
from django_dinero.enums import TransactionKind
from django_dinero.management.arguments import gateway_names, one_or_all
from django_dinero.management.document import by_gateway
from django_dinero.management.money import MoneyCommand, amount_text, document_of
from django_dinero.management.rows import transaction_named
from django_dinero.management.tables import Column, write_table
from django_dinero.models import Transaction
from django_dinero.models.arguments import FollowUpOptions
from django_dinero.models.transaction_status import TransactionStatus

KINDS = (TransactionKind.CHARGE, TransactionKind.AUTHORIZATION, TransactionKind.REFUND)
COLUMNS = (
    Column("id", gettext_lazy("id")),
    Column("gateway_name", gettext_lazy("gateway")),
    Column("live", gettext_lazy("live")),
    Column("kind", gettext_lazy("kind")),
    Column("price", gettext_lazy("amount"), is_number=True),
    Column("currency", gettext_lazy("currency")),
    Column("order_reference", gettext_lazy("order")),
    Column("created_at", gettext_lazy("since")),
)


class Command(MoneyCommand):
    """``manage.py dinero_review`` lists them; ``dinero_review approve ID`` decides one."""

    help = "Lists what the gateway holds for review, and approves or declines a payment of these."

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Take a decision and the payment that it is about, or neither."""
        parser.add_argument("decision", nargs="?", choices=("approve", "decline"))
        parser.add_argument(
            "transaction", nargs="?", help="Its public id, id at the gateway, or order reference."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """List what is held, or decide about one.

        Raises:
            CommandError: as other commands that move money; a decision without a payment.
        """
        if options["decision"] is None and options["idempotency_key"] is not None:
            text = _("--idempotency-key belongs to a decision: approve or decline, and a payment.")
            raise CommandError(text)
        if options["decision"] is None:
            self._list(options)
        elif options["transaction"] is None:
            raise CommandError(_("Say which payment: its id or its order reference."))
        else:
            super().handle(*args, **options)

    def _list(self, options: Mapping[str, Any]) -> None:
        names = gateway_names(one_or_all(options["gateway"]))
        rows = primary(Transaction)
        held = (
            rows.filter(gateway_name__in=names, rare_status=TransactionStatus.HELD)
            .select_related("parent")
            .order_by("pk")
        )
        found = [document_of(row) for row in held]
        if options["json"]:
            self.stdout.write(by_gateway("dinero_review", "held", found, names))
        elif found:
            shown = [{**row, "created_at": f"{row['created_at']:%Y-%m-%d %H:%M}"} for row in found]
            write_table(self.stdout, COLUMNS, shown)
        else:
            self.stdout.write(_("Nothing is held for review."))

    def prepare(self, options: Mapping[str, Any]) -> str:
        """Find the payment."""
        self._row = row = transaction_named(options["transaction"], options["gateway"], KINDS)
        self.gateway_name, self.original_pk = row.gateway_name, row.pk
        approve, decline = _("Approve %(what)s?"), _("Decline %(what)s?")
        what = amount_text(Decimal(row.price), row.currency)
        named = f"{what} ({row.gateway_name} {row.transaction_id or row.public_id})"
        return (approve if options["decision"] == "approve" else decline) % {"what": named}

    def do(self, options: Mapping[str, Any], key: FollowUpOptions) -> Transaction:
        """Decide."""
        act = self._row.approve if options["decision"] == "approve" else self._row.decline
        return act(**key)
