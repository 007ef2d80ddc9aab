"""What a browser is told by each gateway: the script, where it sends cards, where actions are."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import requests

from django_dinero.enums import NextActionKind
from django_dinero.gateways.authorizenet import AuthorizeNetGateway
from django_dinero.gateways.sandbox import SandboxGateway
from django_dinero.gateways.types import NextAction
from django_dinero.redaction import Secret

KEYS = {"login_id": "the-login", "transaction_key": "the-trans-key", "client_key": "pub"}
PROXIED = {"endpoint": "https://proxy.example/api", "trusted_hosts": ["proxy.example"]}


@pytest.mark.parametrize(
    ("where", "url", "connects_to"),
    [
        (
            {"environment": "production"},
            "https://js.authorize.net/v1/Accept.js",
            ("https://api.authorize.net", "https://api2.authorize.net"),
        ),
        (
            {"environment": "sandbox"},
            "https://jstest.authorize.net/v1/Accept.js",
            ("https://apitest.authorize.net",),
        ),
        (
            {"endpoint": "http://127.0.0.1:8765/xml/v1/request.api"},
            "http://127.0.0.1:8765/v1/Accept.js",
            ("http://127.0.0.1:8765",),
        ),
    ],
)
def test_the_script_of_an_account(
    where: dict[str, str], url: str, connects_to: tuple[str, ...]
) -> None:
    script = AuthorizeNetGateway("shop", {**KEYS, **where}).browser_script()
    assert script is not None
    assert (script.url, script.connects_to) == (url, connects_to)


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"environment": "production"}, "https://js.authorize.net/v1/Accept.js"),
        ({"environment": "sandbox"}, "https://jstest.authorize.net/v1/Accept.js"),
        ({}, None),
    ],
)
def test_a_proxy_of_the_api_serves_no_script(environment: dict[str, str], url: str | None) -> None:
    script = AuthorizeNetGateway("shop", {**KEYS, **PROXIED, **environment}).browser_script()
    assert (script and script.url) == url


def test_without_a_public_key_there_is_no_script() -> None:
    options = {**KEYS, "client_key": "", "environment": "production"}
    assert AuthorizeNetGateway("shop", options).browser_script() is None


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"environment": "production"}, ""),
        ({"environment": "production", "client_key": ""}, "no client_key: the shop's pages take"),
        (PROXIED, "no environment: the shop's pages take no cards"),
    ],
)
def test_what_keeps_a_browser_from_a_token_is_named(options: dict[str, Any], problem: str) -> None:
    told = AuthorizeNetGateway("shop", {**KEYS, **options}).browser_problem()
    assert told.startswith(problem)
    assert bool(told) == bool(problem)


def test_the_bank_of_this_process_serves_its_own_script() -> None:
    gateway = SandboxGateway("shop")
    script = gateway.browser_script()
    assert script == gateway.browser_script()
    assert gateway.browser_problem() == ""
    assert script.connects_to == (script.url.removesuffix("/v1/Accept.js"),)
    assert "dispatchData" in requests.get(script.url, timeout=10).text


def test_an_action_of_that_bank_has_a_page() -> None:
    gateway = SandboxGateway("shop")
    action = NextAction(NextActionKind.REDIRECT, Secret("https://bank.invalid/actions/abc"))
    address = gateway.action_address(action, "http://shop.example/1/")
    assert address.endswith("/_action/abc?return_url=http%3A%2F%2Fshop.example%2F1%2F")
    assert "No payment waits here" in requests.get(address, timeout=10).text


def test_other_actions_have_the_address_that_the_gateway_gave() -> None:
    gateway = AuthorizeNetGateway("shop", {**KEYS, "environment": "sandbox"})
    later = datetime.datetime(2040, 1, 1, tzinfo=datetime.UTC)
    redirect = NextAction(NextActionKind.REDIRECT, Secret("https://acs.example/x"), later)
    assert gateway.action_address(redirect, "http://shop.example/") == "https://acs.example/x"
    secret = NextAction(NextActionKind.CLIENT_SECRET, Secret("pi_1_secret_2"), later)
    assert gateway.action_address(secret, "http://shop.example/") == ""
