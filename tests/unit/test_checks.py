"""System checks: each finding, and silence where all is well."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks

from django_dinero import checks
from django_dinero.models import Customer

SANDBOX = "django_dinero.gateways.sandbox.SandboxGateway"
AUTHORIZENET = "django_dinero.gateways.authorizenet.AuthorizeNetGateway"
KEYS = {"login_id": "login", "transaction_key": "key", "signature_key": "0A"}


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
        ({**one(), "GATEWAY_RESOLVER": "nowhere.at.all"}, ["dinero.E002"]),
        ({"GATEWAYS": {"default": "sandbox"}}, ["dinero.E003"]),
        ({"GATEWAYS": {"default": {}}}, ["dinero.E003"]),
        (one("nowhere.Gateway"), ["dinero.E003"]),
        (one("decimal.Decimal"), ["dinero.E003"]),
        (one(SANDBOX, curency="USD"), ["dinero.E003"]),
        (one(SANDBOX, currency="usd"), ["dinero.E003"]),
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


def test_a_live_gateway_with_debug(settings: Any) -> None:
    settings.DEBUG = True
    assert ids(settings, one(AUTHORIZENET, environment="production", **KEYS)) == ["dinero.W003"]
    settings.DEBUG = False
    assert ids(settings, one(AUTHORIZENET, environment="production", **KEYS)) == []


def test_the_journals_alias(settings: Any) -> None:
    settings.DINERO = {**one(), "JOURNAL_ALIAS": "nowhere"}
    assert [message.id for message in checks.check_journal()] == ["dinero.E005"]
    settings.DINERO = {**one(), "JOURNAL_ALIAS": ""}
    assert checks.check_journal() == []


@pytest.mark.sqlite
def test_sqlite_cannot_have_a_journal_of_its_own(settings: Any) -> None:
    settings.DINERO = {**one(), "JOURNAL_ALIAS": "default"}
    assert any("SQLite" in str(message) for message in checks.check_journal())


@pytest.mark.autonomous
def test_a_good_journal_alias_is_silent(settings: Any) -> None:
    assert settings.DINERO["JOURNAL_ALIAS"] == "journal"
    assert checks.check_journal() == []


@pytest.mark.django_db
def test_rows_of_an_alias_that_is_gone(settings: Any) -> None:
    settings.DINERO = one()
    Customer.objects.bulk_create([Customer(gateway_name="old", email="x@example.com")])
    found = [m for m in run_checks(databases=["default"]) if m.id == "dinero.E006"]
    assert len(found) == 1
    assert "'old'" in str(found[0])
    settings.DINERO = {"GATEWAYS": {"default": {"BACKEND": SANDBOX}, "old": {"BACKEND": SANDBOX}}}
    assert [m for m in run_checks(databases=["default"]) if m.id == "dinero.E006"] == []
