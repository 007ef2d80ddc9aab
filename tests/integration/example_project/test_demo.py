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


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Run the demonstration once; return where it left the books, and what it printed."""
    directory = tmp_path_factory.mktemp("demo")
    done = demo("--keep", str(directory))
    assert done.returncode == 0, done.stdout + done.stderr
    return directory, done.stdout


@pytest.fixture
def kept(ran: tuple[Path, str], tmp_path: Path) -> Path:
    """Return a copy of the books for one test to spoil."""
    return Path(shutil.copytree(ran[0], tmp_path / "copy"))


def change(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as db, db:
        assert db.execute(statement).rowcount == 1


def lines(output: str, name: str) -> list[list[str]]:
    return [line.split() for line in output.splitlines() if line.strip().startswith(name)]


def test_the_main_job_ends_with_books_that_agree(ran: tuple[Path, str]) -> None:
    output = ran[1]
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


def test_no_card_number_is_printed_but_the_one_that_the_call_shows(ran: tuple[Path, str]) -> None:
    output = ran[1].replace('number="4111 1111 1111 1111"', "").replace("5424-0000-0000-0015", "")
    assert "4111111111111111" not in output.replace(" ", "").replace("-", "")
    assert "5424000000000015" not in output.replace(" ", "").replace("-", "")


def test_the_kept_books_are_compared_again(kept: Path) -> None:
    done = demo("--books", str(kept))
    assert (done.returncode, "books agree" in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize(
    ("database", "statement", "shown"),
    [
        pytest.param(
            SHOP,
            "UPDATE dinero_transaction SET price = '12.35' WHERE price = 12.34",
            "USD charged 3 97.35 3 97.34 DIFFERENT",
            id="a cent more here",
        ),
        pytest.param(
            SHOP,
            "DELETE FROM dinero_transaction WHERE kind = 'refund' AND price = 5",
            "USD refunded 2 25.00 3 30.00 DIFFERENT",
            id="a refund is missing here",
        ),
        pytest.param(
            BANK,
            "UPDATE ledger SET status = 'captured' WHERE status = 'voided' AND amount = '7.50'",
            "USD voided 3 64.50 2 57.00 DIFFERENT",
            id="the bank took what was voided here",
        ),
        pytest.param(
            BANK,
            "UPDATE ledger SET currency = 'EUR' WHERE amount = '12.34'",
            "EUR charged 0 0.00 1 12.34 DIFFERENT",
            id="another currency at the bank",
        ),
    ],
)
def test_a_difference_is_shown_and_fails(
    kept: Path, database: str, statement: str, shown: str
) -> None:
    change(kept / database, statement)
    done = demo("--books", str(kept))
    assert done.returncode != 0
    assert shown in [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "The books do not agree." in done.stderr
    assert "books agree" not in done.stdout


def test_a_terminal_without_bullets_in_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with chdir(tmp_path):
        done = demo(encoding="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "visa ???? 1111" in done.stdout


@pytest.mark.parametrize(("asked", "width"), [(40, 72), (80, 80), (500, 108)])
def test_the_columns_fit_the_terminal(asked: int, width: int) -> None:
    written: list[str] = []
    columns = Columns(written.append, width=asked)
    columns.heading("LEFT", "right")
    columns.row("call " * 40, "answer " * 40)
    assert max(map(len, written)) == len(written[2]) == width
    assert {line[written[2].index("+")] for line in written[3:]} == {"|"}


def test_a_file_that_is_no_bank_is_told(kept: Path) -> None:
    (kept / BANK).write_bytes(b"not a database at all")
    done = demo("--books", str(kept))
    assert done.returncode != 0
    assert "cannot be read as a test bank's store" in done.stderr


def test_the_books_of_an_earlier_run_are_not_mixed_with_new_ones(kept: Path) -> None:
    done = demo("--keep", str(kept))
    assert done.returncode != 0
    assert "of an earlier demonstration" in done.stderr
