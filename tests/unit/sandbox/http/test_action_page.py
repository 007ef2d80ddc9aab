"""The page on which the card's holder confirms a payment, in place of his bank's."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import urlencode

import pytest
import requests

from django_dinero.enums import RemoteStatus
from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.ledger_rows import action_name, find
from django_dinero.sandbox.bank.records import LedgerRow, Order, PlainCard
from django_dinero.sandbox.http import action_page
from django_dinero.sandbox.http.server import SandboxServer

BACK = "http://shop.example/orders/1/"


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    bank = Bank()
    with SandboxServer(bank) as server:
        yield server
    bank.close()


@pytest.fixture
def row(server: SandboxServer) -> LedgerRow:
    """A payment that waits."""
    card = PlainCard(Secret("4000000000003220"), 12, 2040)
    verdict = server.bank.charge(
        card, Decimal("12.50"), operation_key="K1", order=Order(), currency="USD"
    )
    assert verdict.row is not None
    return verdict.row


def status(server: SandboxServer, row: LedgerRow) -> RemoteStatus:
    found = find(server.bank.store, row.id)
    assert found is not None
    return found.status


def decide(
    server: SandboxServer, row: LedgerRow, decision: str, back: str = BACK, **headers: str
) -> requests.Response:
    return requests.post(
        server.url + action_page.ACTION_PATH + action_name(row),
        data={"decision": decision, "return_url": back},
        headers=headers,
        allow_redirects=False,
        timeout=10,
    )


def test_it_shows_what_is_to_be_confirmed(server: SandboxServer, row: LedgerRow) -> None:
    page = requests.get(action_page.address(server.url, action_name(row), BACK), timeout=10)
    assert page.status_code == 200
    for text in ("12.50 USD", "ends in 3220", f'value="{BACK}"'):
        assert text in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert status(server, row) is RemoteStatus.REQUIRES_ACTION


@pytest.mark.parametrize(
    ("decision", "expected"),
    [("confirm", RemoteStatus.CAPTURED), ("refuse", RemoteStatus.DECLINED)],
)
def test_a_decision_leads_back(
    server: SandboxServer, row: LedgerRow, decision: str, expected: RemoteStatus
) -> None:
    answer = decide(server, row, decision, Origin=server.url)
    assert (answer.status_code, answer.headers["Location"]) == (303, BACK)
    assert status(server, row) is expected
    again = decide(server, row, "confirm")
    assert again.status_code == 404
    assert f'href="{BACK}"' in again.text
    assert status(server, row) is expected


def test_a_page_of_another_site_decides_nothing(server: SandboxServer, row: LedgerRow) -> None:
    assert decide(server, row, "confirm", Origin="http://evil.example").status_code == 403
    assert status(server, row) is RemoteStatus.REQUIRES_ACTION


def test_neither_yes_nor_no(server: SandboxServer, row: LedgerRow) -> None:
    assert decide(server, row, "maybe").status_code == 400
    assert status(server, row) is RemoteStatus.REQUIRES_ACTION


@pytest.mark.parametrize(
    "back", ["javascript:alert(1)", "//evil.example", "http://a/\r\nX: y", "http://[", ""]
)
def test_only_an_address_of_the_web_leads_back(
    server: SandboxServer, row: LedgerRow, back: str
) -> None:
    answer = decide(server, row, "confirm", back)
    assert answer.status_code == 200
    assert "Location" not in answer.headers


def test_what_is_typed_into_the_address_is_no_markup(server: SandboxServer, row: LedgerRow) -> None:
    query = urlencode({"return_url": 'http://a/"><script>'})
    path = server.url + action_page.ACTION_PATH + action_name(row)
    assert "<script>" not in requests.get(f"{path}?{query}", timeout=10).text


def test_nothing_waits_under_another_name(server: SandboxServer, row: LedgerRow) -> None:
    path = server.url + action_page.ACTION_PATH + "another"
    assert requests.get(path, timeout=10).status_code == 404
    assert requests.delete(path, timeout=10).status_code == 405


def test_too_late(server: SandboxServer, row: LedgerRow) -> None:
    server.bank.clock.advance(2 * 86400)
    assert decide(server, row, "confirm").status_code == 409
    assert status(server, row) is RemoteStatus.EXPIRED
