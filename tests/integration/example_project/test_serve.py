"""``make serve``: it answers, it is filled once, and it stops all that it started."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from django.core.management import CommandError, call_command

from example_project.demo.bank import is_free
from example_project.demo.management.commands.dinero_serve import Command

pytestmark = [pytest.mark.slow, pytest.mark.long]

ROOT = Path(__file__).resolve().parents[3]
STAFF, SHOPPER = ("demo", "demo"), ("bill", "bill")
PATIENCE = 60.0


class Served:
    """The command in a process group of its own, and the addresses that it printed."""

    def __init__(self, directory: Path) -> None:
        environment = {
            name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"
        }
        self.output = directory / "output.txt"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, str(ROOT / "manage.py"), "dinero_serve"),
                    # Any free ones: another run on this machine may want the usual ones as well.
                    *("--port", "0", "--bank-port", "0"),
                ],
                env={**environment, "EXAMPLE_VAR": str(directory / "var"), "PYTHONUNBUFFERED": "1"},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # A run in the background of a shell ignores Ctrl-C, and so would its children.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )
        try:
            self.site = self._address("site")
            self.bank = self._address("bank")
            self.wait_for(lambda: not is_free(urlsplit(self.site).port or 0), "the site")
        except BaseException:
            self.process.terminate()
            self.process.wait()
            raise

    def _address(self, name: str) -> str:
        pattern = re.compile(rf"^{name}: +(\S+)", re.MULTILINE)
        self.wait_for(lambda: pattern.search(self.output.read_text()), f"the line {name}:")
        found = pattern.search(self.output.read_text())
        assert found
        return found[1]

    def wait_for(self, happened: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not happened():
            ended = self.process.poll() is not None
            assert not ended, f"it ended before {what} came:\n{self.output.read_text()}"
            assert time.monotonic() < deadline, f"no {what}:\n{self.output.read_text()}"
            time.sleep(0.05)

    def get(self, path: str, sign_in: tuple[str, str] | None = None) -> requests.Response:
        return requests.get(self.site.rstrip("/") + path, auth=sign_in, timeout=20)


@contextmanager
def served(directory: Path, stop: signal.Signals, *, group: bool) -> Iterator[Served]:
    """Run the command, and stop it as a terminal (``group``) or a supervisor would."""
    running = Served(directory)
    try:
        yield running
    finally:
        if group:
            os.killpg(running.process.pid, stop)
        else:
            running.process.send_signal(stop)
        running.process.wait(PATIENCE)
    for address in (running.site, running.bank):
        assert is_free(urlsplit(address).port or 0), f"{address} is still served"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serve")


def counts(running: Served, who: tuple[str, str]) -> dict[str, int]:
    names = ("customers", "transactions")
    return {name: len(running.get(f"/api/{name}/", who).json()["results"]) for name in names}


def test_it_answers_and_ends_with_ctrl_c_and_is_filled_once(directory: Path) -> None:
    with served(directory, signal.SIGINT, group=True) as running:
        pages = {"/": None, "/admin/login/": None, "/shop/": None, "/api/": STAFF}
        for path, who in pages.items():
            assert running.get(path, who).status_code == 200, path
        assert running.get("/api/schema/").json()["openapi"].startswith("3.1.")
        home = running.get("/").text
        for told in ("password <kbd>bill", "password <kbd>demo", str(directory / "var" / "mail")):
            assert told in home, told
        german = requests.get(
            f"{running.site}admin/login/", headers={"Accept-Language": "de"}, timeout=20
        )
        assert 'lang="de"' in german.text
        loaded = re.findall(r'(?:href|src)="([^"]+)"', running.get("/api/schema/page/").text)
        assert len(loaded) >= 5
        for address in loaded:  # all of it from here: no other host is asked
            assert address.startswith("/"), address
            assert running.get(address).status_code == 200, address
        assert f"shop:       {running.site}shop/" in running.output.read_text()
        assert "sign in as: demo / demo" in running.output.read_text()
        assert f"receipts:   {directory / 'var' / 'mail'}" in running.output.read_text()
        assert "reconcile:  runs every 30 s" in running.output.read_text()
        first = counts(running, STAFF)
        own = counts(running, SHOPPER)
        (bill,) = running.get("/api/customers/", SHOPPER).json()["results"]
    assert running.process.returncode == 0
    assert first["customers"] == 3
    assert own["customers"] == 1
    assert 0 < own["transactions"] < first["transactions"]
    assert [card["last_4"] for card in bill["cards"]] == ["1111", "0015"]
    # The same files again: nothing is added, and the bank still knows the cards.
    with served(directory, signal.SIGTERM, group=False) as again:
        assert counts(again, STAFF) == first
        charged = requests.post(
            f"{again.site}api/customers/{bill['id']}/charge/",
            json={"price": "3.00", "currency": "USD"},
            headers={"Idempotency-Key": "a-cup-of-tea"},
            auth=STAFF,
            timeout=20,
        )
        assert charged.status_code == 201, charged.text
    assert again.process.returncode == 128 + signal.SIGTERM


def test_a_taken_port_is_told() -> None:
    with _listening() as port, pytest.raises(CommandError) as caught:
        call_command(Command(), "--port", str(port))
    assert str(caught.value) == f"Port {port} is taken. Give another one: --port {port + 1}"


def test_the_banks_port_is_not_proposed() -> None:
    with _listening() as port, pytest.raises(CommandError, match=f"--port {port + 2}$"):
        call_command(Command(), "--port", str(port), "--bank-port", str(port + 1))


@contextmanager
def _listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])
