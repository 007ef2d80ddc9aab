"""The command that follows a payment: a capture, a void, a refund."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Literal

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from django_dinero.enums import TransactionKind
from django_dinero.exceptions import RefundError
from django_dinero.management.money import MoneyCommand, amount_text
from django_dinero.management.rows import transaction_named
from django_dinero.models import Transaction
from django_dinero.models.arguments import FollowUpOptions
from django_dinero.models.family import Family
from django_dinero.money import parse_amount
from django_dinero.services import ledger
from django_dinero.services.payments import rules


class FollowUpCommand(MoneyCommand):
    """Finds a payment and does something with it.

    Attributes:
        verb: the method of :class:`Transaction`.
        kinds: which rows a gateway's id or an order reference may name.
        takes_amount: whether a part of it will do.
    """

    verb: ClassVar[Literal["capture", "void", "refund"]]
    kinds: ClassVar[tuple[TransactionKind, ...]]
    takes_amount: ClassVar[bool] = False

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Take the payment, and how much of it."""
        parser.add_argument(
            "transaction", help="Its public id, its id at the gateway, or its order reference."
        )
        if self.takes_amount:
            parser.add_argument("--amount", help="A part of it; by default all that is left.")
        parser.add_argument("--reason", metavar="TEXT", help="Kept as the row's description.")

    def prepare(self, options: Mapping[str, Any]) -> str:
        """Find the payment."""
        self._row = row = transaction_named(options["transaction"], options["gateway"], self.kinds)
        self.gateway_name, self.original_pk = row.gateway_name, row.pk
        named = f"{_total(row)} ({row.gateway_name} {row.transaction_id or row.public_id})"
        asked = options.get("amount")
        if asked is None:
            return self._question_of_all(row, named)
        text = {
            "capture": _("Capture %(part)s of %(what)s?"),
            "refund": _("Refund %(part)s of %(what)s?"),
        }[self.verb]
        part = amount_text(parse_amount(asked, row.currency, field="amount"), row.currency)
        return text % {"part": part, "what": named}

    def _question_of_all(self, row: Transaction, named: str) -> str:
        """Ask for what is done without an amount, with all that it takes along."""
        family = ledger.family_of(row)
        if self.verb == "capture":
            return _("Capture all of %(what)s?") % {"what": named}
        if self.verb == "refund":
            left = amount_text(_left_to_refund(family), row.currency)
            return _("Refund %(left)s, all that is left of %(what)s?") % {
                "left": left,
                "what": named,
            }
        if row.kind == TransactionKind.AUTHORIZATION and family.captured:
            captured = amount_text(family.captured, row.currency)
            text = _("%(captured)s of %(what)s were captured. Void the capture, and all of it?")
            return text % {"captured": captured, "what": named}
        return _("Void %(what)s?") % {"what": named}

    def do(self, options: Mapping[str, Any], key: FollowUpOptions) -> Transaction:
        """Do it."""
        given: FollowUpOptions = {**key, "description": options["reason"]}
        if self.verb == "void":
            return self._row.void(**given)
        act = self._row.capture if self.verb == "capture" else self._row.refund
        return act(options["amount"], **given)


def _total(row: Transaction) -> str:
    return amount_text(Decimal(row.price), row.currency)


def _left_to_refund(family: Family) -> Decimal:
    """Return what is left of the payment, or of the capture of an authorization."""
    try:
        paid = rules.refundable(family)
    except RefundError:  # said by the verb itself, which looks again
        return Decimal(0)
    return ledger.family_of(paid).left_to_refund
