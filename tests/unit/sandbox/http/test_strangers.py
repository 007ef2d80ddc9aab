"""Which requests the controls of a served bank take for a stranger's page."""

from __future__ import annotations

import pytest

from django_dinero.sandbox.http.exchange import Request
from django_dinero.sandbox.http.strangers import refusal_of

HERE = "http://127.0.0.1:8765"
EVERYWHERE = "http://0.0.0.0:8765"
JSON = {"content-type": "application/json"}


def status(headers: dict[str, str], body: bytes = b"", url: str = HERE) -> int:
    """Return the status of the refusal, 0 for none."""
    refused = refusal_of(Request("POST", "/_control/hold", headers, body), url)
    return refused.status if refused is not None else 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "127.0.0.1:8765"},
        {"Host": "localhost:8765"},
        {"Host": "[::1]:8765"},
        {"Host": "127.0.0.1:8765", "Origin": "http://127.0.0.1:8765"},
        {"Host": "127.0.0.1:8765", "Sec-Fetch-Site": "same-origin"},
        {"Host": "127.0.0.1:8765", "Sec-Fetch-Site": "none"},
        JSON,
        {"CONTENT-TYPE": "Application/JSON; charset=utf-8"},
    ],
)
def test_programs_and_its_own_pages(headers: dict[str, str]) -> None:
    assert status(headers) == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:8765"},
        {"Host": "evil.example"},
        {"Host": "bank:8765"},
        {"Host": "[::1"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "127.0.0.1:8765", "Origin": "http://evil.example"},
        {"Host": "127.0.0.1:8765", "Origin": "http://127.0.0.1:9000"},
        {"Host": "127.0.0.1:8765", "Origin": "https://127.0.0.1:8765"},
        {"Host": "127.0.0.1:8765", "Origin": "null"},
        {"Host": "127.0.0.1:8765", "Sec-Fetch-Site": "cross-site"},
        {"Host": "127.0.0.1:8765", "Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_other_sites(headers: dict[str, str]) -> None:
    assert status({**JSON, **headers}, b"{}") == 403


@pytest.mark.parametrize(
    "sent_as",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
)
def test_forms(sent_as: str) -> None:
    assert status({"Content-Type": sent_as}, b"{}") == 415


def test_a_form_without_a_field() -> None:
    assert status({"Content-Type": "application/x-www-form-urlencoded"}) == 415


def test_served_to_other_machines() -> None:
    """A container has a name without a dot; a site that a browser has open has none."""
    assert status({"Host": "bank:8765"}, url=EVERYWHERE) == 0
    assert status({"Host": "10.1.2.3:8765"}, url=EVERYWHERE) == 0
    assert status({"Host": "evil.example:8765"}, url=EVERYWHERE) == 403
    assert status({"Host": "bank.example:8765"}, url="http://bank.example:8765") == 0
