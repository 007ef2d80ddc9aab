"""``make demo`` tells the truth: it agrees with the bank's file, and says so when it does not."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import chdir, closing
from pathlib import Path

import pytest

from example_project.demo.columns import Columns

pytestmark = [pytest.mark.slow, pytest.mark.long]

ROOT = Path(__file__).resolve().parents[3]
BANK, SHOP = "bank.sqlite3", "shop.sqlite3"


def demo(*arguments: str, encoding: str = "utf-8") -> subprocess.CompletedProcess[str]:
    ours = ("DJANGO_SETTINGS_MODULE", "COLUMNS")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "dinero_demo", *arguments],
        env={**environment, "PYTHONIOENCODING": encoding},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


def change(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as db, db:
        assert db.execute(statement).rowcount == 1


def lines(output: str, name: str) -> list[list[str]]:
    return [line.split() for line in output.splitlines() if line.strip().startswith(name)]


DIFFERENCES = {
    "a cent more here": (
        SHOP,
        "UPDATE dinero_transaction SET price = '12.35' WHERE price = 12.34",
        "USD charged 3 97.35 3 97.34 DIFFERENT",
    ),
    "a refund is missing here": (
        SHOP,
        "DELETE FROM dinero_transaction WHERE kind = 'refund' AND price = 5",
        "USD refunded 2 25.00 3 30.00 DIFFERENT",
    ),
    "the bank took what was voided here": (
        BANK,
        "UPDATE ledger SET status = 'captured' WHERE status = 'voided' AND amount = '7.50'",
        "USD voided 3 64.50 2 57.00 DIFFERENT",
    ),
    "another currency at the bank": (
        BANK,
        "UPDATE ledger SET currency = 'EUR' WHERE amount = '12.34'",
        "EUR charged 0 0.00 1 12.34 DIFFERENT",
    ),
}


def test_the_demo_and_its_books(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """One run of it, on a terminal without bullets, in a folder that cannot be written."""
    books, folder = tmp_path / "books", tmp_path / "folder"
    folder.mkdir(mode=0o555)
    with chdir(folder):
        done = demo("--keep", str(books), encoding="ascii")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert "visa ???? 1111" in done.stdout
    with subtests.test("the main job"):
        shows_the_main_job(done.stdout)
    with subtests.test("card numbers"):
        shows_no_card_number(done.stdout)
    with subtests.test("the kept books are compared again"):
        again = demo("--books", str(books))
        assert (again.returncode, "books agree" in again.stdout) == (0, True), again.stderr
    for number, (name, (database, statement, shown)) in enumerate(DIFFERENCES.items()):
        with subtests.test(name):
            spoilt = Path(shutil.copytree(books, tmp_path / f"copy {number}"))
            change(spoilt / database, statement)
            tells_a_difference(demo("--books", str(spoilt)), shown)
    with subtests.test("books of an earlier run are not mixed with new ones"):
        mixed = demo("--keep", str(books))
        assert mixed.returncode != 0
        assert "of an earlier demonstration" in mixed.stderr
    with subtests.test("a file that is no bank"):
        (books / BANK).write_bytes(b"not a database at all")
        broken = demo("--books", str(books))
        assert broken.returncode != 0
        assert "cannot be read as a test bank's store" in broken.stderr


def shows_the_main_job(output: str) -> None:
    assert output.rstrip().endswith("books agree")
    for refusal in ("DuplicateCardError", "CardDeclinedError", "CVVError", "RefundError"):
        assert refusal in output
    assert "the same row: transaction" in output
    # A worker was killed, reconcile found what it had done, and a webhook told of the void.
    assert "is sent; 1 charge at" in output
    assert "charge 42.00 USD (approved)" in output
    assert "charge 42.00 USD (voided)" in output
    # 25.00 + 12.34 + 60.00 of an authorization of 80.00; the refund of 25.00 in two, and 5.00.
    assert lines(output, "USD charged") == [["USD", "charged", "3", "97.34", "3", "97.34"]]
    assert lines(output, "USD refunded") == [["USD", "refunded", "3", "30.00", "3", "30.00"]]
    assert lines(output, "USD voided") == [["USD", "voided", "3", "64.50", "3", "64.50"]]
    assert lines(output, "USD declined") == [["USD", "declined", "2", "61.00", "2", "61.00"]]


def shows_no_card_number(output: str) -> None:
    """But the one that the printed call has."""
    text = output.replace('number="4111 1111 1111 1111"', "").replace("5424-0000-0000-0015", "")
    bare = text.replace(" ", "").replace("-", "")
    assert "4111111111111111" not in bare
    assert "5424000000000015" not in bare


def tells_a_difference(done: subprocess.CompletedProcess[str], shown: str) -> None:
    assert done.returncode != 0
    assert shown in [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "The books do not agree." in done.stderr
    assert "books agree" not in done.stdout


@pytest.mark.parametrize(("asked", "width"), [(40, 72), (80, 80), (500, 108)])
def test_the_columns_fit_the_terminal(asked: int, width: int) -> None:
    written: list[str] = []
    columns = Columns(written.append, width=asked)
    columns.heading("LEFT", "right")
    columns.row("call " * 40, "answer " * 40)
    assert max(map(len, written)) == len(written[2]) == width
    assert {line[written[2].index("+")] for line in written[3:]} == {"|"}
