"""The store: what is on the file and what must not be, transactions, threads, processes."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Validation
from django_dinero.sandbox.bank.records import NewCard, Token
from django_dinero.sandbox.bank.store import Store
from django_dinero.sandbox.bank.store import _part_from_parent as part_from_parent
from django_dinero.sandbox.bank.totals import sums
from tests.support.testbank import AMEX, VISA, charged, plain, row_of, stored

CHARGING = """
import sys
from decimal import Decimal
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.records import PlainCard
from django_dinero.redaction import Secret
bank = Bank(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[2])):
    verdict = bank.charge(PlainCard(Secret("4111111111111111")), Decimal(1), duplicate_window=0)
    print(verdict.row.id, flush=True)
"""


OPENING = """
import sys
from django_dinero.sandbox.bank.bank import Bank
print("ready", flush=True)
for path in sys.argv[1:]:
    sys.stdin.readline()
    Bank(path).close()
    print("open", flush=True)
"""


def charging(path: Path, count: int) -> subprocess.Popen[str]:
    """A process with a bank on the file, that charges after a line on its stdin."""
    return subprocess.Popen(
        [sys.executable, "-c", CHARGING, str(path), str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_file_outlives_its_bank(store_path: Path) -> None:
    bank = Bank(store_path)
    customer = bank.create_customer("k", cards=[NewCard(plain(zip="12345"))])
    token = Token(Secret(bank.mint_token(AMEX)))
    entry = charged(bank)
    bank.hold_next()
    bank.close()
    again = Bank(store_path)
    assert again.customer(customer.id) == customer
    assert again.retrieve_transaction(entry.id) == entry
    assert row_of(again.charge(token, Decimal(1))).status == "held"
    assert int(charged(again).id) > int(entry.id)
    again.close()


def test_memory_is_forgotten_and_makes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path in (None, ":memory:"):
        bank = Bank(path)
        charged(bank)
        bank.close()
        assert Bank(path).transactions() == ()
    assert list(tmp_path.iterdir()) == []


def test_no_number_and_no_code_on_the_file(tmp_path: Path) -> None:
    codes = ("7391", "8264", "6935")
    files = [_written_with(tmp_path / code, code) for code in codes]
    # Four digits stand in some random id now and then, but not three times over.
    assert not all(code.encode() in written for code, written in zip(codes, files, strict=True))


def _written_with(folder: Path, code: str) -> bytes:
    """What a bank writes that meets a card with this code."""
    folder.mkdir()
    bank = Bank(folder / "bank.sqlite3")
    cards = [NewCard(plain(VISA, code, zip="12345"))]
    bank.create_customer("k", cards=cards, validation=Validation.LIVE)
    bank.charge(plain(AMEX, code), Decimal(10))
    token = bank.mint_token("5424000000000015", cvv=code)
    written = b"".join(path.read_bytes() for path in folder.iterdir())
    bank.close()
    written += (folder / "bank.sqlite3").read_bytes()
    for secret in (VISA, AMEX, "5424000000000015", token, "sandbox-key"):
        assert secret.encode() not in written
    assert b"12345" in written
    return written


def test_two_banks_on_one_file_see_each_other(store_path: Path) -> None:
    one, two = Bank(store_path), Bank(store_path)
    card = stored(one)
    assert two.card(card.customer_id, card.card_id).last_4 == "1111"
    two.clock.advance(3600)
    assert (one.clock.now() - two.clock.now()).total_seconds() < 60
    ids = [charged(bank).id for bank in (one, two, one)]
    assert ids == sorted(set(ids))
    one.close()
    two.close()


@pytest.mark.slow
def test_processes_share_a_file(store_path: Path) -> None:
    workers = [charging(store_path, 25) for _ in range(3)]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    outputs = [worker.communicate("go\n", timeout=60)[0] for worker in workers]
    ids = "".join(outputs).split()
    assert len(set(ids)) == len(ids) == 75
    assert sums(store_path)["USD"]["charged"] == {"count": 75, "sum": "75.00"}


def test_many_open_a_new_file_at_once(tmp_path: Path) -> None:
    """SQLite lets nobody wait who switches a new file to its write-ahead log."""
    paths = [str(tmp_path / f"{number}.sqlite3") for number in range(40)]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", OPENING, *paths],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for path in paths:
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "open\n", path
    for worker in workers:
        worker.communicate(timeout=60)


@pytest.mark.slow
def test_a_killed_process_loses_nothing_it_answered(store_path: Path) -> None:
    worker = charging(store_path, 100_000)
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdout.readline()
    worker.stdin.write("go\n")
    worker.stdin.flush()
    answered = [worker.stdout.readline().strip() for _ in range(20)]
    worker.send_signal(signal.SIGKILL)
    # Not communicate(): it would leave out what readline() has buffered.
    answered += worker.stdout.read().split()
    worker.stdin.close()
    worker.stdout.close()
    assert worker.wait(60) == -signal.SIGKILL
    count = sums(store_path)["USD"]["charged"]["count"]
    assert count - len(answered) in (0, 1)
    bank = Bank(store_path)
    assert {entry.id for entry in bank.transactions()} >= set(answered)
    bank.close()


def test_threads_share_a_bank(bank: Bank) -> None:
    with ThreadPoolExecutor(8) as pool:
        entries = list(pool.map(lambda _: charged(bank).id, range(80)))
    assert len(set(entries)) == 80
    assert len(bank.transactions()) == 80


def test_a_refund_race_cannot_exceed_the_charge(bank: Bank) -> None:
    entry = charged(bank, "10.00")
    bank.settle_batch()
    with ThreadPoolExecutor(8) as pool:
        refunds = pool.map(
            lambda _: bank.refund(entry.id, Decimal(3), duplicate_window=0), range(8)
        )
        verdicts = list(refunds)
    assert sum(verdict.approved for verdict in verdicts) == 3


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_forked_child_has_a_bank_of_its_own(store_path: Path, in_memory: bool) -> None:
    bank = Bank(None if in_memory else store_path)
    charged(bank)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            charged(bank)
            code = 0 if len(bank.transactions()) == 2 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(bank.transactions()) == (1 if in_memory else 2)
    assert charged(bank).id
    bank.close()


def test_an_error_undoes_the_whole_verb(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object) -> None:
        raise RuntimeError("broken")

    token = Token(Secret(bank.mint_token(VISA)))
    monkeypatch.setattr("django_dinero.sandbox.bank.ledger_rows.insert", broken)
    with pytest.raises(RuntimeError):
        bank.charge(token, Decimal(1))
    monkeypatch.undo()
    assert bank.transactions() == ()
    assert bank.charge(token, Decimal(1)).approved


def test_close_twice(store_path: Path) -> None:
    bank = Bank(store_path)
    bank.close()
    bank.close()
    with pytest.raises(sqlite3.ProgrammingError):
        bank.transactions()


def test_other_files_are_refused(tmp_path: Path) -> None:
    text, database, future = tmp_path / "text", tmp_path / "database", tmp_path / "future"
    text.write_text("no database at all\n" * 100)
    with sqlite3.connect(database) as db:
        db.execute("CREATE TABLE theirs (id)")
    db.close()
    Store(future).close()
    with sqlite3.connect(future) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    for path, message in (
        (text, "not a test bank's file"),
        (database, "another program's"),
        (future, "version 99"),
        (tmp_path / "no" / "folder", "folder that does not exist"),
    ):
        with pytest.raises(ValueError, match=message):
            Store(path)


class Stubborn:
    """A connection that refuses one statement, as a full disk does."""

    def __init__(self, db: sqlite3.Connection, refused: str) -> None:
        self.db = db
        self.refused = refused

    def __getattr__(self, name: str) -> object:
        return getattr(self.db, name)

    def execute(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        if sql == self.refused:
            self.refused = ""
            raise sqlite3.OperationalError("database or disk is full")
        return self.db.execute(sql, values)


def test_a_commit_that_fails_leaves_nothing_open(bank: Bank) -> None:
    bank.store._db = Stubborn(bank.store._db, "COMMIT")  # type: ignore[assignment]
    with pytest.raises(sqlite3.OperationalError, match="disk is full"):
        charged(bank)
    assert bank.transactions() == ()
    assert charged(bank).status == "captured"


def test_a_transaction_that_sqlite_ended_itself_keeps_its_reason(bank: Bank) -> None:
    with pytest.raises(sqlite3.OperationalError, match="disk is full"), bank.store.writing():
        bank.store.execute("ROLLBACK")
        raise sqlite3.OperationalError("database or disk is full")
    assert charged(bank).status == "captured"


@pytest.mark.parametrize("name", ["", "folder"])
def test_what_is_no_file_is_refused_in_words(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match=r"name is empty|must be a file that this process may"):
        Bank(str(tmp_path / name) if name else "")


def test_a_writer_keeps_other_writers_out_from_its_first_look(store_path: Path) -> None:
    """Else two processes would look at the same sum, and both give it back."""
    first, second = Bank(store_path), Bank(store_path)
    second.store._db.execute("PRAGMA busy_timeout = 0")
    with first.store.writing():
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            charged(second)
        # Those who only read are not kept waiting.
        assert second.transactions() == ()
    assert charged(second).status == "captured"
    first.close()
    second.close()


@pytest.mark.parametrize("kind", ["customer", "card", "transaction", "batch"])
def test_another_bank_gives_other_ids_of_the_same_length(kind: str) -> None:
    """A project's rows outlive a bank in memory, and its ids must not come back as other people."""
    ids = set()
    for _ in range(5):
        store = Store()
        with store.writing():
            ids |= {store.next_id(kind), store.next_id(kind)}
    assert len(ids) > 5
    assert len({len(each) for each in ids}) == 1


@pytest.mark.parametrize("on_file", [True, False])
def test_a_closed_bank_has_nothing_to_part_from(tmp_path: Path, *, on_file: bool) -> None:
    closed = Store(tmp_path / "bank.sqlite3" if on_file else None)
    closed.close()
    part_from_parent()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        closed.value("SELECT 1")
