"""The options of the in-process sandbox, and where it refuses to work."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured

from django_dinero.gateways.sandbox import SandboxGateway
from django_dinero.models import Operation, Transaction
from django_dinero.models.operation import OperationState


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"store": 5}, "the option store is 5; give the path of a file."),
        ({"reject_avs": None}, "reject_avs is None; give a text of the letters ABE"),
        ({"reject_avs": "n"}, "reject_avs is 'n'"),
        ({"reject_cvv": ["N"]}, "reject_cvv is"),
        ({"max_cards": 0}, "max_cards is 0; give a whole number above 0."),
        ({"max_cards": "10"}, "max_cards is '10'"),
        ({"max_cards": True}, "max_cards is True"),
        ({"allow_in_production": "no"}, "allow_in_production is 'no'; give True or False."),
    ],
)
def test_options_that_would_fail_in_the_middle_of_a_payment(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        SandboxGateway("shop", options)
    assert "DINERO gateway 'shop': " in str(caught.value)
    assert words in str(caught.value)


def test_options_reach_the_bank(tmp_path: Path) -> None:
    options = {"reject_avs": "NU", "reject_cvv": "", "max_cards": 2, "currency": "EUR"}
    bank = SandboxGateway("shop", {**options, "store": tmp_path / "bank.sqlite3"}).bank
    account = bank.account
    assert (account.reject_avs, account.reject_cvv, account.max_cards) == ("NU", "", 2)
    assert (account.currency, bank.store.in_memory) == ("EUR", False)
    bank.close()


def test_a_store_that_cannot_be_used_is_a_wrong_configuration(tmp_path: Path) -> None:
    older = tmp_path / "older.sqlite3"
    with closing(sqlite3.connect(older)) as db:
        db.execute("PRAGMA user_version = 99")
    for store, words in (
        (tmp_path / "no" / "bank", "a folder that does not exist"),
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


@pytest.mark.django_db
def test_it_refuses_to_be_a_production_gateway(production: Any) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        Transaction.create("5", number="4111111111111111")
    assert "'default' is the test bank, and DEBUG is off: every charge" in str(caught.value)
    assert "Configure a real gateway, or set its option allow_in_production" in str(caught.value)
    assert not Transaction.objects.exists()
    # Nothing was asked of a bank, so that nothing waits to be looked up.
    assert not Operation.objects.exclude(state=OperationState.FAILED).exists()


@pytest.mark.parametrize("debug", [True, False])
def test_where_it_works(production: Any, debug: bool) -> None:
    production.DEBUG = debug
    gateway = SandboxGateway("shop", {"allow_in_production": not debug})
    assert gateway.check_credentials().accepted
    assert not gateway.live


def test_where_it_works_in_a_test_run(settings: Any) -> None:
    settings.DEBUG = False
    assert SandboxGateway("shop", {}).check_credentials().accepted
