"""The sums of a store file, without the bank."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Context, Decimal, localcontext
from pathlib import Path

import pytest

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Validation
from django_dinero.sandbox.bank.records import Account, NewCard
from django_dinero.sandbox.bank.totals import BUCKETS, NotAStore, main, sums
from django_dinero.sandbox.bank.triggers import ACTION_NUMBER
from tests.support.testbank import authorized, charged, plain, row_of, settled

EMPTY = {"count": 0, "sum": "0.00"}


def test_every_bucket(store_path: Path) -> None:
    bank = Bank(store_path)
    settled(bank, "10.01")
    part = settled(bank, "100.00")
    bank.refund(part.id, Decimal("30.50"))
    undone = row_of(bank.refund(part.id, Decimal("2.00")))
    bank.void(undone.id)
    bank.chargeback(settled(bank, "7.00").id)
    bank.return_item(settled(bank, "8.00").id)
    captured = authorized(bank, "50.00")
    bank.capture(captured.id, Decimal("40.25"))
    expired = authorized(bank, "3.00")
    bank.clock.advance(31 * 86_400)
    bank.capture(expired.id)
    authorized(bank, "9.99")
    charged(bank, "0.10")
    bank.void(charged(bank, "5.00").id)
    bank.charge(plain(zip="46282"), Decimal("6.00"))
    bank.hold_next()
    bank.charge(plain(), Decimal("11.00"))
    bank.charge(plain(ACTION_NUMBER), Decimal("13.00"))
    bank.create_customer(cards=[NewCard(plain())], validation=Validation.LIVE)
    assert sums(store_path) == {
        "USD": {
            "charged": {"count": 4, "sum": "150.36"},
            "refunded": {"count": 1, "sum": "30.50"},
            "authorized": {"count": 1, "sum": "9.99"},
            "held": {"count": 1, "sum": "11.00"},
            "requires_action": {"count": 1, "sum": "13.00"},
            "voided": {"count": 2, "sum": "7.00"},
            "declined": {"count": 1, "sum": "6.00"},
            "expired": {"count": 1, "sum": "3.00"},
            "returned": {"count": 1, "sum": "8.00"},
            "charged_back": {"count": 1, "sum": "7.00"},
        }
    }
    bank.close()


def test_currencies_stand_apart(store_path: Path) -> None:
    bank = Bank(store_path, Account(currency="USD", currencies=("JPY", "KWD")))
    for currency, amount in (("USD", "0.10"), ("USD", "0.20"), ("JPY", "500"), ("KWD", "1.234")):
        bank.charge(plain(), Decimal(amount), currency=currency)
    totals = {currency: each["charged"]["sum"] for currency, each in sums(store_path).items()}
    assert totals == {"JPY": "500", "KWD": "1.234", "USD": "0.30"}
    bank.close()


def test_large_sums_are_exact(store_path: Path) -> None:
    bank = Bank(store_path)
    for _ in range(3):
        bank.charge(plain(), Decimal("999999999999.99"), duplicate_window=0)
    assert sums(store_path)["USD"]["charged"] == {"count": 3, "sum": "2999999999999.97"}
    bank.close()


def test_an_empty_bank(store_path: Path) -> None:
    Bank(store_path).close()
    assert sums(store_path) == {}


def test_the_command_needs_no_django(store_path: Path) -> None:
    bank = Bank(store_path)
    charged(bank, "12.50")
    code = (
        "import runpy, sys; sys.modules['django'] = None; sys.argv[1:] = [sys.argv[1]];"
        "runpy.run_module('django_dinero.sandbox.bank.totals', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(store_path)], capture_output=True, text=True, check=False
    )
    bank.close()
    assert (done.returncode, done.stderr) == (0, "")
    books = json.loads(done.stdout)
    assert books["USD"] == {
        **dict.fromkeys(BUCKETS, EMPTY),
        "charged": {"count": 1, "sum": "12.50"},
    }


def test_what_is_no_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, empty = tmp_path / "text", tmp_path / "empty"
    text.write_text("no database at all\n" * 100)
    empty.write_bytes(b"")
    for path in (text, empty, tmp_path, tmp_path / "none"):
        with pytest.raises(NotAStore, match=path.name):
            sums(path)
        assert main([str(path)]) == 2
        assert path.name in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_the_command_prints(store_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bank = Bank(store_path)
    charged(bank)
    assert main([str(store_path)]) == 0
    assert json.loads(capsys.readouterr().out) == sums(store_path)
    bank.close()


def test_the_books_are_exact_whatever_the_threads_context_is(store_path: Path) -> None:
    bank = Bank(store_path)
    with localcontext(Context(prec=6)):
        paid = charged(bank, "1234567.89")
        charged(bank, "1234567.89")
        batch = bank.settle_batch()
        row_of(bank.refund(paid.id, Decimal("1234567.88")))
        row_of(bank.refund(paid.id, Decimal("0.01")))
        assert not bank.refund(paid.id, Decimal("0.01")).approved
        found = sums(store_path)["USD"]
        (subtotal,) = bank.batch_subtotals(batch.id)
    bank.close()
    assert (found["charged"]["sum"], found["refunded"]["sum"]) == ("2469135.78", "1234567.89")
    assert subtotal.amount == Decimal("2469135.78")
