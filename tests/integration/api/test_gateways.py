"""``gateways/``: who is shown which, what is said of them, and no key that opens an account."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_dinero.api.gateways import CAPABILITIES
from django_dinero.gateways.base import VERBS
from django_dinero.models import Customer
from tests.integration.api.calling import Caller, json_of, user_with
from tests.support import sinks

pytestmark = pytest.mark.django_db

SANDBOX = {"BACKEND": "django_dinero.gateways.sandbox.SandboxGateway", "OPTIONS": {}}
#: Secrets of an account, none of which a browser may see.
KEYS = {"transaction_key": "tr-Kq7Zw2Xv9", "signature_key": "5F" * 64}
ACCOUNT: dict[str, Any] = {
    "BACKEND": "django_dinero.gateways.authorizenet.AuthorizeNetGateway",
    "OPTIONS": {
        **KEYS,
        "login_id": "lg-4Hm8Tr6Pq",
        "client_key": "pub-6Fz3Nc8Lw",
        "endpoint": "http://127.0.0.1:1/xml/v1/request.api",
        "proxy": "http://user:pw-9Xd4Gh@127.0.0.1:3128",
    },
}


def names_of(response: Any) -> list[str]:
    """The names of the gateways in an answer."""
    return [each["name"] for each in json_of(response, 200)["results"]]


@pytest.fixture
def several(settings: Any) -> Any:
    """Three gateways: the default one, an older one, and a real account."""
    entries = {"old": SANDBOX, "default": SANDBOX, "account": ACCOUNT}
    settings.DINERO = {**settings.DINERO, "GATEWAYS": entries}
    return settings


def only_here(settings: Any, name: str) -> dict[str, Any]:
    """What is said of one gateway to an administrator."""
    root = Caller(user_with(f"root-{name}", is_staff=True, is_superuser=True))
    shown = json_of(root.get("gateways/"), 200)["results"]
    [found] = [each for each in shown if each["name"] == name]
    return dict(found)


def test_what_is_said_of_the_test_bank(several: Any) -> None:
    assert only_here(several, "default") == {
        "name": "default",
        "provider": "sandbox",
        "live": False,
        "currencies": ["USD"],
        "capabilities": [*CAPABILITIES, "browser_tokens"],
        "required_card_fields": [],
        "browser_keys": {"api_login_id": "sandbox-login", "client_key": "sandbox-client-key"},
    }


def test_what_is_said_of_an_account(several: Any) -> None:
    shown = only_here(several, "account")
    assert shown["provider"] == "authorizenet"
    assert shown["required_card_fields"] == ["month", "year"]
    assert shown["browser_keys"] == {"api_login_id": "lg-4Hm8Tr6Pq", "client_key": "pub-6Fz3Nc8Lw"}


def test_no_key_that_opens_an_account_is_shown(several: Any) -> None:
    with sinks.every_log() as logs:
        text = json.dumps(only_here(several, "account"))
    assert sinks.found(text + logs.getvalue(), [*KEYS.values(), "pw-9Xd4Gh"]) == []


def test_without_a_public_key_the_login_is_not_shown_either(several: Any) -> None:
    options = {name: ACCOUNT["OPTIONS"][name] for name in (*KEYS, "login_id", "endpoint")}
    entry = {**ACCOUNT, "OPTIONS": options}
    several.DINERO = {**several.DINERO, "GATEWAYS": {"default": entry}}
    shown = only_here(several, "default")
    assert shown["browser_keys"] == {}
    assert "browser_tokens" not in shown["capabilities"]
    assert "lg-4Hm8Tr6Pq" not in json.dumps(shown)


def test_a_capability_is_a_verb_of_the_interface(
    several: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(CAPABILITIES.values()) <= set(VERBS)
    lacks = {"validate_card": "it has no such call", "refund": "it gives nothing back"}
    monkeypatch.setattr("django_dinero.gateways.sandbox.SandboxGateway.unsupported", lacks)
    shown = only_here(several, "default")["capabilities"]
    assert [each for each in CAPABILITIES if each not in shown] == ["validation", "refunds"]


# -- Who is shown which ----------------------------------------------------------------------------


def test_users_are_shown_the_default_and_where_they_are_customers(several: Any) -> None:
    ann, bob = user_with("ann"), user_with("bob")
    assert names_of(Caller(ann).get("gateways/")) == ["default"]
    for owner in (ann, ann, bob):
        Customer.create("ann@example.com", gateway_name="old", owner=owner)
    Customer.objects.filter(owner=bob).update(gateway_name="account")
    assert names_of(Caller(ann).get("gateways/")) == ["default", "old"]
    assert names_of(Caller(bob).get("gateways/")) == ["default", "account"]


@pytest.mark.parametrize(
    ("fields", "codenames", "names"),
    [
        ({"is_staff": True}, ("add_customer",), ["default", "account", "old"]),
        ({"is_staff": True}, (), ["default"]),
        ({}, ("add_customer",), ["default"]),
    ],
    ids=["staff with the permission", "staff without it", "a user with it"],
)
def test_staff_are_shown_all(
    several: Any, fields: dict[str, bool], codenames: tuple[str, ...], names: list[str]
) -> None:
    assert names_of(Caller(user_with("sam", *codenames, **fields)).get("gateways/")) == names


def named_after_the_user(user: Any) -> list[str]:
    return ["old"] if user.username == "ann" else []


def test_a_project_may_say_which(several: Any) -> None:
    several.DINERO = {**several.DINERO, "API_GATEWAYS": f"{__name__}.named_after_the_user"}
    assert names_of(Caller(user_with("ann")).get("gateways/")) == ["old"]
    root = Caller(user_with("root", is_staff=True, is_superuser=True))
    assert names_of(root.get("gateways/")) == []


def test_strangers_are_shown_the_default_where_shoppers_may_pay(several: Any) -> None:
    assert json_of(Caller().get("gateways/"), 403)["code"] == "not_authenticated"
    several.DINERO = {**several.DINERO, "API_GUEST_CHARGES": f"{__name__}.named_after_the_user"}
    assert names_of(Caller().get("gateways/")) == ["default"]


def test_a_project_without_a_default_gateway(
    several: Any, caplog: pytest.LogCaptureFixture
) -> None:
    several.DINERO = {**several.DINERO, "GATEWAYS": {"old": SANDBOX}}
    ann = user_with("ann")
    assert names_of(Caller(ann).get("gateways/")) == []
    Customer.create("ann@example.com", gateway_name="old", owner=ann)
    assert names_of(Caller(ann).get("gateways/")) == ["old"]
    assert "cannot be used" not in caplog.text


def test_one_that_cannot_be_used_is_left_out_and_logged(
    several: Any, caplog: pytest.LogCaptureFixture
) -> None:
    entries = {"default": SANDBOX, "broken": {**SANDBOX, "OPTIONS": {"max_cards": 0}}}
    several.DINERO = {**several.DINERO, "GATEWAYS": entries}
    owner = user_with("ann", "add_customer", is_staff=True)
    assert names_of(Caller(owner).get("gateways/")) == ["default"]
    assert "The gateway broken cannot be used" in caplog.text
    other = user_with("bob")
    Customer.create("bob@example.com", owner=other)
    Customer.objects.update(gateway_name="gone")
    assert names_of(Caller(other).get("gateways/")) == ["default"]


# -- The list --------------------------------------------------------------------------------------


def test_it_takes_no_parameters(several: Any) -> None:
    shown = json_of(Caller(user_with("ann")).get("gateways/?live=true&4111111111111111=1"), 400)
    assert shown["errors"] == {
        "live": ["Unknown query parameter. This takes none."],
        "[secret]": ["Unknown query parameter. This takes none."],
    }


def test_it_costs_the_same_however_many_there_are(several: Any) -> None:
    ann = Caller(user_with("ann"))

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            json_of(ann.get("gateways/"), 200)
        return len(found)

    one = queries()
    for name in ("old", "account"):
        customer = Customer.create("ann@example.com", owner=ann.user)
        Customer.objects.filter(pk=customer.pk).update(gateway_name=name)
    assert queries() == one


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT", "OPTIONS"])
def test_it_is_only_read(several: Any, method: str) -> None:
    shown = json_of(Caller(user_with("ann")).send(method, "gateways/"), 405)
    assert shown == {"code": "method_not_allowed", "detail": f'Method "{method}" not allowed.'}


def test_it_asks_no_gateway_for_anything(gateway: Any, staff: Callable[..., Caller]) -> None:
    mark = gateway.mark
    assert names_of(staff("add_customer").get("gateways/")) == ["default"]
    assert gateway.since(mark) == []
