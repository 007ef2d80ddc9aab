"""Charge a stored card, or authorize it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from decimal import Decimal
from io import StringIO
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from django_dinero.exceptions import OperationInProgress, OrderPaid
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.registry import get_gateway
from django_dinero.management.arguments import given
from django_dinero.management.money import SCOPE, MoneyCommand, amount_text
from django_dinero.management.rows import card_named, customer_named
from django_dinero.models import Transaction
from django_dinero.models.arguments import ChargeOptions, FollowUpOptions
from django_dinero.money import parse_amount
from django_dinero.redaction import Secret
from django_dinero.services.payments.orders import Order
from django_dinero.services.recovery import idempotency

#: Characters of a token that are read; none is as long.
TOKEN_LENGTH = 8192


class Command(MoneyCommand):
    """``manage.py dinero_charge 12.50 --customer ann@example.com``."""

    help = (
        "Charges a stored card or a token. There is no argument for a card number: what is typed "
        "into a shell stays in its history."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Take the amount, and what is charged."""
        parser.add_argument("amount", help="In major units, as 12.50.")
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument(
            "--customer",
            type=given,
            metavar="NAME",
            help="An e-mail address or id; the default card.",
        )
        source.add_argument("--card", type=given, metavar="ID", help="A stored card's id.")
        source.add_argument(
            "--token-from-stdin", action="store_true", help="Read a one-time token from stdin."
        )
        parser.add_argument(
            "--authorize", action="store_true", help="Only reserve it; capture it later."
        )
        parser.add_argument(
            "--currency", type=given, metavar="CODE", help="The gateway's own by default."
        )
        parser.add_argument(
            "--order-reference",
            type=given,
            metavar="TEXT",
            help="Refused if a payment of this order counts or is not finished.",
        )
        paying = parser.add_mutually_exclusive_group()
        paying.add_argument(
            "--pays-order",
            action="store_true",
            help="It pays the whole order: the gateway is asked how open attempts ended, and no "
            "other attempt begins until this one has ended.",
        )
        paying.add_argument(
            "--again",
            action="store_true",
            help="Charge, although the order has a payment or an open attempt.",
        )
        parser.add_argument("--description", metavar="TEXT")
        parser.add_argument("--email", metavar="ADDRESS", help="For the gateway's receipt.")
        parser.add_argument(
            "--initiator",
            choices=("customer", "merchant"),
            default="merchant",
            help="Who wants this charge; card networks ask. %(default)s by default.",
        )

    def prepare(self, options: Mapping[str, Any]) -> str:
        """Find the card."""
        if options["again"] and not options["order_reference"]:
            raise CommandError(_("--again belongs to --order-reference: name the order as well."))
        self._source, whose = self._read_source(options)
        gateway = get_gateway(self._source["gateway_name"])
        self.gateway_name = gateway.name
        self._refuse_paid_order(options, gateway)
        currency = (options["currency"] or gateway.currency).upper()
        amount = parse_amount(options["amount"], currency)
        order = options["order_reference"]
        facts = {"amount": amount_text(Decimal(amount), currency), "order": order}
        if options["authorize"]:
            text = (
                _("Authorize %(amount)s for order %(order)s")
                if order
                else _("Authorize %(amount)s")
            )
        else:
            text = _("Charge %(amount)s for order %(order)s") if order else _("Charge %(amount)s")
        mode = _("live") if gateway.live else _("test")
        where = _("at %(gateway)s, %(mode)s") % {"gateway": gateway.name, "mode": mode}
        return f"{text % facts}: {whose}, {where}?"

    def _refuse_paid_order(self, options: Mapping[str, Any], gateway: Gateway) -> None:
        """Refuse to charge for an order once more without being told to.

        A repetition is answered under its key, and a charge that pays the whole order is refused
        where it begins.

        Raises:
            OrderPaid: the order has a payment.
            OperationInProgress: nobody knows yet how an attempt ended.
        """
        reference, key = options["order_reference"], options["idempotency_key"]
        if not reference or options["pays_order"] or options["again"]:
            return
        if key is not None and idempotency.is_known(key, SCOPE):
            return
        attempts = list(Order(reference, gateway).known_attempts())
        if not attempts:
            return
        told = [attempt.text for attempt in attempts]
        unfinished = [each.operation for each in attempts if each.operation is not None]
        for operation in unfinished:
            if operation.scope == SCOPE and operation.idempotency_key:
                text = _("Its command is repeated with --idempotency-key %(key)s.")
                told.append(text % {"key": operation.idempotency_key})
        if unfinished:
            told.append(_("manage.py dinero_reconcile finds out how it ended."))
        told.append(_("Nothing was charged now; --again charges all the same."))
        error = OperationInProgress if unfinished else OrderPaid
        raise error(" ".join(told), gateway_name=gateway.name)

    def _read_source(self, options: Mapping[str, Any]) -> tuple[ChargeOptions, str]:
        name = options["gateway"]
        if options["customer"] is not None:
            customer = customer_named(options["customer"], name)
            self._confirmed = card = customer.default_card
            whose = str(customer) if card is None else f"{customer}, {card}"
            return {"customer": customer, "gateway_name": customer.gateway_name}, whose
        if options["card"] is not None:
            card = card_named(options["card"], name)
            return {"card": card, "gateway_name": card.gateway_name}, f"{card}, {card.customer}"
        if not options["no_input"]:
            raise CommandError(_("Pass --no-input with --token-from-stdin: it has the token."))
        typed = sys.stdin or StringIO()  # a shell may have closed it
        token = Secret(typed.read(TOKEN_LENGTH).strip())
        if not token.reveal():
            raise CommandError(_("No token came on the standard input. Nothing was charged."))
        return {"token": token, "gateway_name": name}, _("a token")

    def do(self, options: Mapping[str, Any], key: FollowUpOptions) -> Transaction:
        """Charge it."""
        names = ("currency", "order_reference", "description", "email", "initiator")
        details: Any = {name: options[name] for name in names}
        details["currency"] = options["currency"] and options["currency"].upper()
        source: Any = self._source
        if options["pays_order"]:
            details["pays_order"] = True
        self._refuse_another_default(options)
        return Transaction.create(
            options["amount"], settle=not options["authorize"], **source, **details, **key
        )

    def _refuse_another_default(self, options: Mapping[str, Any]) -> None:
        """Refuse to charge another card than the one that was confirmed.

        The customer is charged, and not that card, so that the same command with the same key says
        the same whatever the default is by then.
        """
        customer = self._source.get("customer")
        if customer is None or options["no_input"]:
            return
        customer.forget_cards()
        if customer.default_card != self._confirmed:
            raise CommandError(_("The default card is another one by now. Nothing was done."))
