"""Failures on request."""

from __future__ import annotations

import pytest

from django_dinero.sandbox.http.exchange import Reply
from django_dinero.sandbox.http.faults import GARBAGE, Dropped, FaultName, Faults, TooLate, root_of

CHARGE = b'<?xml version="1.0"?>\n<createTransactionRequest xmlns="x"><a/>'


class Bank:
    """Counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> Reply:
        self.asked += 1
        return Reply(200, b"0123456789")


@pytest.fixture
def bank() -> Bank:
    return Bank()


@pytest.fixture
def faults() -> Faults:
    return Faults(die=lambda: deaths.append(1))


deaths: list[int] = []


def test_nothing_goes_wrong_by_itself(bank: Bank, faults: Faults) -> None:
    assert faults.answer(CHARGE, bank).body == b"0123456789"


def test_drop_before_never_reaches_the_bank(bank: Bank, faults: Faults) -> None:
    faults.add("drop_before")
    with pytest.raises(Dropped) as caught:
        faults.answer(CHARGE, bank)
    assert (bank.asked, caught.value.reply) == (0, None)


def test_drop_after_is_done(bank: Bank, faults: Faults) -> None:
    faults.add(FaultName.DROP_AFTER)
    with pytest.raises(Dropped) as caught:
        faults.answer(CHARGE, bank)
    assert (bank.asked, caught.value.reply) == (1, None)


def test_truncate_sends_half(bank: Bank, faults: Faults) -> None:
    faults.add("truncate")
    with pytest.raises(Dropped) as caught:
        faults.answer(CHARGE, bank)
    assert (bank.asked, caught.value.sent) == (1, b"01234")
    assert caught.value.reply is not None


def test_garbage_and_status_500(bank: Bank, faults: Faults) -> None:
    faults.add("garbage")
    faults.add("status_500")
    garbage = faults.answer(CHARGE, bank)
    assert (garbage.status, garbage.body) == (200, GARBAGE)
    assert faults.answer(CHARGE, bank).status == 500
    assert bank.asked == 2


def test_repeat_asks_twice(bank: Bank, faults: Faults) -> None:
    faults.add("repeat")
    faults.answer(CHARGE, bank)
    assert bank.asked == 2


def test_die(bank: Bank, faults: Faults) -> None:
    deaths.clear()
    faults.add("die")
    with pytest.raises(Dropped):
        faults.answer(CHARGE, bank)
    assert (bank.asked, deaths) == (1, [1])


def test_delay(bank: Bank, faults: Faults) -> None:
    faults.add("delay", seconds=0.0)
    assert faults.answer(CHARGE, bank, patience=1.0).status == 200
    faults.add("delay", seconds=5.0)
    with pytest.raises(TooLate):
        faults.answer(CHARGE, bank, patience=5.0)
    assert bank.asked == 2


def test_delays_can_be_ended(bank: Bank, faults: Faults) -> None:
    faults.end_delays()
    faults.add("delay", seconds=3000.0)
    assert faults.answer(CHARGE, bank).status == 200


def test_for_one_operation_as_often_as_told(bank: Bank, faults: Faults) -> None:
    faults.add("status_500", "createTransactionRequest", times=2)
    assert faults.answer(b"<authenticateTestRequest/>", bank).status == 200
    assert [fault.times for fault in faults.waiting()] == [2]
    assert faults.answer(CHARGE, bank).status == 500
    assert [fault.times for fault in faults.waiting()] == [1]
    assert faults.answer(CHARGE, bank).status == 500
    assert faults.answer(CHARGE, bank).status == 200


def test_in_the_order_they_were_added(bank: Bank, faults: Faults) -> None:
    faults.add("status_500")
    faults.add("garbage")
    faults.clear()
    faults.add("garbage")
    faults.add("status_500")
    assert [faults.answer(CHARGE, bank).status for _ in range(3)] == [200, 500, 200]


@pytest.mark.parametrize(
    ("name", "times", "seconds", "words"),
    [
        ("explode", 1, 1.0, "name: 'explode' is none of drop_before, "),
        ("delay", 0, 1.0, "times: "),
        ("delay", 1, -1.0, "seconds: "),
        ("delay", 1, float("nan"), "seconds: "),
        ("delay", 1, 3600.0, "seconds: "),
    ],
)
def test_bad_faults(faults: Faults, name: str, times: int, seconds: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        faults.add(name, times=times, seconds=seconds)


@pytest.mark.parametrize(
    ("body", "root"),
    [
        (CHARGE, "createTransactionRequest"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><!-- a --><ns:getCustomer a='b'/>", "getCustomer"),
        (b"", ""),
        (b"{}", ""),
        (b" " * 3000 + b"<late/>", ""),
    ],
)
def test_roots(body: bytes, root: str) -> None:
    assert root_of(body) == root


def test_not_yet_never_reaches_the_bank(bank: Bank, faults: Faults) -> None:
    faults.add("not_yet")
    unknown = Reply(200, b"E00040")
    reply = faults.answer(b"<a/>", lambda: Reply(200, b"here"), not_yet=lambda: unknown)
    assert reply is unknown
    faults.add("not_yet")
    assert faults.answer(b"<a/>", lambda: Reply(200, b"here")).status == 404
