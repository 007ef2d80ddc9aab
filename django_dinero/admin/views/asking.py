"""What is asked once more before money moves: a large amount, the same again, a paid order.

The answer is bound to the form's one-time key, to the amount and to the questions: another amount
is asked about anew, and a page that is sent twice is still done once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from django.db.models import Q
from django.utils.crypto import constant_time_compare
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from django_dinero import conf, identifiers
from django_dinero.admin.related import UNCERTAIN, concerning
from django_dinero.admin.views.base import Unconfirmed
from django_dinero.db.queries import primary
from django_dinero.enums import TransactionKind
from django_dinero.gateways.registry import get_gateway
from django_dinero.models import CreditCard, Operation, Transaction
from django_dinero.models.arguments import KeyOptions
from django_dinero.models.family import Family
from django_dinero.models.operation import CHARGES, OperationState
from django_dinero.models.transaction_status import COUNTED, UNDECIDED
from django_dinero.money import EXACT, amount_text, exponent
from django_dinero.services.payments.orders import Order

#: States of :data:`UNCERTAIN` that an index finds.
RARE = tuple(state for state in UNCERTAIN if state != OperationState.SENT)
#: After these a key may begin another charge.
ENDED_IN_NOTHING = (OperationState.FAILED, OperationState.ABSENT)
#: What starts a payment, and how it stands if it was taken or may be.
STARTING = (TransactionKind.CHARGE, TransactionKind.AUTHORIZATION)
STANDING = (*COUNTED, *UNDECIDED)
#: For how long a guest's charge that is still being sent is asked about.
BEING_SENT_WITHIN = timedelta(days=1)
#: For how long the same amount of the same card or payment is asked about: the browser's *back* and
#: a second tab show the form anew, with another key.
JUST_NOW = timedelta(minutes=15)


class Money(NamedTuple):
    """How much is to be taken or given back."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return amount_text(self.amount, self.currency)


class Guest(NamedTuple):
    """A card that is stored nowhere, and where it is charged."""

    gateway_name: str
    live: bool
    last_4: str


class Question(NamedTuple):
    """A question, and what it is about, in every language the same."""

    about: str
    text: str


Source = CreditCard | Guest


def of_amount(money: Money) -> Iterator[Question]:
    """Ask about an amount above the limit of its currency."""
    limits = conf.admin_confirm_above()
    limit = limits.get(money.currency, limits.get(""))
    if limit is not None and money.amount > limit:
        # A limit for all currencies may have decimals that this one has not.
        unit = Decimal(1).scaleb(-exponent(money.currency), EXACT)
        shown = limit.quantize(unit, ROUND_DOWN, EXACT)
        text = _("This is more than %(limit)s: %(amount)s.") % {
            "limit": amount_text(shown, money.currency),
            "amount": money,
        }
        yield Question("amount", text)


def was_sent(one: KeyOptions) -> bool:
    """Say whether the form with this key was sent before: it is answered again, not asked."""
    own = primary(Operation).filter(idempotency_key=one["idempotency_key"], scope=one["scope"])
    return own.exclude(state__in=ENDED_IN_NOTHING).exists()


def of_open(money: Money, source: Source) -> Iterator[Question]:
    """Ask about charges of the same amount of which nobody knows yet how they ended.

    Args:
        money: what is to be taken.
        source: what is charged. All cards of a customer count.
    """
    rows = primary(Operation).filter(
        _of(source),
        gateway_name=source.gateway_name,
        live=source.live,
        kind__in=CHARGES,
        state__in=UNCERTAIN,
        amount=money.amount,
        currency=money.currency,
    )
    for operation in rows.order_by("pk"):
        text = _("A charge of %(amount)s is not finished: operation %(key)s (%(state)s).") % {
            "amount": money,
            "key": operation.key,
            "state": operation.get_state_display(),
        }
        yield Question(operation.key, text)


def of_recent(money: Money, source: Source) -> Iterator[Question]:
    """Ask about the same amount that was taken from the same card or customer just now."""
    rows = primary(Transaction).filter(
        gateway_name=source.gateway_name,
        live=source.live,
        price=money.amount,
        currency=money.currency,
        created_at__gt=datetime.now(UTC) - JUST_NOW,
    )
    if isinstance(source, CreditCard):
        rows = rows.filter(customer=source.customer)
    else:
        rows = rows.filter(customer_id="", last_4=source.last_4)
    for row in rows.filter(kind__in=STARTING, status__in=STANDING).order_by("pk"):
        text = _("%(amount)s was taken already at %(time)s: transaction %(id)s (%(status)s).")
        yield Question(str(row.public_id), text % _known(row))


def of_refunded(money: Money, family: Family) -> Iterator[Question]:
    """Ask about the same amount of the same payment that was given back just now.

    Args:
        money: what is to be given back.
        family: of the row that holds the money.
    """
    since = datetime.now(UTC) - JUST_NOW
    for row in family.children:
        is_refund = row.kind == TransactionKind.REFUND and row.status in STANDING
        if not is_refund or row.price != money.amount or row.created_at <= since:
            continue
        text = _("%(amount)s was given back already at %(time)s: transaction %(id)s (%(status)s).")
        yield Question(str(row.public_id), text % _known(row))


def of_order(order_reference: str, source: Source) -> Iterator[Question]:
    """Ask about payments of the same order: those that were taken, and those that may be.

    Args:
        order_reference: as it was typed; nothing is asked without one.
        source: what is charged.
    """
    if not order_reference:
        return
    for attempt in Order(order_reference, get_gateway(source.gateway_name)).known_attempts():
        yield Question(attempt.about, attempt.text)


def _known(row: Transaction) -> dict[str, str]:
    """Return what a question says of a payment or a refund that was made."""
    return {
        "amount": amount_text(row.price, row.currency),
        "time": date_format(localtime(row.created_at), "TIME_FORMAT"),
        "id": str(row.transaction_id),
        "status": str(row.get_status_display()),
    }


def _of(source: Source) -> Q:
    if isinstance(source, CreditCard):
        return concerning(source.customer) or Q(pk__in=())
    # A guest has no customer to be found by. Few operations are open; what is being sent, or was by
    # a worker that died, is among all of a day.
    since = datetime.now(UTC) - BEING_SENT_WITHIN
    found = Q(rare_state__in=RARE) | Q(state=OperationState.SENT, created_at__gt=since)
    return found & Q(customer_id="", intent__last_4=source.last_4)


def require_answer(questions: list[Question], money: Money, key: str, answer: str) -> None:
    """Go on if there is nothing to ask, or if it was answered.

    Args:
        questions: what there is to ask.
        money: what is to be taken or given back.
        key: the form's one-time key.
        answer: what the page sent back.

    Raises:
        Unconfirmed: it was not.
    """
    # The same payment may be found by its amount and by its order.
    asked = {question.about: question.text for question in questions}
    expected = identifiers.derived_key("sure", key, str(money.amount), money.currency, *asked)
    if asked and not constant_time_compare(expected, answer):
        raise Unconfirmed([*asked.values()], expected)
