"""Ports for servers that run beside other tests."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

#: Where Linux says which ports it gives out by itself.
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
#: The lowest port of that range elsewhere (RFC 6335 §6).
DYNAMIC = 49152
#: Below it stand the ports that well-known services use.
LOWEST = 10000


def free_port() -> int:
    """Return a port of this machine on which nobody listens, and on which nobody will by chance.

    It lies below those that the system gives out by itself. One of these may be taken by another
    test's server or connection before it is used, and somebody who waits until it answers may be
    connected to himself.
    """
    end = int(RANGE.read_text().split()[0]) if RANGE.is_file() else DYNAMIC
    while True:
        # Not `random`: every worker of a test run starts from the same seed.
        port = LOWEST + secrets.randbelow(end - LOWEST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def answers(port: int) -> bool:
    """Say whether somebody listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
