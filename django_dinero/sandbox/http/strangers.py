"""Keeps pages of other sites from the controls: any page in a browser here can send requests here.

Such a page cannot choose what its browser says of it: ``Origin``, ``Sec-Fetch-Site`` and, where it
has had its own name lead to this machine, ``Host``. A form and a script that asks nobody first can
send no JSON by its name. Programs such as curl say none of this.
"""

from __future__ import annotations

import ipaddress
import json
from urllib.parse import urlsplit

from django_dinero.sandbox.http.exchange import Request, Response

#: What a browser says of a request by its user, or by a page of the same address.
OWN_SITES = ("", "none", "same-origin")


def refusal_of(request: Request, url: str) -> Response | None:
    """Return the refusal of a request that a stranger's page may have made; None for others.

    Args:
        request: what came.
        url: scheme, host and port where the bank is served.
    """
    host = request.header("host")
    if host and not _is_own(host, url):
        return _refuse(403, f"Host: {host!r} is not this bank; use its address, {url}.")
    origin = request.header("origin")
    if origin and origin != f"{urlsplit(url).scheme}://{host}":
        return _refuse(403, "Origin: a page of another site may not use the controls.")
    if request.header("sec-fetch-site") not in OWN_SITES:
        return _refuse(403, "Sec-Fetch-Site: a page of another site may not use the controls.")
    sent_as = request.header("content-type").partition(";")[0].strip().lower()
    if sent_as != "application/json" and (sent_as or request.body):
        return _refuse(415, "Content-Type: values are sent as application/json.")
    return None


def _is_own(host: str, url: str) -> bool:
    """Say whether a Host names this bank in a way that nobody else can make lead here.

    An address cannot be made to. Served to other machines, the bank also has names without a dot,
    as containers have them: none of them is a site of the internet.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    served_at = urlsplit(url).hostname or ""
    if name in ("localhost", served_at) or _is_address(name):
        return True
    return "." not in name and not _is_loopback(served_at)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return name == "localhost" or (_is_address(name) and ipaddress.ip_address(name).is_loopback)


def _refuse(status: int, text: str) -> Response:
    body = json.dumps({"error": text}).encode() + b"\n"
    return Response(status, body, {"Content-Type": "application/json"})
