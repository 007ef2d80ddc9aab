"""Failures on request."""

from __future__ import annotations

import pytest

from django_dinero.sandbox.http.exchange import Request, Response, Route
from django_dinero.sandbox.http.faults import GARBAGE, Dropped, FaultName, Faults, TooLate

CHARGE = Request("POST", "/charges")


class Bank:
    """A dialect that counts how often it was asked; an operation is its path."""

    route = Route("/charges", ("POST",), "post to /charges")

    def __init__(self) -> None:
        self.asked = 0

    def operation_of(self, request: Request) -> str:
        return request.path

    def answer(self, request: Request) -> Response:
        self.asked += 1
        return Response(200, b"0123456789")

    def not_found(self, request: Request) -> Response:
        return Response(404, b"unknown")


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
    assert (bank.asked, caught.value.response) == (0, None)


def test_drop_after_is_done(bank: Bank, faults: Faults) -> None:
    faults.add(FaultName.DROP_AFTER)
    with pytest.raises(Dropped) as caught:
        faults.answer(CHARGE, bank)
    assert (bank.asked, caught.value.response) == (1, None)


def test_truncate_sends_half(bank: Bank, faults: Faults) -> None:
    faults.add("truncate")
    with pytest.raises(Dropped) as caught:
        faults.answer(CHARGE, bank)
    assert (bank.asked, caught.value.sent) == (1, b"01234")
    assert caught.value.response is not None


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
    faults.add("status_500", "/charges", times=2)
    assert faults.answer(Request("GET", "/account"), bank).status == 200
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


def test_not_yet_never_reaches_the_bank(bank: Bank, faults: Faults) -> None:
    faults.add("not_yet")
    assert faults.answer(CHARGE, bank) == Response(404, b"unknown")
    assert bank.asked == 0
