"""System checks: each finding, and silence where all is well."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.core import mail
from django.core.checks import run_checks
from django.db import ProgrammingError, connection, connections
from django.views.debug import SafeExceptionReporterFilter

from django_dinero import checks
from django_dinero.gateways.authorizenet import AuthorizeNetGateway
from django_dinero.gateways.options import HIDDEN
from django_dinero.models import Customer, Operation
from tests.support.journaling import second_database

SANDBOX = "django_dinero.gateways.sandbox.SandboxGateway"
AUTHORIZENET = "django_dinero.gateways.authorizenet.AuthorizeNetGateway"
KEYS = {"login_id": "login", "transaction_key": "key", "signature_key": "0A"}


class ToSecond:
    """A router that takes the journal's own alias for its rows."""

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "second"


class Raises:
    """A backend of somebody else's, without the option that it wants."""

    def __init__(self, alias: str, entry: Any) -> None:
        raise KeyError("api_key")


@pytest.fixture
def second(db: None, settings: Any, tmp_path: Path) -> Iterator[str]:
    """A journal alias of a kind that can have a connection of its own."""
    settings.DINERO = {**one(), "JOURNAL_ALIAS": "second"}
    with second_database(tmp_path) as alias:
        connections[alias].vendor = "postgresql"  # only looked at
        yield alias


def ids(settings: Any, dinero: Any) -> list[str]:
    settings.DINERO = dinero
    return sorted(str(message.id) for message in checks.check_settings())


def one(backend: str = SANDBOX, **options: Any) -> dict[str, Any]:
    return {"GATEWAYS": {"default": {"BACKEND": backend, "OPTIONS": options}}}


def test_a_good_setting_is_silent(settings: Any) -> None:
    assert ids(settings, one()) == []
    assert ids(settings, one(AUTHORIZENET, environment="sandbox", **KEYS)) == []


@pytest.mark.parametrize(
    ("dinero", "expected"),
    [
        ([], ["dinero.E001"]),
        ({}, ["dinero.E001"]),
        ({"GATEWAYS": []}, ["dinero.E001"]),
        ({**one(), "GATEWAY": {}}, ["dinero.W001"]),
        ({"GATEWAYS": {"other": {"BACKEND": SANDBOX}}}, ["dinero.W002"]),
        ({**one(), "ON_ROLLBACK": "void"}, []),
        ({**one(), "ON_ROLLBACK": "refund"}, ["dinero.E012"]),
        ({**one(), "KEEP_OPERATIONS_DAYS": 30}, []),
        ({**one(), "KEEP_OPERATIONS_DAYS": 7}, ["dinero.E013"]),
        ({**one(), "ADMIN_CONFIRM_ABOVE": {"USD": 1000}}, []),
        ({**one(), "ADMIN_CONFIRM_ABOVE": 10.5}, ["dinero.E016"]),
        ({**one(), "GATEWAY_RESOLVER": "nowhere.at.all"}, ["dinero.E002"]),
        ({**one(), "GATEWAY_RESOLVER": "django_dinero.conf.KNOWN"}, ["dinero.E002"]),
        ({"GATEWAYS": {"default": "sandbox"}}, ["dinero.E003"]),
        ({"GATEWAYS": {"default": {}}}, ["dinero.E003"]),
        ({"GATEWAYS": {"default": {"BACKEND": SANDBOX, "store": "x"}}}, ["dinero.E003"]),
        ({"GATEWAYS": {"default": {"BACKEND": SANDBOX, "OPTIONS": "x"}}}, ["dinero.E003"]),
        ({"GATEWAYS": {"default": {"BACKEND": SANDBOX, "OPTIONS": ["x"]}}}, ["dinero.E003"]),
        (one("nowhere.Gateway"), ["dinero.E003"]),
        (one("decimal.Decimal"), ["dinero.E003"]),
        (one(SANDBOX, curency="USD"), ["dinero.E003"]),
        (one(SANDBOX, currency="usd"), ["dinero.E003"]),
        (one(SANDBOX, max_cards="ten"), ["dinero.E003"]),
        (one(AUTHORIZENET, environment="sandbox", currency="BHD", **KEYS), ["dinero.E003"]),
        (one(SANDBOX, store="/nowhere/at/all.sqlite3"), ["dinero.E009"]),
        (one(AUTHORIZENET, environment="sandbox", lease_seconds=10, **KEYS), ["dinero.E010"]),
        (
            one(AUTHORIZENET, environment="sandbox", **{**KEYS, "transaction_key": " key"}),
            ["dinero.E004"],
        ),
    ],
)
def test_each_finding(settings: Any, dinero: Any, expected: list[str]) -> None:
    assert ids(settings, dinero) == expected


@pytest.mark.parametrize(
    "endpoint",
    ["http://example.com/xml/v1/request.api", "https://evil.example/xml", "file:///etc/passwd"],
)
def test_a_plain_or_foreign_endpoint_is_an_error(settings: Any, endpoint: str) -> None:
    settings.DINERO = one(AUTHORIZENET, endpoint=endpoint, **KEYS)
    assert [message.is_serious() for message in checks.check_settings()] == [True]


@pytest.mark.django_db  # Django's own checks may ask the database what it can do
@pytest.mark.parametrize("dinero", [None, [], {"GATEWAYS": None}])
def test_a_setting_of_another_shape_is_told_once(settings: Any, dinero: Any) -> None:
    settings.DINERO = dinero
    found = [m.id for m in run_checks(databases=["default"]) if str(m.id).startswith("dinero.")]
    assert found == ["dinero.E001"]


@pytest.mark.parametrize(
    "dinero",
    [
        {"GATEWAYS": {"shop": {}}},
        {"GATEWAYS": {"shop": {"BACKEND": "nowhere.Gateway"}}},
        {"GATEWAYS": {"shop": {"BACKEND": SANDBOX, "OPTIONS": {"currency": "usd"}}}},
        {"GATEWAYS": {"shop": {"BACKEND": AUTHORIZENET}}},
        {"GATEWAYS": {"shop": {"BACKEND": f"{__name__}.Raises"}}},
    ],
)
def test_a_finding_names_its_gateway_once(
    settings: Any, monkeypatch: pytest.MonkeyPatch, dinero: Any
) -> None:
    # By a name of its own: under importlib's import mode this file has none that can be imported.
    module = ModuleType(__name__)
    vars(module)["Raises"] = Raises
    monkeypatch.setitem(sys.modules, __name__, module)
    settings.DINERO = dinero
    (text,) = (str(m.msg) for m in checks.check_settings() if m.id == "dinero.E003")
    assert text.startswith("DINERO gateway 'shop'")
    assert text.count("DINERO gateway") == 1


def test_a_backend_that_raises_what_it_likes_is_a_finding(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_dinero.checks.gateways.build", Raises)
    settings.DINERO = {"GATEWAYS": {"default": {"BACKEND": "shop.Gateway"}}}
    assert [str(m.msg) for m in checks.check_settings()] == [
        "DINERO gateway 'default': KeyError: 'api_key'"
    ]


def test_the_sandbox_in_production(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DEBUG = False
    assert ids(settings, one()) == []
    monkeypatch.delattr(mail, "outbox")  # what a test run has and a server has not
    assert ids(settings, one()) == ["dinero.E008"]
    assert ids(settings, one(allow_in_production=True)) == []
    settings.DEBUG = True
    assert ids(settings, one()) == []


def test_the_keys_of_gateways_are_hidden_on_a_debug_page(settings: Any) -> None:
    """By the names of their options, which is how Django tells a secret."""
    # All that we never quote ourselves, but the name that one signs in with.
    found = [name for name in AuthorizeNetGateway.option_names if any(p in name for p in HIDDEN)]
    secrets = {name: f"planted {name}" for name in found if name != "login_id"}
    assert {"transaction_key", "signature_key"} <= set(secrets)
    settings.DINERO = one(AUTHORIZENET, **secrets)
    shown = repr(SafeExceptionReporterFilter().get_safe_settings()["DINERO"])
    assert [name for name, value in secrets.items() if value in shown] == []
    assert all(name in shown for name in secrets)


def test_an_unknown_option_is_named_with_the_accepted_ones(settings: Any) -> None:
    settings.DINERO = one(SANDBOX, curency="USD")
    text = str(checks.check_settings()[0])
    assert "curency" in text
    assert "currency" in text


def test_a_key_that_cannot_be_read_is_not_shown(settings: Any) -> None:
    settings.DINERO = one(AUTHORIZENET, environment="sandbox", **{**KEYS, "signature_key": "s3c\n"})
    text = str(checks.check_settings())
    assert "signature_key" in text
    assert "s3c" not in text


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("0A1B", []),
        (["0A1B", "2C3D"], []),
        (("0A1B", "2C3D"), []),
        ("0A1B 2C3D", ["dinero.E004"]),
        ("0A1B\n2C3D", ["dinero.E004"]),
        ("0A1B\t", ["dinero.E004"]),
        (["0A1B", "2C 3D"], ["dinero.E004"]),
        (["0A1B", ""], ["dinero.E004"]),
        ([], ["dinero.E004"]),
    ],
)
def test_a_key_that_was_pasted_with_blanks(settings: Any, key: Any, found: list[str]) -> None:
    """It would verify nothing, and nobody would be told why."""
    with_key = one(AUTHORIZENET, environment="sandbox", **{**KEYS, "signature_key": key})
    assert ids(settings, with_key) == found


def test_a_wrong_word_about_webhooks(settings: Any) -> None:
    assert ids(settings, {**one(), "WEBHOOKS": {"INLINE": "yes"}}) == ["dinero.E001"]
    assert ids(settings, {**one(), "WEBHOOKS": {"INLINE": False}}) == []


def test_a_live_gateway_with_debug(settings: Any) -> None:
    settings.DEBUG = True
    assert ids(settings, one(AUTHORIZENET, environment="production", **KEYS)) == ["dinero.W003"]
    settings.DEBUG = False
    assert ids(settings, one(AUTHORIZENET, environment="production", **KEYS)) == []


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ({"environment": "sandbox"}, {"environment": "sandbox"}, True),
        ({"environment": "production"}, {"endpoint": "https://api2.authorize.net/xml"}, True),
        ({"environment": "production"}, {"environment": "sandbox"}, False),
        ({"environment": "sandbox"}, {"environment": "sandbox", "login_id": "other"}, False),
        ({"environment": "sandbox"}, {"environment": "nowhere"}, False),
    ],
)
def test_two_names_for_one_account(settings: Any, first: Any, second: Any, same: bool) -> None:
    keys = {**KEYS, "login_id": "l0gin-planted", "transaction_key": "k3y-planted"}
    entries = {
        name: {"BACKEND": AUTHORIZENET, "OPTIONS": {**keys, **options}}
        for name, options in (("default", first), ("old", second))
    }
    settings.DINERO = {"GATEWAYS": {**entries, "bank": {"BACKEND": SANDBOX}}}
    found = checks.check_accounts()
    assert [message.id for message in found] == ["dinero.W016"] * same
    for message in found:
        assert "'default', 'old'" in message.msg and "bank" not in message.msg
        assert "Keep one name" in str(message.hint)
        assert "planted" not in f"{message.msg} {message.hint}"


def test_accounts_of_a_wrong_setting_are_not_compared(settings: Any) -> None:
    settings.DINERO = "nonsense"
    assert checks.check_accounts() == []


def test_the_journals_alias(settings: Any) -> None:
    settings.DINERO = {**one(), "JOURNAL_ALIAS": "nowhere"}
    assert [message.id for message in checks.check_journal()] == ["dinero.E005"]
    settings.DINERO = {**one(), "JOURNAL_ALIAS": ""}
    assert checks.check_journal() == []


def test_the_tables_own_alias_is_no_second_connection(settings: Any) -> None:
    settings.DINERO = {**one(), "JOURNAL_ALIAS": "default"}
    (found,) = checks.check_journal()
    assert found.id == "dinero.E005"
    assert "written through 'default' already" in found.msg


def test_views_that_could_not_charge(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DINERO = one()
    assert checks.check_requests() == []
    monkeypatch.setitem(connections["default"].settings_dict, "ATOMIC_REQUESTS", True)
    (found,) = checks.check_requests()
    assert found.id == "dinero.W017"
    assert "a charge in a view is refused" in found.msg
    assert found in run_checks(tags=["dinero"])
    settings.DINERO = {**one(), "JOURNAL_ALIAS": "journal"}
    assert checks.check_requests() == []


def test_sqlite_cannot_have_a_journal_of_its_own(second: str) -> None:
    connections[second].settings_dict.update(connections["default"].settings_dict)
    connections[second].vendor = "sqlite"
    assert ["SQLite" in message.msg for message in checks.check_journal()] == [True]


@pytest.mark.autonomous
def test_a_good_journal_alias_is_silent(settings: Any) -> None:
    assert settings.DINERO["JOURNAL_ALIAS"] == "journal"
    assert checks.check_journal() == []


@pytest.mark.django_db
def test_rows_of_a_gateway_that_is_gone(settings: Any) -> None:
    settings.DINERO = one()
    Customer.objects.bulk_create([Customer(gateway_name="old", email="x@example.com")])
    found = [m for m in run_checks(databases=["default"]) if m.id == "dinero.E006"]
    assert len(found) == 1
    assert "'old'" in str(found[0])
    settings.DINERO = {"GATEWAYS": {"default": {"BACKEND": SANDBOX}, "old": {"BACKEND": SANDBOX}}}
    assert [m for m in run_checks(databases=["default"]) if m.id == "dinero.E006"] == []


@pytest.mark.parametrize(
    ("journal", "text"),
    [
        ({"NAME": "elsewhere"}, "points to another database"),
        ({"HOST": "elsewhere"}, "points to another database"),
        ({"ENGINE": "another"}, "points to another database"),
        ({"ATOMIC_REQUESTS": True}, "rolls the journal back"),
        ({"AUTOCOMMIT": False}, "nothing that it writes is kept"),
    ],
)
def test_the_journals_connection_is_to_the_same_database(
    second: str, journal: dict[str, Any], text: str
) -> None:
    connections[second].settings_dict.update(connections["default"].settings_dict, **journal)
    found = checks.check_journal()
    assert [message.id for message in found] == ["dinero.E005"]
    assert text in str(found)
    assert "journal_alias(" in str(found[0].hint)


@pytest.mark.parametrize(
    ("vendor", "options", "waits"),
    [
        ("postgresql", {}, True),
        ("postgresql", {"options": "-c statement_timeout=9"}, True),
        ("postgresql", {"options": "-c lock_timeout=2000"}, False),
        ("mysql", {"init_command": "SET sql_mode=''"}, True),
        ("mysql", {"init_command": "SET innodb_lock_wait_timeout=2"}, False),
        ("oracle", {}, False),
    ],
)
def test_a_journal_that_waits_for_its_own_caller(
    second: str, vendor: str, options: dict[str, str], waits: bool
) -> None:
    connections[second].vendor = vendor
    connections[second].settings_dict.update(connections["default"].settings_dict, OPTIONS=options)
    assert [m.id for m in checks.check_journal()] == (["dinero.W005"] if waits else [])


def test_a_router_must_not_send_the_journal_to_its_own_alias(second: str, settings: Any) -> None:
    settings.DATABASE_ROUTERS = [ToSecond()]
    found = checks.check_journal()
    assert [message.id for message in found] == ["dinero.E005"]
    assert "router" in str(found[0].hint)


def test_rows_are_not_asked_for_without_a_database(settings: Any) -> None:
    """No ``django_db`` mark: a query would fail the test."""
    settings.DINERO = one()
    assert checks.check_rows() == []
    assert checks.check_rows(databases=[]) == []
    assert checks.check_rows(databases=["another"]) == []


def test_a_resolver_knows_names_that_settings_do_not(settings: Any) -> None:
    settings.DINERO = {**one(), "GATEWAY_RESOLVER": "decimal.Decimal"}
    assert checks.check_rows(databases=["default"]) == []


def no_tables(*args: Any) -> None:
    """Answer every query as a database that was not migrated."""
    raise ProgrammingError("no such table: dinero_customer")


@pytest.mark.django_db
def test_tables_that_are_not_there_yet_are_named_with_the_cure(settings: Any) -> None:
    settings.DINERO = one()
    with connection.execute_wrapper(no_tables):
        [found] = checks.check_rows(databases=["default"])
    assert found.id == "dinero.W007"
    assert "no such table: dinero_customer" in str(found.msg)
    assert found.hint == "Run: python manage.py migrate --database default"


@pytest.mark.django_db
def test_migrate_is_not_told_to_migrate(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DINERO = one()
    monkeypatch.setattr(sys, "argv", ["manage.py", "migrate"])
    with connection.execute_wrapper(no_tables):
        assert checks.check_rows(databases=["default"]) == []


@pytest.mark.django_db
def test_lost_rows_are_named_by_gateway_and_kind(settings: Any) -> None:
    settings.DINERO = one()
    Customer.objects.bulk_create([Customer(gateway_name="old", email="x@example.com")])
    for name in ("old", "older"):
        Operation.objects.create(kind="create_customer", gateway_name=name)
    found = checks.check_rows(databases=["default"])
    assert [str(message.msg) for message in found] == [
        "The database has customers, operations of the gateway 'old', which DINERO lacks.",
        "The database has operations of the gateway 'older', which DINERO lacks.",
    ]


@pytest.mark.parametrize(
    ("backend", "options", "what"),
    [
        (SANDBOX, {"allow_in_production": True}, "a test bank in this process"),
        (AUTHORIZENET, {**KEYS, "environment": "sandbox"}, "Authorize.Net's sandbox"),
        (
            AUTHORIZENET,
            {**KEYS, "endpoint": "http://127.0.0.1:8765/xml/v1/request.api"},
            "a server on this machine (127.0.0.1)",
        ),
        (
            AUTHORIZENET,
            {**KEYS, "endpoint": "https://proxy.example/", "trusted_hosts": ["proxy.example"]},
            "proxy.example, which is no server of Authorize.Net's",
        ),
    ],
)
def test_a_deployment_says_where_no_money_moves(
    settings: Any, backend: str, options: dict[str, Any], what: str
) -> None:
    settings.DINERO = one(backend, **options)
    settings.DEBUG = False
    (found,) = checks.check_deployment()
    assert found.id == "dinero.W008"
    assert f"'default' is {what}, and DEBUG is off" in found.msg
    settings.DEBUG = True
    assert checks.check_deployment() == []


def test_a_test_bank_that_is_refused_anyway_is_told_of_once(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(mail, "outbox")  # what a test run has and a server has not
    settings.DINERO, settings.DEBUG = one(SANDBOX), False
    found = run_checks(tags=["dinero"], include_deployment_checks=True)
    assert [each.id for each in found if each.id in ("dinero.E008", "dinero.W008")] == [
        "dinero.E008"
    ]


def test_a_deployment_with_a_live_account_is_silent(settings: Any) -> None:
    settings.DEBUG = False
    settings.DINERO = one(AUTHORIZENET, environment="production", **KEYS)
    assert checks.check_deployment() == []
    # What is wrong with the setting is the other check's to say.
    wrongs: list[Any] = [[], one("nowhere.Gateway"), {"GATEWAYS": {"default": "sandbox"}}]
    for wrong in wrongs:
        settings.DINERO = wrong
        assert checks.check_deployment() == []


def test_it_is_said_of_deployments_alone(settings: Any) -> None:
    settings.DEBUG = False
    said = [
        {message.id for message in run_checks(tags=["dinero"], include_deployment_checks=deploy)}
        for deploy in (False, True)
    ]
    assert ["dinero.W008" in ids for ids in said] == [False, True]
