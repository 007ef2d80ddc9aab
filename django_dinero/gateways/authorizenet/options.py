"""Reads and checks the options of an Authorize.Net account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.core import checks
from django.core.checks import CheckMessage, Error

from django_dinero.gateways.options import currency, wrong
from django_dinero.money import exponent
from django_dinero.redaction import Secret

#: One URL for every operation (the official API reference).
ENDPOINTS: Mapping[str, str] = {
    "production": "https://api.authorize.net/xml/v1/request.api",
    "sandbox": "https://apitest.authorize.net/xml/v1/request.api",
}
OWN_HOSTS = frozenset({"api.authorize.net", "api2.authorize.net", "apitest.authorize.net"})
LIVE_HOSTS = frozenset({"api.authorize.net", "api2.authorize.net"})
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
VALIDATION_MODES = ("liveMode", "testMode", "none")
#: Characters (the schema's limits).
MAX_LOGIN_ID, MAX_TRANSACTION_KEY = 25, 16
#: Digits behind the point of every amount that the gateway tells.
DECIMALS = 2
#: Seconds; the longest window that the gateway accepts.
MAX_DUPLICATE_WINDOW = 28800

OPTION_NAMES = frozenset(
    {
        "login_id",
        "transaction_key",
        "signature_key",
        "client_key",
        "environment",
        "endpoint",
        "trusted_hosts",
        "duplicate_window",
        "validation_mode",
        "replication_seconds",
        "connect_timeout",
        "read_timeout",
        "deadline",
        "ca_bundle",
        "proxy",
    }
)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one account; times are in seconds."""

    gateway_name: str
    login_id: Secret
    transaction_key: Secret
    #: Several while a key is replaced; none if webhooks are not received.
    signature_keys: tuple[Secret, ...]
    client_key: str
    endpoint: str
    trusted_hosts: frozenset[str]
    duplicate_window: int
    validation_mode: str
    replication_seconds: float
    connect_timeout: float
    read_timeout: float
    deadline: float
    ca_bundle: str | None
    #: Not in the repr: its address may hold a password.
    proxy: str | None = field(repr=False)
    #: As it was given; with an endpoint it may be empty.
    environment: str = ""

    @property
    def host(self) -> str:
        """The endpoint's host in lower case."""
        return (urlsplit(self.endpoint).hostname or "").lower()

    @property
    def live(self) -> bool:
        """Whether the endpoint is one where real money moves."""
        return _is_live(self.host, self.environment)

    @property
    def test_account(self) -> str:
        """What the endpoint is where no real money moves."""
        if self.host in LOOPBACK:
            return f"a server on this machine ({self.host})"
        if self.host in OWN_HOSTS:
            return "Authorize.Net's sandbox"
        return f"{self.host}, which is no server of Authorize.Net's"


def _is_live(host: str, environment: str) -> bool:
    """Say whether real money moves: at Authorize.Net, or behind a relay that leads there."""
    if host in OWN_HOSTS or host in LOOPBACK:
        return host in LIVE_HOSTS
    return environment == "production"


def read(gateway_name: str, given: Mapping[str, Any]) -> Options:
    """Return the options of a gateway.

    Raises:
        ImproperlyConfigured: one is missing or impossible; no value of a key is shown.
    """
    _refuse_fine_currency(gateway_name, given)
    endpoint = _endpoint(gateway_name, given)
    host = (urlsplit(endpoint).hostname or "").lower()
    live = _is_live(host, str(given.get("environment") or ""))
    mode = given.get("validation_mode") or ("liveMode" if live else "testMode")
    if mode not in VALIDATION_MODES:
        raise wrong(gateway_name, "validation_mode", f"is one of {', '.join(VALIDATION_MODES)}")
    window = given.get("duplicate_window", MAX_DUPLICATE_WINDOW)
    if type(window) is not int or not 0 <= window <= MAX_DUPLICATE_WINDOW:
        raise wrong(gateway_name, "duplicate_window", f"is 0 to {MAX_DUPLICATE_WINDOW} seconds")
    return Options(
        gateway_name=gateway_name,
        login_id=_key(gateway_name, given, "login_id", MAX_LOGIN_ID),
        transaction_key=_key(gateway_name, given, "transaction_key", MAX_TRANSACTION_KEY),
        signature_keys=_signature_keys(gateway_name, given.get("signature_key")),
        client_key=_public_key(gateway_name, given),
        endpoint=endpoint,
        trusted_hosts=_hosts(gateway_name, given.get("trusted_hosts") or ()),
        duplicate_window=window,
        validation_mode=mode,
        replication_seconds=_seconds(gateway_name, given, "replication_seconds", 15.0),
        connect_timeout=_seconds(gateway_name, given, "connect_timeout", 10.0, above_zero=True),
        read_timeout=_seconds(gateway_name, given, "read_timeout", 60.0, above_zero=True),
        deadline=_seconds(gateway_name, given, "deadline", 90.0, above_zero=True),
        ca_bundle=given.get("ca_bundle"),
        proxy=_proxy(gateway_name, given.get("proxy")),
        environment=str(given.get("environment") or ""),
    )


def _refuse_fine_currency(gateway_name: str, given: Mapping[str, Any]) -> None:
    """Refuse a currency whose amounts the gateway would tell rounded."""
    places = exponent(currency(gateway_name, given))
    if places > DECIMALS:
        raise wrong(
            gateway_name,
            "currency",
            f"has {places} decimals, and Authorize.Net tells amounts with {DECIMALS}: name the "
            "currency of the account, or charge this one at another gateway",
        )


def _endpoint(gateway_name: str, given: Mapping[str, Any]) -> str:
    endpoint, environment = given.get("endpoint"), given.get("environment")
    if endpoint:
        try:
            urlsplit(str(endpoint))
        except ValueError:
            raise wrong(gateway_name, "endpoint", "is no address") from None
        return str(endpoint)
    if not isinstance(environment, str) or environment not in ENDPOINTS:
        raise wrong(gateway_name, "environment", 'is "production" or "sandbox"; or set "endpoint"')
    return ENDPOINTS[environment]


def _hosts(gateway_name: str, names: object) -> frozenset[str]:
    # A single text is a mistake; it would be read as a list of letters.
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise wrong(gateway_name, "trusted_hosts", "is a list of host names")
    return frozenset(str(name).lower() for name in names)


def _proxy(gateway_name: str, address: object) -> str | None:
    if address is None or isinstance(address, str):
        return address
    raise wrong(gateway_name, "proxy", "is an address")


def _key(gateway_name: str, given: Mapping[str, Any], name: str, limit: int) -> Secret:
    if not given.get(name):
        raise wrong(gateway_name, name, "is required (Merchant Interface, API Credentials & Keys)")
    key = _secret(gateway_name, name, given[name])
    # The gateway's refusal of a key that is too long shows it in clear.
    if len(key) > limit:
        raise wrong(gateway_name, name, f"has at most {limit} characters")
    return key


def _public_key(gateway_name: str, given: Mapping[str, Any]) -> str:
    """Return the key for browsers, unless it is one that must never get there."""
    public = given.get("client_key") or ""
    if not isinstance(public, str):
        raise wrong(gateway_name, "client_key", "must be a str")
    signature = given.get("signature_key")
    private = [given.get("transaction_key")]
    private += signature if isinstance(signature, list | tuple) else [signature]
    if public and any(each is not None and Secret(each) == Secret(public) for each in private):
        raise wrong(gateway_name, "client_key", "is shown to browsers, and is a secret key here")
    return public


def _signature_keys(gateway_name: str, given: object) -> tuple[Secret, ...]:
    """Return the keys that verify webhooks. With an empty one, anybody could sign."""
    values = given if isinstance(given, list | tuple) else (given,)
    keys = [_secret(gateway_name, "signature_key", value) for value in values if value is not None]
    return tuple(key for key in keys if key.reveal().strip())


def _secret(gateway_name: str, name: str, value: object) -> Secret:
    if not isinstance(value, str | Secret):
        raise wrong(gateway_name, name, "must be a str")
    return Secret(value)


def _seconds(
    gateway_name: str,
    given: Mapping[str, Any],
    name: str,
    default: float,
    *,
    above_zero: bool = False,
) -> float:
    value = given.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 86400:
        raise wrong(gateway_name, name, "is a number of seconds, at most a day")
    if above_zero and not value:
        raise wrong(
            gateway_name, name, "is above zero: no call may wait for ever, nor fail at once"
        )
    return float(value)


def check(options: Options) -> Iterator[CheckMessage]:
    """Report an endpoint to which card numbers must not go."""
    parts = urlsplit(options.endpoint)
    if parts.scheme not in ("http", "https") or not options.host:
        yield Error(
            f"DINERO gateway {options.gateway_name!r}: the endpoint is no http address.",
            id="dinero.E007",
        )
        return
    if options.host in LOOPBACK:
        return
    if options.host in options.trusted_hosts:
        yield checks.Warning(
            f"DINERO gateway {options.gateway_name!r} sends card numbers to {options.host}"
            + (" without encryption." if parts.scheme == "http" else "."),
            hint="trusted_hosts names it. It is not Authorize.Net.",
            id="dinero.W004",
        )
    elif options.host not in OWN_HOSTS or parts.scheme == "http":
        yield Error(
            f"DINERO gateway {options.gateway_name!r}: {parts.scheme}://{options.host} is not "
            "where card numbers may go.",
            hint="Use https and Authorize.Net's own hosts, a loopback address, or name the host "
            "in the option trusted_hosts.",
            id="dinero.E007",
        )


def check_times(options: Options, lease: float, quarantine: float) -> Iterator[CheckMessage]:
    """Report times that are too short: others would take a call for lost that is still going on."""
    # The journal lets a request leave within the first third of its lease.
    longest = lease / 3 + options.deadline
    for name, seconds in (("lease_seconds", lease), ("quarantine_seconds", quarantine)):
        if seconds < longest:
            yield Error(
                f"DINERO gateway {options.gateway_name!r}: {name} is {seconds:g}, and a call may "
                f"end {longest:g} seconds after its operation was taken.",
                hint="Make it at least a third of lease_seconds and the deadline together.",
                id="dinero.E010",
            )
