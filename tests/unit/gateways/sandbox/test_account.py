"""Where the in-process sandbox refuses to work."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured

from django_dinero.gateways.sandbox import SandboxGateway


def test_a_store_that_cannot_be_used_is_a_wrong_configuration(tmp_path: Path) -> None:
    older = tmp_path / "older.sqlite3"
    with closing(sqlite3.connect(older)) as db:
        db.execute("PRAGMA user_version = 99")
    for store, words in (
        (tmp_path / "no" / "bank", "the folder of the store .* does not exist"),
        (tmp_path, "must be a file that this process may write"),
        ("", "name is empty"),
        (older, "take a new file"),
    ):
        with pytest.raises(ImproperlyConfigured, match=words):
            _ = SandboxGateway("shop", {"store": store}).bank


@pytest.fixture
def production(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """As a server of an installation sees it: no DEBUG, no test runner's outbox."""
    monkeypatch.delattr(mail, "outbox")
    settings.DEBUG = False
    return settings


def test_it_refuses_to_be_a_production_gateway(production: Any) -> None:
    """Before an operation is written: tests/integration/test_first_use.py."""
    with pytest.raises(ImproperlyConfigured) as caught:
        SandboxGateway("shop").prepare()
    assert "'shop' is the test bank, and DEBUG is off: every charge" in str(caught.value)
    assert "Configure a real gateway, or set its option allow_in_production" in str(caught.value)


@pytest.mark.parametrize("debug", [True, False])
def test_where_it_works(production: Any, debug: bool) -> None:
    production.DEBUG = debug
    gateway = SandboxGateway("shop", {"allow_in_production": not debug})
    assert gateway.check_credentials().accepted
    assert not gateway.live


def test_where_it_works_in_a_test_run(settings: Any) -> None:
    settings.DEBUG = False
    assert SandboxGateway("shop", {}).check_credentials().accepted


def test_the_browser_gets_what_is_public() -> None:
    assert SandboxGateway("shop").browser_keys() == {
        "api_login_id": "sandbox-login",
        "client_key": "sandbox-client-key",
    }
