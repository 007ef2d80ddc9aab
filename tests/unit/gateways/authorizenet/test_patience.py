"""Patience with "not found" is for ids that were just created, and for no others."""

from __future__ import annotations

from typing import Any

import pytest

from django_dinero.gateways.authorizenet.client import Reply
from django_dinero.gateways.authorizenet.patience import (
    FRESH_SECONDS,
    MAX_FRESH,
    FreshIds,
    PatientClient,
)
from django_dinero.send_deadline import reading_for


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Put a clock in the place of the machine's; the one item is its time in seconds."""
    now = [1000.0]
    monkeypatch.setattr(
        "django_dinero.gateways.authorizenet.patience.time.monotonic", lambda: now[0]
    )
    return now


def test_an_id_is_fresh_for_a_minute(clock: list[float]) -> None:
    fresh = FreshIds()
    fresh.add("c1", "p1")
    clock[0] += FRESH_SECONDS - 1
    assert fresh.any("c1")
    assert fresh.any("other", "p1")
    clock[0] += 1
    assert not fresh.any("c1", "p1")


def test_an_id_that_nobody_created_is_not_fresh(clock: list[float]) -> None:
    fresh = FreshIds()
    assert not fresh.any("c1")
    assert not fresh.any()


def test_nobody_waits_for_what_was_deleted(clock: list[float]) -> None:
    fresh = FreshIds()
    fresh.add("c1", "p1", "p2")
    fresh.deleted("p1")
    assert not fresh.any("c1", "p1")
    assert fresh.any("c1", "p2")
    fresh.add("p1")
    assert fresh.any("p1")


def test_it_remembers_only_so_many(clock: list[float]) -> None:
    fresh = FreshIds()
    fresh.add(*map(str, range(MAX_FRESH)))
    fresh.add("0")  # moves it to the end
    fresh.add("one more")
    assert fresh.any("0")
    assert not fresh.any("1")


class NeverFinds:
    """A client that finds nothing, and counts how often it was asked."""

    calls = 0

    def call(self, *args: Any, **kwargs: Any) -> Reply:
        self.calls += 1
        messages = {"resultCode": "Error", "message": [{"code": "E00040", "text": "no"}]}
        return Reply("getCustomerProfileResponse", {"messages": messages})


def test_who_has_little_time_does_not_wait_for_fresh_ids(clock: list[float]) -> None:
    fresh, client = FreshIds(), NeverFinds()
    fresh.add("c1")
    patient = PatientClient(client, fresh, 15.0)  # type: ignore[arg-type]
    with reading_for(0):
        patient.read("getCustomerProfile", {}, about=("c1",))
    assert client.calls == 1
