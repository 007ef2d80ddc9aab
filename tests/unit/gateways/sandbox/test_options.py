"""The options of the in-process test bank: each wrong one is named before anything is written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_dinero.gateways.sandbox import SandboxGateway
from django_dinero.gateways.types import Refusal


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"reject_avs": 7}, "reject_avs"),
        ({"reject_avs": "n"}, "reject_avs"),
        ({"reject_cvv": None}, "reject_cvv"),
        ({"reject_cvv": ["N"]}, "reject_cvv"),
        ({"max_cards": 0}, "max_cards"),
        ({"max_cards": "10"}, "max_cards"),
        ({"max_cards": True}, "max_cards"),
        ({"store": 5}, "store"),
        ({"allow_in_production": "no"}, "allow_in_production"),
    ],
)
def test_an_impossible_option_is_named(options: dict[str, Any], name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=rf"^DINERO gateway 'shop': the option '{name}'"):
        SandboxGateway("shop", options)


def test_the_options_reach_the_bank(tmp_path: Path) -> None:
    store: os.PathLike[str] = tmp_path / "bank.sqlite3"
    given = {"store": store, "reject_avs": "", "reject_cvv": "NP", "max_cards": 2}
    bank = SandboxGateway("shop", {**given, "currency": "EUR"}).bank
    account = bank.account
    assert (account.reject_avs, account.reject_cvv, account.max_cards) == ("", "NP", 2)
    assert account.currency == "EUR"
    assert bank.store.path == str(store)
    bank.close()


@pytest.mark.parametrize(
    ("content", "text"), [(b"no database", "not a test bank's file"), (None, "unable to open")]
)
def test_a_store_that_cannot_be_opened_is_a_wrong_setting(
    tmp_path: Path, content: bytes | None, text: str
) -> None:
    store = tmp_path / "bank.sqlite3"
    if content is None:
        store.mkdir()
    else:
        store.write_bytes(content * 100)
    with pytest.raises(ImproperlyConfigured, match=rf"^DINERO gateway 'shop': .*{text}"):
        SandboxGateway("shop", {"store": str(store)}).prepare()


def test_a_bank_in_memory_says_so_when_it_knows_nobody(tmp_path: Path) -> None:
    """The row is there, from another process: "cannot be found" alone would be a riddle."""
    told = []
    for options in ({}, {"store": tmp_path / "bank.sqlite3"}):
        answer = SandboxGateway("shop", options).retrieve_customer("1")
        assert isinstance(answer, Refusal)
        told.append("option 'store' gives it a file" in answer.reasons[0].text)
    assert told == [True, False]
