"""Which names mean this machine itself."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine: ``127.0.0.1``, ``::1``, ``localhost``.

    Args:
        host: a name or an address, IPv6 without brackets.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
