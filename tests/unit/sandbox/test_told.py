"""What the command prints and the page on testing says of the bank: complete, and true."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.checks import ERROR
from django.core.management import CommandError, call_command
from django.utils.module_loading import import_string

from django_dinero.card_numbers import brand_of, luhn_valid
from django_dinero.gateways.authorizenet import AuthorizeNetGateway
from django_dinero.management.commands.dinero_sandbox import Command
from django_dinero.sandbox.bank import triggers
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.card_facts import CVV_LETTERS, facts_of
from django_dinero.sandbox.bank.records import Account
from django_dinero.sandbox.bank.triggers import assess
from django_dinero.sandbox.http.controls import CONTROLS
from django_dinero.sandbox.http.faults import FaultName
from django_dinero.sandbox.http.server import SandboxServer
from tests.support.testbank import AMEX, VISA, plain

PAGE = Path(__file__).resolve().parents[3] / "docs" / "testing.md"
ZIPS = {triggers.DECLINE_ZIP, triggers.PARTIAL_ZIP, *triggers.BALANCE_ZIPS, *triggers.AVS_ZIPS}
BRANDS = {
    **{"Visa": "visa", "Mastercard": "mastercard", "American Express": "amex"},
    **{"Discover": "discover", "JCB": "jcb", "Diners Club": "diners"},
}
#: The letters of a row: those behind AVS or CVV.
_LETTERS = re.compile(r"(AVS|CVV)((?: [A-Z])+)\b")


@pytest.fixture(scope="module")
def printed() -> Iterator[str]:
    """What the command prints before it serves."""
    bank, out = Bank(), StringIO()
    server = SandboxServer(bank)
    Command(stdout=out)._print_facts(server)
    yield out.getvalue()
    server.stop()
    bank.close()


@pytest.fixture(params=["printed", "page"])
def told(request: pytest.FixtureRequest, printed: str) -> str:
    """Each of the two."""
    return printed if request.param == "printed" else PAGE.read_text("utf-8").replace("`", "")


def test_every_trigger_control_and_fault_is_told(told: str) -> None:
    for word in (*ZIPS, *CVV_LETTERS, *CONTROLS, *FaultName, triggers.ACTION_NUMBER):
        assert re.search(rf"\b{word}\b", told), word


def test_the_examples_of_the_controls_are_those_of_the_table(told: str) -> None:
    for takes in CONTROLS.values():
        assert not takes or json.dumps(takes) in told


def test_the_settings_reach_the_bank(printed: str) -> None:
    text = printed.partition('DINERO["GATEWAYS"]["authorizenet"] = ')[2].partition("\n\n")[0]
    entry = json.loads(text)
    assert import_string(entry["BACKEND"]) is AuthorizeNetGateway
    gateway = AuthorizeNetGateway("authorizenet", entry["OPTIONS"])
    assert not [message for message in gateway.check() if message.level >= ERROR]
    given = gateway.options
    assert f"endpoint: {given.endpoint}\n" in printed
    account = Account()
    assert (given.login_id.reveal(), given.client_key) == (account.login_id, account.client_key)
    assert given.transaction_key.reveal() == account.transaction_key.reveal()


def test_the_triggers_are_those_of_the_account() -> None:
    account = Account(reject_avs="NAY", reject_cvv="P")
    bank, out = Bank(account=account), StringIO()
    server = SandboxServer(bank)
    Command(stdout=out)._print_facts(server)
    server.stop()
    bank.close()
    rows = {" ".join(row.split()) for row in out.getvalue().splitlines()}
    declined = "declined by the account's own rules"
    assert f"zip 46201 46205 AVS A N: {declined}" in rows
    assert f"any other zip AVS Y: {declined}; so are" in rows
    assert f"cvv 904 CVV P: {declined}" in rows
    assert "cvv 900 901 902 903 approved, CVV M N S U" in rows
    assert f"any other cvv, or none CVV P: {declined}" in rows


@pytest.mark.parametrize("name", ["reject_avs", "reject_cvv"])
def test_a_result_that_no_check_has(name: str) -> None:
    with pytest.raises(CommandError, match=rf"--{name.replace('_', '-')}: give letters of A"):
        call_command("dinero_sandbox", port=0, **{name: "NQ"})


def test_the_cards_are_of_the_brand_that_is_told(printed: str) -> None:
    page = " ".join(PAGE.read_text("utf-8").split())
    for name, brand in BRANDS.items():
        row = re.search(rf"{name} +([0-9 ]+)\n", printed)
        assert row is not None, name
        for number in row[1].split():
            assert (brand_of(number), luhn_valid(number)) == (brand, True)
            assert f"`{number}`" in page


def test_the_letters_are_true(told: str) -> None:
    checked = 0
    for row in told.splitlines():
        letters = _LETTERS.search(row)
        sent = re.findall(r"\b(46[0-9]{3}|90[0-9])\b", row)
        if letters is None or not sent:
            continue
        for value, letter in zip(sent, letters[2].split(), strict=True):
            is_zip = letters[1] == "AVS"
            card = plain(zip=value) if is_zip else plain(cvv=value)
            if is_zip and value in triggers.AVS_EXCEPTIONS["visa"]:
                card = plain("5424000000000015", zip=value)
            said = assess(facts_of(card, "key"), Account())
            assert (said.avs if is_zip else said.cvv) == letter
            assert (said.reason is None) == ("approved" in row)
            checked += 1
    assert re.search(r"46214 on Visa", told)
    assert re.search(r"46204 46211 46214 on American Express", told)
    for number, brand in ((VISA, "visa"), (AMEX, "amex")):
        for value in triggers.AVS_EXCEPTIONS[brand]:
            assert assess(facts_of(plain(number, zip=value), "key"), Account()).avs == "Y"
    assert checked == len(triggers.AVS_ZIPS) + len(CVV_LETTERS)
