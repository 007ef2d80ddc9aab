"""What is due, or waits for somebody: conditions that commands, lists and the overview share."""

from __future__ import annotations

import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from django_dinero.enums import TransactionKind
from django_dinero.models.operation import OperationState
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import LOST, TAKEN_OR_OPEN, TransactionStatus

#: Card networks let an authorization stand for a week or more; no gateway keeps one for longer.
AUTHORIZATION_LIVES = datetime.timedelta(days=30)
#: No two clocks of one shop are further apart.
CLOCKS_DIFFER = datetime.timedelta(days=1)
#: How old an authorization is when it is said to run out soon: networks keep it for seven days.
AUTHORIZATION_IS_OLD = datetime.timedelta(days=5)
#: For how many days what was returned or charged back is news.
NEWS = datetime.timedelta(days=30)
#: How far back workers are looked for that died while they sent something.
DEAD_WITHIN = datetime.timedelta(days=7)
#: A card that expires within so many days is said to do so soon; one that expired so many days ago
#: is still news.
CARD_EXPIRES_IN = datetime.timedelta(days=60)


def uncaptured(rows: QuerySet[Transaction]) -> QuerySet[Transaction]:
    """Return the authorizations among rows that still hold money: nobody has captured them.

    Where a capture's money came back since, it was captured all the same.
    """
    captures = _captures(rows).filter(parent=OuterRef("pk"))
    return _authorized(rows).filter(~Exists(captures))


def to_capture(rows: QuerySet[Transaction], now: datetime.datetime) -> QuerySet[Transaction]:
    """Return the authorizations that can be captured, of those that any gateway still has."""
    since = now - AUTHORIZATION_LIVES
    # No capture is written before its authorization. Without this limit, a database would look
    # through all captures that there ever were.
    captures = _captures(rows).filter(parent__isnull=False, created_at__gt=since - CLOCKS_DIFFER)
    captured = captures.order_by().values("parent")
    return _authorized(rows).filter(created_at__gt=since).exclude(pk__in=captured)


def _captures(rows: QuerySet[Transaction]) -> QuerySet[Transaction]:
    """Return the captures that took money, whatever became of it, and those that still may."""
    every = Transaction.objects.using(rows.db)
    return every.filter(kind=TransactionKind.CAPTURE, status__in=TAKEN_OR_OPEN)


def _authorized(rows: QuerySet[Transaction]) -> QuerySet[Transaction]:
    return rows.filter(kind=TransactionKind.AUTHORIZATION, status=TransactionStatus.APPROVED)


def running_out(rows: QuerySet[Transaction], now: datetime.datetime) -> QuerySet[Transaction]:
    """Return those of :func:`to_capture` that a card network may end any day."""
    return to_capture(rows, now).filter(created_at__lt=now - AUTHORIZATION_IS_OLD)


def lost(now: datetime.datetime) -> Q:
    """Return the condition for payments that came back, by the bank or the card's holder."""
    return Q(rare_status__in=LOST, updated_at__gt=now - NEWS)


def needs_somebody(now: datetime.datetime) -> Q:
    """Return the condition for transactions that wait for a person's decision or reaction."""
    return Q(rare_status=TransactionStatus.HELD) | lost(now)


def overdue(now: datetime.datetime) -> Q:
    """Return the condition for operations of unknown outcome that a look-up could have found.

    Their quarantine is over: what was sent has arrived by now, or never will. Or whoever sent them
    has died, and nobody has looked since.
    """
    unknown = Q(rare_state=OperationState.UNKNOWN, quarantine_until__lt=now)
    # Limited by their age, too: no index has the state of what is being sent.
    since = now - DEAD_WITHIN
    return unknown | Q(state=OperationState.SENT, lease_until__lt=now, created_at__gt=since)


def expiring(today: datetime.date, within: datetime.timedelta = CARD_EXPIRES_IN) -> Q:
    """Return the condition for cards that have expired, or do so within so many days."""
    return _expires_before(today + within)


def expiring_about_now(today: datetime.date) -> Q:
    """Return the condition for cards that expire soon, or have expired lately."""
    oldest = today - CARD_EXPIRES_IN - datetime.timedelta(days=1)
    # Limited by the year, too: a database can look up a range, but not what a condition excludes.
    return Q(year__gte=oldest.year) & expiring(today) & ~_expires_before(oldest)


def _expires_before(day: datetime.date) -> Q:
    """Return the condition for cards whose last day this is, or an earlier one."""
    # A card is good until the last day of its month.
    end = (day + datetime.timedelta(days=1)).replace(day=1) - datetime.timedelta(days=1)
    return Q(year__lt=end.year) | Q(year=end.year, month__lte=end.month)
