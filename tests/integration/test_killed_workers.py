"""Workers killed or stopped between two lines of a money verb; then the books of both sides."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import pytest
from django.db import connections

from django_dinero.exceptions import HeldForReview
from django_dinero.gateways.registry import get_gateway
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.models.operation import OPEN_STATES
from django_dinero.services import journal, ledger, pull
from django_dinero.services.journal import sending
from django_dinero.services.ledger import endings
from django_dinero.services.pull import reviews as pull_reviews
from django_dinero.services.recovery import lookup
from tests.support.recording import RecordingGateway
from tests.unit.services.conftest import CARD

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

KEY = "order-1001"
PAST = "2020-01-01T00:00:00Z"
Plant = Callable[[str], None]


@pytest.fixture
def shop(settings: Any, tmp_path: Path) -> RecordingGateway:
    """A gateway whose bank outlives a process."""
    options = {"store": str(tmp_path / "bank.sqlite3"), "lease_seconds": 60}
    entry = {"BACKEND": "tests.support.recording.RecordingGateway", "OPTIONS": options}
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry}}
    gateway = get_gateway()
    assert isinstance(gateway, RecordingGateway)
    return gateway


# -- Dying -----------------------------------------------------------------------------------------


def die(*args: Any, **kwargs: Any) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a dead process goes on")


def before(owner: Any, name: str) -> Plant:
    """Die where this would be called."""
    return lambda verb: setattr(owner, name.format(verb=verb), die)


def after(owner: Any, name: str) -> Plant:
    """Die where this has just been done."""

    def plant(verb: str) -> None:
        original = getattr(owner, name.format(verb=verb))

        def last(*args: Any, **kwargs: Any) -> NoReturn:
            original(*args, **kwargs)
            die()

        setattr(owner, name.format(verb=verb), last)

    return plant


def carefully(plant: Plant) -> Plant:
    """Plant on the path that is taken where the database objects to the quick one."""

    def both(verb: str) -> None:
        setattr(journal, "try_to_end_operation", lambda *args, **kwargs: None)  # noqa: B010
        plant(verb)

    return both


#: Where a worker dies, what its operation is then, and what a look-up makes of it. The names of the
#: private functions are places between two lines, nothing else.
POINTS: dict[str, tuple[Plant, str, str]] = {
    "before its intent": (before(Operation, "save"), "", ""),
    # One INSERT is a transaction of its own. A charge is written as sent, the others as new.
    "after the intent of a charge": (after(Operation, "save"), "sent", "absent"),
    "after its intent": (after(Operation, "save"), "new", "failed"),
    "before its claim": (before(sending, "_claim"), "new", "failed"),
    "before it may send": (before(sending, "check_may_send"), "sent", "absent"),
    "before the socket": (before(RecordingGateway, "{verb}"), "sent", "absent"),
    "before the reply": (after(RecordingGateway, "{verb}"), "sent", "succeeded"),
    "before the outcome": (before(journal, "try_to_end_operation"), "sent", "succeeded"),
    "before the row": (before(endings, "insert_row"), "sent", "succeeded"),
    "before the row is committed": (after(endings, "insert_row"), "sent", "succeeded"),
    "before anybody hears": (before(endings, "_announce_if_new"), "succeeded", "succeeded"),
    "careful, before the outcome": (
        carefully(before(journal, "end_operation")),
        "sent",
        "succeeded",
    ),
    "careful, before the row": (
        carefully(before(endings, "write_row")),
        "sent",
        "succeeded",
    ),
    "careful, before the row is committed": (
        carefully(after(endings, "write_row")),
        "sent",
        "succeeded",
    ),
}
#: Whoever writes a charge sends it: there is no claim to die before.
NOT_THERE = {
    ("charge", "before its claim"),
    ("charge", "after its intent"),
    *((verb, "after the intent of a charge") for verb in ("capture", "void", "refund")),
}
CASES = [
    (verb, point)
    for verb in ("charge", "capture", "void", "refund")
    for point in POINTS
    if (verb, point) not in NOT_THERE
]


def dies(act: Callable[[], object], plant: Callable[[], None]) -> None:
    """Do something in a process of its own that is killed on the way."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            plant()
            act()
        finally:
            os._exit(1)
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def resolved() -> list[str]:
    """Let leases and quarantines pass, look up what is open; return the states."""
    Operation.objects.filter(state__in=OPEN_STATES).update(lease_until=PAST)
    Operation.objects.filter(state__in=OPEN_STATES, quarantine_until__isnull=False).update(
        quarantine_until=PAST
    )
    open_ones = Operation.objects.filter(idempotency_key=KEY)
    return [lookup.look_up(operation).state for operation in open_ones]


def prepare(shop: RecordingGateway, verb: str) -> Callable[[], Transaction]:
    """Return the call of a verb, each time from the newest rows, under one key."""
    customer = Customer.create("bill@example.com", **CARD)
    if verb == "charge":
        return lambda: Transaction.create("50.00", customer=customer, idempotency_key=KEY)
    if verb == "decide_review":
        shop.bank.hold_next()
        with pytest.raises(HeldForReview):
            Transaction.create("50.00", customer=customer)
        return lambda: original().approve(idempotency_key=KEY)
    Transaction.create("50.00", customer=customer, settle=verb != "capture")
    if verb == "refund":
        shop.bank.settle_batch()
    amount = () if verb == "void" else ("20.00",)
    return lambda: getattr(original(), verb)(*amount, idempotency_key=KEY)


def original() -> Transaction:
    return Transaction.objects.get(parent=None)


def moved(shop: RecordingGateway, verb: str) -> list[Decimal]:
    """What the bank has of a verb."""
    entries = shop.bank.transactions()
    if verb == "charge":
        return [entry.amount for entry in entries]
    if verb == "refund":
        return [entry.amount for entry in entries if entry.kind == "refund"]
    if verb == "capture":
        return [entry.settled_amount for entry in entries if entry.settled_amount]
    return [entry.amount for entry in entries if entry.status == "voided"]


def booked(verb: str) -> list[Decimal]:
    """What the books have of it."""
    return list(Transaction.objects.filter(kind=verb).values_list("price", flat=True))


@pytest.mark.parametrize(("verb", "point"), CASES)
def test_a_killed_worker_loses_and_doubles_nothing(
    shop: RecordingGateway, verb: str, point: str
) -> None:
    act = prepare(shop, verb)
    plant, left, found = POINTS[point]
    dies(act, lambda: plant(verb))
    states = list(Operation.objects.filter(idempotency_key=KEY).values_list("state", flat=True))
    assert states == ([left] if left else [])
    assert resolved() == ([found] if found else [])
    assert booked(verb) == moved(shop, verb)
    row = act()
    assert row.status == "approved"
    assert act() == row
    assert (
        booked(verb) == moved(shop, verb) == [Decimal(20 if verb in ("capture", "refund") else 50)]
    )
    assert not Operation.objects.filter(state__in=OPEN_STATES).exists()


@pytest.mark.parametrize(
    ("plant", "left", "found"),
    [
        (before(RecordingGateway, "decide_review"), "sent", "absent"),
        (after(RecordingGateway, "decide_review"), "sent", "succeeded"),
        (before(pull, "end_decision_from_remote"), "sent", "succeeded"),
        (before(ledger.Decision, "write_operation"), "sent", "succeeded"),
        (before(ledger.Decision, "write_row"), "sent", "succeeded"),
        (after(ledger.Decision, "write_row"), "sent", "succeeded"),
        (before(ledger, "announce_decision"), "succeeded", "succeeded"),
        (before(pull_reviews, "write_remote_state"), "succeeded", "succeeded"),
    ],
)
def test_a_killed_decision_is_made_once(
    shop: RecordingGateway, plant: Plant, left: str, found: str
) -> None:
    act = prepare(shop, "decide_review")
    dies(act, lambda: plant("decide_review"))
    assert Operation.objects.get(idempotency_key=KEY).state == left
    assert resolved() == [found]
    assert act().status == "approved"
    (entry,) = shop.bank.transactions()
    assert entry.status == "captured"
    assert not Operation.objects.exclude(state__in=("succeeded", "absent")).exists()


def approve_here(shop: RecordingGateway) -> Callable[[], object]:
    return lambda: original().approve()


def retrieve(shop: RecordingGateway) -> Callable[[], object]:
    shop.bank.decide_review(original().transaction_id or "", approve=True)
    return lambda: Transaction.retrieve(original().transaction_id or "")


@pytest.mark.parametrize("learn", [approve_here, retrieve])
def test_a_payment_that_was_approved_and_then_voided_is_told_as_approved(
    shop: RecordingGateway, learn: Callable[[RecordingGateway], Callable[[], object]]
) -> None:
    """The worker that wrote how a review ended dies before it goes on."""
    shop.bank.hold_next()
    customer = Customer.create("bill@example.com", **CARD)

    def charge() -> Transaction:
        return Transaction.create("50.00", customer=customer, idempotency_key=KEY)

    with pytest.raises(HeldForReview):
        charge()
    dies(learn(shop), lambda: before(ledger, "align_undecided")(""))
    original().void()
    assert Operation.objects.get(idempotency_key=KEY).state == "succeeded"
    assert charge().status == "voided"


def stops_after(owner: Any, name: str) -> None:
    """Stop this process where this has just been done, as a paused machine does."""
    original = getattr(owner, name)

    def last(*args: Any, **kwargs: Any) -> Any:
        done = original(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGSTOP)
        return done

    setattr(owner, name, last)


@pytest.mark.parametrize(
    ("verb", "owner", "name"),
    [("void", sending, "_claim"), ("charge", sending, "_insert")],
    ids=["after its claim", "after it was written as sent"],
)
def test_a_worker_that_is_stopped_and_wakes_too_late_sends_nothing(
    shop: RecordingGateway, verb: str, owner: Any, name: str
) -> None:
    act = prepare(shop, verb)
    shop.lease_seconds = 0.3
    before_it = moved(shop, verb)
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            stops_after(owner, name)
            act()
        finally:
            os._exit(1)
    _pid, status = os.waitpid(child, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    time.sleep(0.3)
    os.kill(child, signal.SIGCONT)
    os.waitpid(child, 0)
    assert Operation.objects.get(idempotency_key=KEY).state == "failed"
    assert moved(shop, verb) == before_it
    shop.lease_seconds = 60
    assert act().status == "approved"
    assert len(moved(shop, verb)) == len(before_it) + 1


@pytest.mark.parametrize("clock", [-3600, 3600])
def test_no_lease_hangs_on_the_workers_own_clock(
    shop: RecordingGateway, monkeypatch: pytest.MonkeyPatch, clock: int
) -> None:
    act = prepare(shop, "charge")
    dies(act, lambda: before(RecordingGateway, "charge")("charge"))
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + clock)
    operation = Operation.objects.get(idempotency_key=KEY)
    assert lookup.look_up(operation).state == "sent"
    Operation.objects.update(lease_until=PAST)
    assert lookup.look_up(operation).state == "unknown"
    Operation.objects.update(quarantine_until=PAST)
    assert lookup.look_up(operation).state == "absent"
