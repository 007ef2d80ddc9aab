from __future__ import annotations

import socket

import pytest


def test_a_test_cannot_reach_another_machine() -> None:
    with (
        socket.socket() as sock,
        pytest.raises(pytest.fail.Exception, match="not this machine"),
    ):
        sock.connect(("192.0.2.1", 443))
