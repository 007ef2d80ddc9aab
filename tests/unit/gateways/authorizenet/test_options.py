"""What an account may be configured with, and where card numbers may go."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_dinero.gateways.authorizenet import options
from django_dinero.gateways.authorizenet.gateway import AuthorizeNetGateway
from django_dinero.gateways.authorizenet.options import Options
from django_dinero.redaction import Secret

KEYS = {
    "login_id": "the-login",
    "transaction_key": "the-trans-key",
    "signature_key": "the-signature-key",
    "proxy": "http://user:the-proxy-key@127.0.0.1:3128",
}


def read(**changed: Any) -> Options:
    """Read options with some changed."""
    return options.read("shop", {**KEYS, "environment": "sandbox", **changed})


def check(**changed: Any) -> list[tuple[str | None, bool]]:
    """Return id and seriousness of what the check finds."""
    found = list(options.check(read(**changed)))
    for message in found:
        assert "'shop'" in str(message.msg)
        assert "the-" not in f"{message.msg}{message.hint}"
    return [(message.id, message.is_serious()) for message in found]


def test_defaults() -> None:
    found = options.read(
        "shop", {"login_id": "a", "transaction_key": "b", "environment": "sandbox"}
    )
    assert found == Options(
        gateway_name="shop",
        login_id=Secret("a"),
        transaction_key=Secret("b"),
        signature_keys=(),
        client_key="",
        endpoint="https://apitest.authorize.net/xml/v1/request.api",
        trusted_hosts=frozenset(),
        duplicate_window=28800,
        validation_mode="testMode",
        replication_seconds=15.0,
        connect_timeout=10.0,
        read_timeout=60.0,
        deadline=90.0,
        ca_bundle=None,
        environment="sandbox",
        proxy=None,
    )


def test_every_option_is_read() -> None:
    given = {
        "login_id": Secret("a"),
        "transaction_key": Secret("b"),
        "signature_key": Secret("c"),
        "client_key": "public",
        "endpoint": "https://pay.example/x",
        "trusted_hosts": ["Pay.Example"],
        "duplicate_window": 0,
        "validation_mode": "none",
        "replication_seconds": 0,
        "connect_timeout": 1,
        "read_timeout": 2.5,
        "deadline": 3,
        "ca_bundle": "/etc/ca.pem",
        "proxy": "http://127.0.0.1:3128",
    }
    assert set(given) | {"environment"} == options.OPTION_NAMES
    assert options.read("shop", given) == Options(
        gateway_name="shop",
        login_id=Secret("a"),
        transaction_key=Secret("b"),
        signature_keys=(Secret("c"),),
        client_key="public",
        endpoint="https://pay.example/x",
        trusted_hosts=frozenset({"pay.example"}),
        duplicate_window=0,
        validation_mode="none",
        replication_seconds=0.0,
        connect_timeout=1.0,
        read_timeout=2.5,
        deadline=3.0,
        ca_bundle="/etc/ca.pem",
        proxy="http://127.0.0.1:3128",
    )


def test_no_key_is_shown() -> None:
    assert "the-" not in repr(read())
    assert "the-" not in str(read())


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ("a", ["a"]),
        (["a", "b"], ["a", "b"]),
        (("a", Secret("b")), ["a", "b"]),
        # Anybody can sign with a key of nothing.
        ("", []),
        (" \n", []),
        (["", "a", None], ["a"]),
        ([], []),
        (None, []),
    ],
)
def test_webhooks_may_be_signed_by_several_keys(given: Any, keys: list[str]) -> None:
    assert [key.reveal() for key in read(signature_key=given).signature_keys] == keys


@pytest.mark.parametrize("name", ["login_id", "transaction_key"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_key_is_named(name: str, value: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"'shop': the option '{name}' is required"):
        read(**{name: value})
    without = {**KEYS, "environment": "sandbox"}
    del without[name]
    with pytest.raises(ImproperlyConfigured, match=f"'{name}' is required"):
        options.read("shop", without)


@pytest.mark.parametrize(("name", "limit"), [("login_id", 25), ("transaction_key", 16)])
def test_a_key_is_no_longer_than_the_schema_lets_it_be(name: str, limit: int) -> None:
    """The gateway's refusal of a longer one shows it."""
    assert len(getattr(read(**{name: "k" * limit}), name)) == limit
    with pytest.raises(ImproperlyConfigured, match=f"'{name}' has at most {limit}") as caught:
        read(**{name: "the-" + "k" * limit})
    assert "the-" not in str(caught.value)


@pytest.mark.parametrize("name", ["login_id", "transaction_key", "signature_key"])
def test_a_key_of_the_wrong_type_is_named_and_not_shown(name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"'{name}' must be a str") as caught:
        read(**{name: b"the-key"})
    assert "the-key" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("environment", None),
        ("environment", "prod"),
        ("environment", ["sandbox"]),
        ("endpoint", "https://[::1"),
        ("trusted_hosts", "pay.example"),
        ("trusted_hosts", 5),
        ("proxy", 3128),
        ("validation_mode", "oldLiveMode"),
        ("validation_mode", ["none"]),
        ("duplicate_window", -1),
        ("duplicate_window", 28801),
        ("duplicate_window", 60.0),
        ("duplicate_window", True),
        ("duplicate_window", None),
        ("replication_seconds", -1),
        ("replication_seconds", "15"),
        ("replication_seconds", True),
        ("replication_seconds", float("nan")),
        ("connect_timeout", 0),
        ("connect_timeout", None),
        ("read_timeout", 0),
        ("read_timeout", 86400),
        ("deadline", 0),
        ("deadline", -0.1),
    ],
)
def test_what_is_impossible_is_named(name: str, value: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"DINERO gateway 'shop': the option '{name}' "):
        read(**{name: value})


@pytest.mark.parametrize(("currency", "decimals"), [("BHD", 3), ("KWD", 3), ("CLF", 4)])
def test_a_currency_whose_amounts_would_be_told_rounded_is_refused(
    currency: str, decimals: int
) -> None:
    expected = f"'shop': the option 'currency' has {decimals} decimals, .* at another gateway"
    with pytest.raises(ImproperlyConfigured, match=expected):
        read(currency=currency)
    given = {**KEYS, "environment": "sandbox", "currency": currency}
    with pytest.raises(ImproperlyConfigured, match=expected):
        AuthorizeNetGateway("shop", given)


@pytest.mark.parametrize("currency", ["USD", "JPY"])
def test_a_currency_with_two_decimals_or_none_is_taken(currency: str) -> None:
    given = {**KEYS, "environment": "sandbox", "currency": currency}
    assert AuthorizeNetGateway("shop", given).currency == currency


@pytest.mark.parametrize("name", ["connect_timeout", "read_timeout", "deadline"])
def test_the_shortest_and_the_longest_times(name: str) -> None:
    assert getattr(read(**{name: 0.001}), name) == 0.001
    assert getattr(read(**{name: 86399}), name) == 86399


@pytest.mark.parametrize(
    ("environment", "host", "live", "mode"),
    [("production", "api.authorize.net", True, "liveMode"),
     ("sandbox", "apitest.authorize.net", False, "testMode")],
)  # fmt: skip
def test_environments(environment: str, host: str, live: bool, mode: str) -> None:
    found = read(environment=environment)
    assert found.endpoint == f"https://{host}/xml/v1/request.api"
    assert (found.host, found.live, found.validation_mode) == (host, live, mode)
    assert check(environment=environment) == []


@pytest.mark.parametrize("host", ["api2.authorize.net", "API.Authorize.NET"])
def test_an_endpoint_of_production_is_live(host: str) -> None:
    found = read(endpoint=f"https://{host}/xml/v1/request.api", environment="sandbox")
    assert (found.host, found.live, found.validation_mode) == (host.lower(), True, "liveMode")


SAFE = ["http://127.0.0.1:8001/x", "http://localhost/", "http://[::1]:80/", "https://LOCALHOST/"]
E007, W004 = ("dinero.E007", True), ("dinero.W004", False)


@pytest.mark.parametrize("endpoint", SAFE)
def test_this_machine_may_have_card_numbers(endpoint: str) -> None:
    assert check(endpoint=endpoint) == []


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://api.authorize.net/xml/v1/request.api",
        "http://apitest.authorize.net/",
        "https://pay.example/",
        "https://api.authorize.net.pay.example/",
        "https://xapi.authorize.net/",
        "https://api.authorize.net@pay.example/",
        "http://10.0.0.1/",
        "http://localhost.pay.example/",
        "ftp://api.authorize.net/",
        "file:///etc/hosts",
        "api.authorize.net",
        "https://",
        "//127.0.0.1/",
    ],
)
def test_nobody_else_may(endpoint: str) -> None:
    assert check(endpoint=endpoint) == [E007]


@pytest.mark.parametrize("endpoint", ["https://pay.example/x", "http://Pay.Example:8080/"])
def test_a_trusted_host_is_a_warning(endpoint: str) -> None:
    given = {"endpoint": endpoint, "trusted_hosts": ["pay.EXAMPLE"]}
    assert check(**given) == [W004]
    (message,) = options.check(read(**given))
    assert ("without encryption" in str(message.msg)) == endpoint.startswith("http:")


def test_trusting_one_host_trusts_no_other() -> None:
    assert check(endpoint="https://other.example/", trusted_hosts=["pay.example"]) == [E007]


def test_a_trusted_host_is_no_other_protocol() -> None:
    assert check(endpoint="ftp://pay.example/", trusted_hosts=["pay.example"]) == [E007]


# -- The keys for browsers ---------------------------------------------------------------------


def test_a_browser_gets_the_login_and_the_public_key() -> None:
    gateway = AuthorizeNetGateway("shop", {**KEYS, "environment": "sandbox", "client_key": "pub"})
    assert gateway.browser_keys() == {"api_login_id": "the-login", "client_key": "pub"}


def test_without_a_public_key_a_browser_gets_nothing() -> None:
    """The login id alone is of no use to Accept.js, and not everybody takes it for public."""
    assert AuthorizeNetGateway("shop", {**KEYS, "environment": "sandbox"}).browser_keys() == {}


@pytest.mark.parametrize(
    "changed",
    [
        {"client_key": "the-trans-key"},
        {"client_key": "the-signature-key"},
        {"client_key": "the-older-key", "signature_key": ["the-new-key", "the-older-key"]},
        {"client_key": b"the-key"},
        {"client_key": Secret("the-key")},
    ],
)
def test_a_secret_key_is_never_taken_for_the_public_one(changed: dict[str, Any]) -> None:
    with pytest.raises(ImproperlyConfigured, match="'client_key'") as caught:
        read(**changed)
    assert "the-" not in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "endpoint", "live"),
    [
        ("production", "https://relay.example/xml", True),
        ("sandbox", "https://relay.example/xml", False),
        ("production", "http://127.0.0.1:8000/xml", False),
        ("production", "https://apitest.authorize.net/xml/v1/request.api", False),
    ],
)
def test_a_relay_leads_where_the_environment_says(
    environment: str, endpoint: str, live: bool
) -> None:
    found = read(environment=environment, endpoint=endpoint, trusted_hosts=["relay.example"])
    assert (found.live, found.validation_mode) == (live, "liveMode" if live else "testMode")
