"""Accept.js: the script by which a browser turns a card into a token, without the shop's server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from django_dinero.gateways.authorizenet.options import LIVE_HOSTS, LOOPBACK, OWN_HOSTS, Options
from django_dinero.gateways.types import BrowserScript

#: It loads its second half from its own host, and sends cards to that of the API.
_LIVE: Final = BrowserScript(
    "https://js.authorize.net/v1/Accept.js",
    ("https://api.authorize.net", "https://api2.authorize.net"),
)
_SANDBOX: Final = BrowserScript(
    "https://jstest.authorize.net/v1/Accept.js", ("https://apitest.authorize.net",)
)


def script(options: Options, keys: Mapping[str, str]) -> BrowserScript | None:
    """Return the script of the account's environment.

    None without a public key, and where an ``endpoint`` of your own leaves the environment open.
    A test bank that is served on this machine has a script of its own. Any other host gets to see
    what is sent to the API, and never the page on which a card is typed.
    """
    if not keys:
        return None
    if options.host in LOOPBACK:
        parts = urlsplit(options.endpoint)
        origin = f"{parts.scheme}://{parts.netloc}"
        return BrowserScript(f"{origin}/v1/Accept.js", (origin,))
    if options.host in OWN_HOSTS:
        return _LIVE if options.host in LIVE_HOSTS else _SANDBOX
    return {"production": _LIVE, "sandbox": _SANDBOX}.get(options.environment)
