"""Whatever is done to it, in whatever order: the bank's books add up, by a second bookkeeping.

The machine below keeps books of its own, plain and slow, and says beforehand what the bank must
answer. A failure prints the steps that led to it, shrunk, and a line that repeats them.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from django_dinero.enums import RemoteStatus
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Outcome, RowKind
from django_dinero.sandbox.bank.records import Account, LedgerRow, Order
from django_dinero.sandbox.bank.totals import sums
from django_dinero.sandbox.bank.triggers import ACTION_NUMBER
from tests.support.testbank import AMEX, VISA, plain, row_of

pytestmark = pytest.mark.slow

WINDOW = 120
DAY = 86_400
#: Zip → how much of a payment is approved; None declines it.
ZIPS = {"12180": Decimal(10**6), "46282": None, "46205": None, "46225": Decimal("1.23")}
#: The declared ones only; a third is refused.
CURRENCIES = ("USD", "USD", "USD", "EUR", "GBP")
#: Most are good ones: what is refused leads nowhere.
AMOUNTS = st.sampled_from([Decimal(text) for text in ("2", "1.23", "5.50", "2", "0", "10.001")])
OPEN = (
    *(RemoteStatus.AUTHORIZED, RemoteStatus.CAPTURED),
    *(RemoteStatus.HELD, RemoteStatus.REQUIRES_ACTION),
)
#: How long each waits, in seconds.
LIVES = {
    RemoteStatus.AUTHORIZED: 30 * DAY,
    RemoteStatus.HELD: 30 * DAY,
    RemoteStatus.REQUIRES_ACTION: DAY,
}


@dataclass
class Row:
    """What the second bookkeeping knows of an entry."""

    kind: RowKind
    amount: Decimal
    currency: str
    status: RemoteStatus
    settled: Decimal | None = None
    parent: str = ""
    at: int = 0
    settled_at: int = 0
    batch: str = ""


@dataclass
class Books:
    """The second bookkeeping. ``now`` is in seconds; all steps of it are far from any limit."""

    rows: dict[str, Row] = field(default_factory=dict)
    seen: dict[object, int] = field(default_factory=dict)
    held: int = 0
    now: int = 0

    def repeated(self, same: object, window: int) -> bool:
        """Say whether the same was asked for within the window."""
        return window > 0 and same in self.seen and self.seen[same] + window > self.now

    def left(self, parent: str) -> Decimal:
        """Return what can still be refunded of a payment."""
        alive = (RemoteStatus.CAPTURED, RemoteStatus.SETTLED)
        refunds = [r for r in self.rows.values() if r.parent == parent and r.status in alive]
        return (self.rows[parent].settled or Decimal(0)) - sum(r.amount for r in refunds)

    def lapse(self, row: Row) -> None:
        """Let end what waited for somebody, and nobody came."""
        if row.status in LIVES and row.at + LIVES[row.status] <= self.now:
            row.status = RemoteStatus.EXPIRED


def fits(amount: Decimal) -> bool:
    """Say whether an amount is one, in cents."""
    return amount > 0 and amount == amount.quantize(Decimal("0.01"))


class LedgerMachine(RuleBasedStateMachine):
    """Does what a merchant, his customers and their banks can do, at random."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "bank.sqlite3"
        account = Account(currencies=("EUR",))
        self.bank = Bank(self.path, account)
        self.books = Books()
        # Something to begin with, in each of the states that most can happen to.
        for settled in (True, False):
            for capture in (True, False):
                amount = Decimal("5.50") if settled else Decimal(2)
                self.pay(VISA, "12180", amount, "USD", "", 0, capture)
            if settled:
                self.settle()

    def teardown(self) -> None:
        if hasattr(self, "bank"):
            self.check_the_sums()
            self.bank.close()
            self.folder.cleanup()

    def pick(self, number: int) -> tuple[str, Row]:
        """Return one of the entries."""
        found = sorted(self.books.rows)[number % len(self.books.rows)]
        note(f"about {found}")
        return found, self.books.rows[found]

    # -- Payments ----------------------------------------------------------------------------

    @rule(
        number=st.sampled_from([VISA, AMEX, ACTION_NUMBER]),
        zip_code=st.sampled_from(["12180"] * 4 + sorted(ZIPS)),
        amount=AMOUNTS,
        currency=st.sampled_from(CURRENCIES),
        invoice=st.sampled_from(["", "A"]),
        window=st.sampled_from([0, WINDOW]),
        capture=st.booleans(),
    )
    def pay(
        self,
        number: str,
        zip_code: str,
        amount: Decimal,
        currency: str,
        invoice: str,
        window: int,
        capture: bool,
    ) -> None:
        verdict = self.bank.charge(
            plain(number, zip=zip_code),
            amount,
            currency=currency,
            order=Order(invoice=invoice),
            duplicate_window=window,
            capture=capture,
        )
        same = (number, zip_code, amount, currency, invoice, window, capture)
        if currency not in ("USD", "EUR") or not fits(amount):
            assert verdict.outcome is Outcome.FAILED
            return
        if self.books.repeated(same, window):
            assert verdict.reason == "duplicate"
            assert row_of(verdict).id in self.books.rows
            return
        self.books.seen[same] = self.books.now
        entry = row_of(verdict)
        assert entry.id not in self.books.rows
        self.books.rows[entry.id] = row = self.new_row(
            amount, currency, zip_code, capture, acts=number == ACTION_NUMBER
        )
        outcomes = {
            RemoteStatus.DECLINED: Outcome.DECLINED,
            RemoteStatus.HELD: Outcome.HELD,
            RemoteStatus.REQUIRES_ACTION: Outcome.REQUIRES_ACTION,
        }
        whole = Outcome.APPROVED if row.amount == amount else Outcome.PARTIAL
        assert verdict.outcome is outcomes.get(row.status, whole)

    def new_row(
        self, amount: Decimal, currency: str, zip_code: str, capture: bool, *, acts: bool
    ) -> Row:
        kind = RowKind.CHARGE if capture else RowKind.AUTHORIZATION
        most = ZIPS[zip_code]
        row = Row(kind, amount, currency, RemoteStatus.DECLINED, at=self.books.now)
        if most is None:
            return row
        if acts:
            row.status = RemoteStatus.REQUIRES_ACTION
            return row
        row.amount = min(amount, most)
        if self.books.held:
            self.books.held -= 1
            row.status = RemoteStatus.HELD
        else:
            row.status = RemoteStatus.CAPTURED if capture else RemoteStatus.AUTHORIZED
            row.settled = row.amount if capture else None
        return row

    @rule(count=st.integers(1, 2))
    def hold_next(self, count: int) -> None:
        self.bank.hold_next(count)
        self.books.held += count

    # -- What follows ------------------------------------------------------------------------

    @rule(number=st.integers(0, 999), amount=st.none() | AMOUNTS)
    def capture(self, number: int, amount: Decimal | None) -> None:
        key, row = self.pick(number)
        self.books.lapse(row)
        wanted = row.amount if amount is None else amount
        right = row.status is RemoteStatus.AUTHORIZED and fits(wanted) and wanted <= row.amount
        assert self.bank.capture(key, amount).approved is right
        if right:
            row.status, row.settled = RemoteStatus.CAPTURED, wanted

    @rule(number=st.integers(0, 999))
    def void(self, number: int) -> None:
        key, row = self.pick(number)
        self.books.lapse(row)
        right = row.status in OPEN
        assert self.bank.void(key).approved is right
        if right:
            row.status, row.settled = RemoteStatus.VOIDED, None

    @rule(
        number=st.integers(0, 999),
        amount=st.none() | AMOUNTS,
        window=st.sampled_from([0, WINDOW]),
    )
    def refund(self, number: int, amount: Decimal | None, window: int) -> None:
        key, row = self.pick(number)
        left = self.books.left(key)
        wanted = left if amount is None else amount
        same = ("refund", key, wanted, window)
        verdict = self.bank.refund(key, amount, duplicate_window=window)
        young = row.settled_at + 180 * DAY > self.books.now
        right = row.kind is not RowKind.REFUND and row.status is RemoteStatus.SETTLED and young
        if not (right and fits(wanted)):
            assert not verdict.approved
        elif self.books.repeated(same, window):
            assert verdict.reason == "duplicate"
        elif wanted > left:
            assert verdict.reason == "refund_exceeds"
        else:
            self.books.seen[same] = self.books.now
            self.books.rows[row_of(verdict).id] = Row(
                RowKind.REFUND,
                wanted,
                row.currency,
                RemoteStatus.CAPTURED,
                wanted,
                key,
                self.books.now,
            )
            assert verdict.approved

    @rule(number=st.integers(0, 999), approve=st.booleans())
    def review(self, number: int, approve: bool) -> None:
        key, row = self.pick(number)
        self.books.lapse(row)
        right = row.status is RemoteStatus.HELD
        assert self.bank.decide_review(key, approve=approve).approved is right
        if right and not approve:
            row.status = RemoteStatus.DECLINED
        elif right and row.kind is RowKind.CHARGE:
            row.status, row.settled = RemoteStatus.CAPTURED, row.amount
        elif right:
            row.status = RemoteStatus.AUTHORIZED

    @rule(number=st.integers(0, 999), finish=st.booleans())
    def action(self, number: int, finish: bool) -> None:
        key, row = self.pick(number)
        self.books.lapse(row)
        verb = self.bank.finish_action if finish else self.bank.refuse_action
        if row.status is not RemoteStatus.REQUIRES_ACTION:
            with pytest.raises(Exception, match="no_action"):
                verb(key)
            return
        entry = verb(key)
        assert bool(entry.auth_code) is finish
        if not finish:
            row.status = RemoteStatus.DECLINED
        elif row.kind is RowKind.CHARGE:
            row.status, row.settled = RemoteStatus.CAPTURED, row.amount
        else:
            row.status = RemoteStatus.AUTHORIZED

    # -- Time, and the other banks -----------------------------------------------------------

    @rule(seconds=st.sampled_from([30, 90, 200, DAY, 31 * DAY, 181 * DAY]))
    def wait(self, seconds: int) -> None:
        self.bank.clock.advance(seconds)
        self.books.now += seconds

    @rule()
    def settle(self) -> None:
        batch = self.bank.settle_batch()
        settled = 0
        for row in self.books.rows.values():
            self.books.lapse(row)
            if row.status is RemoteStatus.CAPTURED:
                row.status, row.settled_at, row.batch = (
                    RemoteStatus.SETTLED,
                    self.books.now,
                    batch.id,
                )
                settled += 1
            elif row.status in (RemoteStatus.VOIDED, RemoteStatus.DECLINED) and not row.batch:
                row.batch = batch.id
        assert batch.count == settled

    @rule(number=st.integers(0, 999), status=st.sampled_from(["charged_back", "returned"]))
    def reverse(self, number: int, status: str) -> None:
        key, row = self.pick(number)
        verb = self.bank.chargeback if status == "charged_back" else self.bank.return_item
        if row.status is RemoteStatus.SETTLED and row.kind is not RowKind.REFUND:
            assert verb(key).status == status
            row.status = RemoteStatus(status)
        else:
            with pytest.raises(Exception, match="not_settled"):
                verb(key)

    # -- What always holds -------------------------------------------------------------------

    @invariant()
    def every_entry_is_as_the_second_books_have_it(self) -> None:
        entries = self.bank.transactions()
        assert {each.id for each in entries} == set(self.books.rows)
        for entry in entries:
            row = self.books.rows[entry.id]
            # The bank lets an old one lapse when it is next looked at for a change.
            if entry.status is not RemoteStatus.EXPIRED:
                assert (entry.status, entry.settled_amount) == (row.status, row.settled), entry
            assert (entry.amount, entry.batch_id) == (row.amount, row.batch), entry
            assert (entry.currency, entry.parent_id) == (row.currency, row.parent)

    @invariant()
    def no_more_is_taken_or_given_back_than_may_be(self) -> None:
        entries = {each.id: each for each in self.bank.transactions()}
        given_back: dict[str, Decimal] = {}
        for entry in entries.values():
            taken = entry.settled_amount or Decimal(0)
            assert taken <= entry.amount <= (entry.requested_amount or entry.amount)
            if entry.status in (
                *OPEN[2:],
                RemoteStatus.VOIDED,
                RemoteStatus.DECLINED,
                RemoteStatus.EXPIRED,
            ):
                assert entry.settled_amount is None
            if entry.parent_id and entry.settled_amount:
                given_back[entry.parent_id] = given_back.get(entry.parent_id, Decimal(0)) + taken
        for parent, amount in given_back.items():
            assert amount <= (entries[parent].settled_amount or Decimal(0))

    @invariant()
    def every_batch_holds_what_it_says(self) -> None:
        for batch in self.bank.batches():
            inside = self.bank.transactions(batch_id=batch.id)
            assert sum(each.settled_at == batch.settled_at for each in inside) == batch.count
            assert all(each.status not in OPEN for each in inside)

    def check_the_sums(self) -> None:
        """The sums by plain SQL are those of the entries, one by one."""
        wanted: dict[tuple[str, str], list[Decimal]] = {}
        for entry in self.bank.transactions():
            name, amount = bucket(entry)
            wanted.setdefault((entry.currency, name), []).append(amount)
        found = {
            (currency, name): (total["count"], Decimal(total["sum"]))
            for currency, totals in sums(self.path).items()
            for name, total in totals.items()
            if total["count"]
        }
        assert found == {key: (len(each), sum(each)) for key, each in wanted.items()}


def bucket(entry: LedgerRow) -> tuple[str, Decimal]:
    """Return where an entry counts in the sums, and with how much."""
    if entry.status in (RemoteStatus.CAPTURED, RemoteStatus.SETTLED):
        name = "refunded" if entry.kind is RowKind.REFUND else "charged"
        return name, entry.settled_amount or Decimal(0)
    came_back = entry.status in (RemoteStatus.RETURNED, RemoteStatus.CHARGED_BACK)
    return entry.status.value, (entry.settled_amount if came_back else entry.amount) or Decimal(0)


LedgerMachine.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
TestLedger = LedgerMachine.TestCase
