"""The bank's time."""

from __future__ import annotations

import datetime

import pytest

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.clock import moment, stamp


def test_it_is_real_time_until_it_is_moved(bank: Bank) -> None:
    before = datetime.datetime.now(datetime.UTC)
    assert before <= bank.clock.now() <= datetime.datetime.now(datetime.UTC)


def test_it_moves_on(bank: Bank) -> None:
    hour, day = datetime.timedelta(hours=1), datetime.timedelta(days=1)
    before = bank.clock.now()
    assert bank.clock.advance(3600) >= before + hour
    bank.clock.advance(86_400.5)
    after = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=90_000.5)
    assert before + hour + day <= bank.clock.now() <= after + datetime.timedelta(minutes=5)


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
def test_it_never_goes_back(bank: Bank, seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds"):
        bank.clock.advance(seconds)
    assert abs(bank.clock.now() - datetime.datetime.now(datetime.UTC)).total_seconds() < 60


def test_texts_compare_as_times_do() -> None:
    first = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    second = datetime.datetime(2029, 12, 31, 22, 0, 0, 1, tzinfo=datetime.UTC)
    assert stamp(first) < stamp(second)
    assert moment(stamp(first)) == first
    assert moment(stamp(second)) == second
