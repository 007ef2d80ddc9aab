from __future__ import annotations

import time
from typing import Any

import pytest

from django_dinero.exceptions import GatewayError, OutcomeUnknown, UnsupportedFeature
from django_dinero.services.sync.reading import Pace, customers
from tests.support.recording import RecordingGateway


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only sleeping moves."""
    now, naps = [100.0], list[float]()

    def sleep(seconds: float) -> None:
        naps.append(round(seconds, 6))
        now[0] += seconds

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", sleep)
    return naps


def test_no_more_requests_in_a_second_than_told(slept: list[float]) -> None:
    pace = Pace(4)
    for _request in range(4):
        pace.wait()
    assert slept == [0.25] * 3


def test_without_a_rate_nobody_waits(slept: list[float]) -> None:
    pace = Pace()
    for _request in range(4):
        pace.wait()
    assert slept == []


@pytest.mark.parametrize("error", [OutcomeUnknown("no reply"), ZeroDivisionError("4111")])
def test_a_walk_that_breaks_is_an_error_of_the_gateway(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def walk() -> Any:
        raise error
        yield

    monkeypatch.setattr(gateway, "iter_customers", walk)
    with pytest.raises(GatewayError, match="did not answer"):
        list(customers(gateway, Pace()))


def test_a_gateway_that_has_no_list_says_so(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(gateway), "unsupported", {"iter_customers": "no list"})
    with pytest.raises(UnsupportedFeature, match="no list"):
        list(customers(gateway, Pace()))
