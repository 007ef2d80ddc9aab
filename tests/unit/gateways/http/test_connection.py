"""The books of one call."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from unittest import mock

import pytest
from urllib3.connection import HTTPConnection

from django_dinero.gateways.http import connection as http_connection
from django_dinero.gateways.http.connection import Call
from django_dinero.gateways.http.pool import open_pool
from django_dinero.send_deadline import uptime


def test_a_read_may_take_what_is_left_of_the_deadline() -> None:
    now = time.monotonic()
    assert Call(60, 90, started=now).patience() == 60
    assert 29 < Call(60, 90, started=now - 60).patience() <= 30


def test_after_the_deadline_nothing_is_read_or_written() -> None:
    call = Call(60, 90, started=time.monotonic() - 90)
    assert call.expired
    with pytest.raises(TimeoutError):
        call.patience()


def test_a_new_call_has_sent_nothing() -> None:
    call = Call(60, 90)
    assert not (call.touched or call.answered or call.reused or call.fresh or call.expired)
    assert call.phase == "connecting"


@pytest.fixture
def kept() -> Iterator[tuple[HTTPConnection, socket.socket]]:
    """A connection that has just served a call, and its other end."""
    ours, theirs = socket.socketpair()
    connection = open_pool("http://localhost/", context=None, proxy=None, size=1)._new_conn()
    assert isinstance(connection, HTTPConnection)
    connection.sock = ours
    connection._last_used = uptime()  # type: ignore[attr-defined]
    yield connection, theirs
    ours.close()
    theirs.close()


Kept = tuple[HTTPConnection, socket.socket]


def test_a_quiet_connection_serves_again(kept: Kept) -> None:
    assert kept[0].is_connected


def test_one_with_something_to_read_does_not(kept: Kept) -> None:
    kept[1].send(b"a reply that nobody asked for")
    assert not kept[0].is_connected


def test_one_that_was_closed_does_not(kept: Kept) -> None:
    kept[1].close()
    assert not kept[0].is_connected


def test_one_that_holds_decrypted_bytes_does_not(kept: Kept) -> None:
    sock = mock.Mock(fileno=kept[0].sock.fileno, pending=lambda: 1)
    kept[0].sock = sock
    sock.pending = lambda: 0
    assert kept[0].is_connected
    sock.pending = lambda: 1
    assert not kept[0].is_connected


def test_one_that_was_idle_for_long_does_not(kept: Kept) -> None:
    kept[0]._last_used -= http_connection.MAX_IDLE + 1  # type: ignore[attr-defined]
    assert not kept[0].is_connected


def test_no_kept_one_serves_a_call_that_met_a_dead_one(kept: Kept) -> None:
    token = http_connection.current.set(Call(60, 90, fresh=True))
    try:
        assert not kept[0].is_connected
    finally:
        http_connection.current.reset(token)


@pytest.mark.parametrize(
    ("errors", "touched"),
    [
        ([TimeoutError()], True),  # a part of a record may have left
        ([ConnectionResetError()], False),
        ([BrokenPipeError()], False),
        ([3, ConnectionResetError()], True),
    ],
)
def test_what_a_failed_write_may_have_left_behind(
    kept: Kept, errors: list[Exception | int], touched: bool
) -> None:
    kept[0].sock = mock.Mock(send=mock.Mock(side_effect=errors))
    call = Call(60, 90)
    token = http_connection.current.set(call)
    try:
        with pytest.raises(http_connection.SendFailed):
            kept[0].send(b"request")
    finally:
        http_connection.current.reset(token)
    assert call.touched is touched


def test_one_that_slept_with_its_machine_does_not(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep = uptime() + http_connection.MAX_IDLE + 1
    if sys.platform == "linux":  # time.monotonic() stood still meanwhile
        monkeypatch.setattr(time, "clock_gettime", lambda clock: asleep)
    else:
        monkeypatch.setattr(time, "monotonic", lambda: asleep)
    assert not kept[0].is_connected
