"""``manage.py dinero_sandbox`` in a process of its own."""

from __future__ import annotations

import hashlib
import hmac
import re
import signal
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from subprocess import PIPE, Popen
from sys import executable
from threading import Thread
from typing import ClassVar

import pytest
import requests
from django.core.management import CommandError, call_command

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.schema import VERSION
from example_project.demo.bank import FACTS, BankProcess
from example_project.settings import BASE_DIR
from tests.support.authorizenet import bill_to, card, request

pytestmark = pytest.mark.slow

COMMAND = (executable, "-u", str(BASE_DIR / "manage.py"), "dinero_sandbox")
XML = {"Content-Type": "text/xml"}


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[BankProcess]:
    """The command, started as the example project starts it."""
    with BankProcess(tmp_path / "bank.sqlite3") as bank:
        yield bank


def test_it_tells_how_to_reach_it_and_answers(bank: BankProcess) -> None:
    assert set(bank.facts) == set(FACTS)
    login = (
        f"<merchantAuthentication><name>{bank.facts['login_id']}</name><transactionKey>"
        f"{bank.facts['transaction_key']}</transactionKey></merchantAuthentication>"
    )
    body = request("authenticateTest", login=login)
    response = requests.post(bank.facts["endpoint"], data=body, headers=XML, timeout=10)
    assert b"I00001" in response.content


def test_the_store_outlives_it(tmp_path: Path) -> None:
    create = request(
        "createCustomerProfile", "<profile><merchantCustomerId>u1</merchantCustomerId></profile>"
    )
    find = request("getCustomerProfile", "<merchantCustomerId>u1</merchantCustomerId>")
    for body in (create, find):
        with BankProcess(tmp_path / "bank.sqlite3") as bank:
            endpoint = bank.facts["endpoint"]
            response = requests.post(endpoint, data=body, headers=XML, timeout=10)
            assert b"I00001" in response.content


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    with Popen([*COMMAND, "--port", "0"], stdout=PIPE, stderr=PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("endpoint: http://127.0.0.1:")
        written = []
        while "Ctrl-C" not in (line := process.stdout.readline()):
            written.append(line)
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")
    text = "".join(written)
    assert "control: http://127.0.0.1:" in text
    assert "zip 46282" in text
    assert "4111111111111111" in text


def test_the_account_declines_what_it_is_told() -> None:
    arguments = [*COMMAND, "--port", "0", "--reject-avs", "a", "--reject-cvv", ""]
    with Popen(arguments, stdout=PIPE, stderr=PIPE, text=True) as process:
        assert process.stdout is not None
        endpoint = process.stdout.readline().split()[1]
        while "Ctrl-C" not in process.stdout.readline():
            pass
        answers = [reason(endpoint, "46201", "900"), reason(endpoint, "46205", "901")]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
    assert answers == ["27", "1"]


class Shop(BaseHTTPRequestHandler):
    """An endpoint that keeps what is posted to it."""

    posted: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.posted.append((self.headers["X-ANET-Signature"], body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def test_it_sends_signed_webhooks_to_an_address() -> None:
    shop = HTTPServer(("127.0.0.1", 0), Shop)
    thread = Thread(target=shop.handle_request)
    thread.start()
    url = f"http://127.0.0.1:{shop.server_address[1]}/hook"
    arguments = [*COMMAND, "--port", "0", "--webhook-url", url, "--signature-key", "0A1B2C3D"]
    with Popen(arguments, stdout=PIPE, stderr=PIPE, text=True) as process:
        assert process.stdout is not None
        endpoint = process.stdout.readline().split()[1]
        written = []
        while "Ctrl-C" not in (line := process.stdout.readline()):
            written.append(line)
        assert reason(endpoint, "12345", "900") == "1"
        thread.join(20)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    shop.server_close()
    assert "signature_key: 0A1B2C3D\n" in written
    ((signature, body),) = Shop.posted
    digest = hmac.new(b"0A1B2C3D", body, hashlib.sha512).hexdigest()
    assert signature == f"sha512={digest.upper()}"
    assert b"net.authorize.payment.authcapture.created" in body


def reason(endpoint: str, zip_code: str, cvv: str) -> str:
    """Charge a card over HTTP and return the code of the error or of the approval."""
    tx = "<transactionType>authCaptureTransaction</transactionType><amount>5.00</amount>"
    tx += card(cvv=cvv) + bill_to(zip_code)
    body = request("createTransaction", f"<transactionRequest>{tx}</transactionRequest>")
    text = requests.post(endpoint, data=body, headers=XML, timeout=10).text
    found = re.search(r"<(?:errorCode|code)>([0-9]+)<", text)
    assert found is not None, text
    return found[1]


def test_the_fault_die_ends_the_process(bank: BankProcess) -> None:
    endpoint = bank.facts["endpoint"]
    control = endpoint.replace("/xml/v1/request.api", "/_control/fault")
    requests.post(control, json={"name": "die"}, timeout=10)
    with pytest.raises(requests.ConnectionError):
        requests.post(endpoint, data=request("authenticateTest"), headers=XML, timeout=10)


def run(*arguments: str) -> tuple[int, str]:
    with Popen([*COMMAND, *arguments], stdout=PIPE, stderr=PIPE, text=True) as process:
        _, errors = process.communicate(timeout=30)
    return process.returncode, errors


def test_a_taken_port_and_a_file_that_is_no_store(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, errors = run("--port", port)
    assert code == 1
    assert errors.startswith(f"CommandError: --port {port}: ")
    assert "--port 0 takes any that is free" in errors
    assert "Another test bank may be running there." in errors
    other = tmp_path / "notes.txt"
    other.write_text("not a store\n" * 100)
    code, errors = run("--port", "0", "--store", str(other))
    assert code == 1
    assert errors.startswith(f"CommandError: --store {other}: ")


@pytest.mark.parametrize("name", ["", "a-folder", "missing/bank.sqlite3", "older.sqlite3"])
def test_stores_that_cannot_be_used_are_told_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "a-folder").mkdir()
    with closing(sqlite3.connect(tmp_path / "older.sqlite3")) as older:
        older.execute(f"PRAGMA user_version = {VERSION - 1 or 99}")
    code, errors = run("--port", "0", "--store", str(tmp_path / name) if name else "")
    assert code == 1
    assert errors.startswith("CommandError: --store ")
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--webhook-url", "shop.example"),
        ("--webhook-url", "ftp://shop.example/"),
        ("--webhook-url", "http://[::1"),
        ("--signature-key", ""),
        ("--signature-key", "0A 1B"),
        ("--signature-key", "0A1B\n"),
        ("--signature-key", "é"),
    ],
)
def test_addresses_and_keys_that_are_none(option: str, value: str) -> None:
    with pytest.raises(CommandError, match=f"^{option}"):
        call_command("dinero_sandbox", option, value, port=0)


def test_a_store_is_let_go_after_a_wrong_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = list[Bank]()
    monkeypatch.setattr(Bank, "close", lambda bank: closed.append(bank))
    with pytest.raises(CommandError, match="this is no address"):
        call_command("dinero_sandbox", webhook_url=["http://[::1"], store=tmp_path / "bank.sqlite3")
    (bank,) = closed
    monkeypatch.undo()
    bank.close()
