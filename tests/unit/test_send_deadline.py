"""Nothing is sent after its last moment."""

from __future__ import annotations

import contextvars
import sys
import threading
import time

import pytest

from django_dinero import send_deadline
from django_dinero.exceptions import NotSent
from django_dinero.send_deadline import check_may_send, send_before
from tests.support.clocks import set_uptime


def check_with(limit: float | None) -> None:
    send_before.set(limit)
    check_may_send()


def in_a_context(limit: float | None) -> None:
    contextvars.copy_context().run(check_with, limit)


@pytest.fixture
def at_100(monkeypatch: pytest.MonkeyPatch) -> None:
    set_uptime(monkeypatch, lambda: 100.0)


def test_without_a_limit_everything_may_be_sent() -> None:
    assert send_before.get() is None
    check_may_send()
    in_a_context(None)


@pytest.mark.usefixtures("at_100")
@pytest.mark.parametrize("limit", [100.0, 100.001, 1e9])
def test_up_to_its_moment_it_may_be_sent(limit: float) -> None:
    in_a_context(limit)


@pytest.mark.usefixtures("at_100")
@pytest.mark.parametrize("limit", [99.999, 0.0, -1.0])
def test_after_its_moment_it_may_not(limit: float) -> None:
    with pytest.raises(NotSent) as caught:
        in_a_context(limit)
    assert str(caught.value) == (
        "This worker was held up for too long before sending; nothing was sent."
    )


def test_the_limit_is_that_of_the_context_not_of_the_process() -> None:
    seen: list[float | None] = []
    token = send_before.set(1.0)
    try:
        thread = threading.Thread(target=lambda: seen.append(send_deadline.send_before.get()))
        thread.start()
        thread.join()
    finally:
        send_before.reset(token)
    assert seen == [None]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is one clock")
def test_a_suspended_machine_is_held_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """CLOCK_MONOTONIC stands still meanwhile, and CLOCK_BOOTTIME goes on (clock_gettime(2))."""
    limit = send_deadline.uptime() + 20
    slept = time.clock_gettime(time.CLOCK_BOOTTIME) + 3600
    monkeypatch.setattr(
        time, "clock_gettime", {time.CLOCK_BOOTTIME: slept, time.CLOCK_MONOTONIC: 0.0}.__getitem__
    )
    with pytest.raises(NotSent):
        in_a_context(limit)
