"""How things stand at a gateway: what is open, for how long, and what needs somebody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import router
from django.db.models import Count, F, Min, Model, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_dinero.db import clock
from django_dinero.db.queries import primary
from django_dinero.exceptions import DineroError, UnsupportedFeature
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.calls import ask, log_broken_call
from django_dinero.gateways.registry import gateways
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.due import DEAD_WITHIN
from django_dinero.models.mode import Account
from django_dinero.models.operation import BEING_SENT, Operation, OperationState
from django_dinero.models.reconciliation import Reconciliation, ReconciliationState
from django_dinero.models.sync_state import SyncState
from django_dinero.models.webhook_event import WAITING_STATES, EventState, WebhookEvent
from django_dinero.redaction import scrub
from django_dinero.services.modes import account_of
from django_dinero.services.reconcile import differences
from django_dinero.services.vault import waiting

State = OperationState
#: States of operations that wait for a look-up, a person or a review.
WAITING = (State.UNKNOWN, State.NEEDS_ATTENTION, State.HELD, State.REQUIRES_ACTION)
#: How long an outcome may be unknown, and reconcile not have run, before somebody should look.
PATIENCE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many there are, and for how many seconds the oldest has been there."""

    count: int = 0
    oldest_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """How things stand at one gateway.

    Attributes:
        unreachable: why the gateway cannot be used now; empty if it can, or was not asked.
        under_way: operations that are being sent now.
        dead: operations whose worker has died, and that nobody has looked up yet.
        unknown: operations whose answer was lost.
        needs_attention: operations that only a person can finish.
        held: payments that wait for a review.
        requires_action: payments that wait for the card's holder.
        differences: open differences.
        failed_pushes: customers and cards whose last push was refused or got no answer.
        waiting_pushes, waiting_deletes: what is still to be sent.
        waiting_events, given_up_events: webhooks that are still to be applied, and those that were
            tried too often.
        reconciled_at: when the newest finished run began; None if there was none.
        reconciled_seconds: how long ago that was.
        last_run: the state of the newest run, empty if there was none.
    """

    gateway_name: str
    live: bool
    unreachable: str
    under_way: Tally
    dead: Tally
    unknown: Tally
    needs_attention: Tally
    held: Tally
    requires_action: Tally
    differences: Tally
    failed_pushes: int
    waiting_pushes: int
    waiting_deletes: int
    waiting_events: Tally
    given_up_events: int
    reconciled_at: datetime | None
    reconciled_seconds: int | None
    last_run: str

    @property
    def is_unclear(self) -> bool:
        """Whether any outcome is unknown, though perhaps not for long enough to be a problem."""
        return bool(self.unknown.count or self.dead.count)

    def problems(self, patience: timedelta = PATIENCE) -> list[str]:
        """Return what needs somebody, a sentence each.

        Args:
            patience: how long an outcome may be unknown, and reconcile not have run.
        """
        return list(self._problems(round(patience.total_seconds())))

    def _problems(self, patience: int) -> Iterator[str]:
        if self.unreachable:
            yield _("It cannot be used: %(why)s") % {"why": self.unreachable}
        if self.needs_attention.count:
            count = self.needs_attention.count
            yield ngettext(
                "%(count)d operation needs attention.",
                "%(count)d operations need attention.",
                count,
            ) % {"count": count}
        if self.differences.count:
            count = self.differences.count
            yield ngettext(
                "%(count)d difference is open.", "%(count)d differences are open.", count
            ) % {"count": count}
        if max(self.unknown.oldest_seconds, self.dead.oldest_seconds) > patience:
            minutes = max(self.unknown.oldest_seconds, self.dead.oldest_seconds) // 60
            yield ngettext(
                "The outcome of an operation has been unknown for %(minutes)d minute.",
                "The outcome of an operation has been unknown for %(minutes)d minutes.",
                minutes,
            ) % {"minutes": minutes}
        if self.given_up_events:
            yield ngettext(
                "%(count)d webhook was given up.",
                "%(count)d webhooks were given up.",
                self.given_up_events,
            ) % {"count": self.given_up_events}
        if self.failed_pushes:
            yield ngettext(
                "%(count)d customer or card could not be pushed.",
                "%(count)d customers and cards could not be pushed.",
                self.failed_pushes,
            ) % {"count": self.failed_pushes}
        if self.last_run == ReconciliationState.BROKEN:
            yield _("The last run of dinero_reconcile broke off.")
        if self.reconciled_seconds is None:
            yield _("dinero_reconcile has never run to its end.")
        elif self.reconciled_seconds > patience:
            minutes = self.reconciled_seconds // 60
            yield ngettext(
                "dinero_reconcile has not run to its end for %(minutes)d minute.",
                "dinero_reconcile has not run to its end for %(minutes)d minutes.",
                minutes,
            ) % {"minutes": minutes}


def status_of(gateway: Gateway, *, ask_gateway: bool = True) -> Status:
    """Return how things stand at a gateway, in some seventeen queries that have an index each.

    Args:
        ask_gateway: whether it is asked if it accepts our credentials.
    """
    account = account_of(gateway)
    now = clock.now(router.db_for_write(Operation))
    operations = _rows(Operation).filter(**account.columns)
    runs = _rows(Reconciliation).filter(**account.columns)
    events = _rows(WebhookEvent).filter(**account.columns)
    sent = operations.filter(state__in=BEING_SENT, created_at__gt=now - DEAD_WITHIN)
    under_way, dead = _being_sent(sent, now)
    still = waiting.still_waiting(gateway)
    newest = runs.order_by("pk").last()
    finished = runs.filter(state=ReconciliationState.FINISHED).order_by("pk").last()
    age = None if finished is None else round((now - finished.started_at).total_seconds())
    rare = _rare(operations, now)
    return Status(
        gateway_name=gateway.name,
        live=gateway.live,
        unreachable=_unreachable(gateway) if ask_gateway else "",
        under_way=under_way,
        dead=dead,
        unknown=rare.get(State.UNKNOWN, Tally()),
        needs_attention=rare.get(State.NEEDS_ATTENTION, Tally()),
        held=rare.get(State.HELD, Tally()),
        requires_action=rare.get(State.REQUIRES_ACTION, Tally()),
        differences=_tally(differences.open_ones(gateway), "first_seen_at", now),
        failed_pushes=sum(_failed(model, account) for model in (Customer, CreditCard)),
        waiting_pushes=still["customers"] + still["cards"],
        waiting_deletes=still["deletes"],
        waiting_events=_tally(events.filter(waiting_state__in=WAITING_STATES), "received_at", now),
        given_up_events=events.filter(state=EventState.GIVEN_UP).count(),
        reconciled_at=None if finished is None else finished.started_at,
        reconciled_seconds=age,
        last_run="" if newest is None else newest.state,
    )


def count_stray_operations() -> dict[str, dict[str, int]]:
    """Return how many operations wait in which state, by a gateway's name that is not configured.

    Nobody looks them up: a run goes through the gateways of the settings. One whose worker has died
    counts as of unknown outcome.
    """
    now = clock.now(router.db_for_write(Operation))
    others = _rows(Operation).exclude(gateway_name__in=list(gateways)).order_by()
    dead = others.filter(
        state__in=BEING_SENT, lease_until__lt=now, created_at__gt=now - DEAD_WITHIN
    )
    waiting_now = others.filter(rare_state__in=WAITING).values_list("gateway_name", "rare_state")
    found: dict[str, Counter[str]] = {}
    for name, state, count in waiting_now.annotate(count=Count("pk")):
        found.setdefault(name, Counter())[state] += count
    for name, count in dead.values_list("gateway_name").annotate(count=Count("pk")):
        found.setdefault(name, Counter())[State.UNKNOWN.value] += count
    # Those that only the resolver knows are configured.
    return {name: dict(found[name]) for name in sorted(found) if name not in gateways}


def stray_operation_problems(counts: Mapping[str, int]) -> list[str]:
    """Return what somebody has to know of a gateway that is not configured, a sentence each.

    Args:
        counts: as :func:`count_stray_operations` has them for it.
    """
    unknown, closable = counts.get(State.UNKNOWN, 0), counts.get(State.NEEDS_ATTENTION, 0)
    undecided = counts.get(State.HELD, 0) + counts.get(State.REQUIRES_ACTION, 0)
    texts = [
        (
            unknown,
            ngettext(
                "%(count)d operation of unknown outcome, and the gateway is no longer configured: "
                "configure it again under the same name.",
                "%(count)d operations of unknown outcome, and the gateway is no longer configured: "
                "configure it again under the same name.",
                unknown,
            ),
        ),
        (
            closable,
            ngettext(
                "%(count)d operation needs attention, and the gateway is no longer configured.",
                "%(count)d operations need attention, and the gateway is no longer configured.",
                closable,
            ),
        ),
        (
            undecided,
            ngettext(
                "%(count)d payment is not decided, and the gateway is no longer configured.",
                "%(count)d payments are not decided, and the gateway is no longer configured.",
                undecided,
            ),
        ),
    ]
    return [text % {"count": count} for count, text in texts if count]


def _rows(model: type[Any]) -> QuerySet[Any]:
    return primary(model)


def _rare(operations: QuerySet[Operation], now: datetime) -> dict[str, Tally]:
    """Return how many are in each state that waits for something, and for how long."""
    found = operations.filter(rare_state__in=WAITING).order_by().values("rare_state")
    lines = found.annotate(count=Count("pk"), oldest=Min("created_at"))
    return {each["rare_state"]: _aged(each["count"], each["oldest"], now) for each in lines}


def _being_sent(rows: QuerySet[Operation], now: datetime) -> tuple[Tally, Tally]:
    """Return those that a worker is at, and those whose worker has died; in one query."""
    is_dead = Q(lease_until__lt=now)
    found = rows.aggregate(
        live=Count("pk", filter=~is_dead),
        oldest=Min("created_at", filter=~is_dead),
        dead=Count("pk", filter=is_dead),
        oldest_dead=Min("created_at", filter=is_dead),
    )
    return (
        _aged(found["live"], found["oldest"], now),
        _aged(found["dead"], found["oldest_dead"], now),
    )


def _tally(rows: QuerySet[Any], since: str, now: datetime) -> Tally:
    found = rows.aggregate(count=Count("pk"), oldest=Min(F(since)))
    return _aged(found["count"], found["oldest"], now)


def _aged(count: int, oldest: datetime | None, now: datetime) -> Tally:
    if oldest is None:
        return Tally()
    return Tally(count, max(round((now - oldest).total_seconds()), 0))


def _failed(model: type[Model], account: Account) -> int:
    return int(_rows(model).filter(**account.columns, sync_state=SyncState.ERROR).count())


def _unreachable(gateway: Gateway) -> str:
    try:
        found = ask(gateway, gateway.check_credentials)
    except UnsupportedFeature:
        return ""
    except DineroError as error:
        return scrub(str(error))
    except Exception as error:  # a broken backend says nothing of the others
        return log_broken_call(gateway.name, error, {"dinero_gateway": gateway.name})
    return "" if found.accepted else scrub(found.text) or _("it refuses our credentials.")
