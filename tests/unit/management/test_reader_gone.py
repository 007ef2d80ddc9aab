"""A command whose output takes nothing: nobody reads on, as with ``| head``, or a disk is full."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from django_dinero.management.base import READER_GONE, DineroCommand
from django_dinero.models import Customer, Transaction
from tests.support.recording import RecordingGateway, lose_reply
from tests.unit.management.deaf import Deaf, errors

#: A command of a child process; ``sys.argv[1]`` says how it tells what it has to say.
CHILD = """
import sys
from django.conf import settings
settings.configure()
from django.core.management import CommandError
from django_dinero.management.base import DineroCommand

class Command(DineroCommand):
    requires_system_checks = []

    def handle(self, *args, **options):
        tell = self.stdout.write if sys.argv[1] == "list" else self.write_after
        for number in range(3):
            tell(f"{number} Zürich \U0001f600")
        if sys.argv[1] == "fail":
            raise CommandError("It is not known.", returncode=4)

Command().run_from_argv(["manage.py", "told"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(("tells", "code"), [("list", READER_GONE), ("deed", 0)])
def test_it_ends_without_a_traceback(unbuffered: str, tells: str, code: int) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, tells],
            stdout=writing,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            check=False,
            timeout=60,
        )
    finally:
        os.close(writing)
    assert (done.stderr, done.returncode) == (b"", code)


SINKS = ["> /dev/full", ">&-", "> /dev/full 2>&1", ">&- 2>&-"]
shell = pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")


def child(*arguments: str, sink: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    words = shlex.join([sys.executable, "-c", CHILD, *arguments])
    return subprocess.run(
        ["/bin/sh", "-c", f"exec {words} {sink}"],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
        timeout=60,
    )


@shell
@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize(("tells", "code"), [("deed", 0), ("fail", 4)])
def test_what_has_happened_decides_and_no_output(
    unbuffered: str, sink: str, tells: str, code: int
) -> None:
    done = child(tells, sink=sink, PYTHONUNBUFFERED=unbuffered)
    told = "CommandError: It is not known.\n" if tells == "fail" and "2>" not in sink else ""
    assert (done.stderr, done.returncode) == (told, code)


@pytest.mark.slow
@pytest.mark.parametrize("tells", ["list", "deed"])
def test_what_an_encoding_lacks_is_written_out_as_json_does(tells: str) -> None:
    done = child(tells, PYTHONIOENCODING="ascii")
    assert (done.stderr, done.returncode) == ("", 0)
    first = done.stdout.splitlines()[0]
    assert first == r"0 Z\u00fcrich \ud83d\ude00"
    assert json.loads(f'"{first}"') == "0 Zürich \U0001f600"


@errors
@pytest.mark.django_db
def test_what_became_of_money_decides_and_not_who_reads_of_it(
    gateway: RecordingGateway, customer: Customer, error: Exception
) -> None:
    charge = ("dinero_charge", "5", "--customer", customer.email, "--no-input")
    call_command(*charge, stdout=Deaf(error), stderr=io.StringIO())
    assert Transaction.objects.get().status == "approved"
    gateway.faults["charge"] = lose_reply
    with pytest.raises(CommandError) as raised:
        call_command(*charge, "--json", stdout=Deaf(error), stderr=io.StringIO())
    assert raised.value.returncode == 4


@pytest.mark.django_db
def test_money_moves_where_there_is_no_output(
    gateway: RecordingGateway, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    call_command("dinero_charge", "5", "--customer", customer.email, "--no-input")
    assert Transaction.objects.get().status == "approved"


@pytest.mark.django_db
def test_nothing_is_asked_where_there_is_no_output(
    gateway: RecordingGateway, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(CommandError, match="pass --no-input"):
        call_command("dinero_charge", "5", "--customer", customer.email)
    assert not Transaction.objects.exists()


class Failing(DineroCommand):
    def handle(self, *args: Any, **options: Any) -> None:
        raise CommandError("It is not known.", returncode=4)


@errors
def test_an_error_that_nobody_reads_keeps_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(connections, "close_all", lambda: None)
    command = Failing(stdout=io.StringIO(), stderr=Deaf(error))
    with pytest.raises(SystemExit) as ended:
        command.run_from_argv(["manage.py", "failing", "--skip-checks"])
    assert ended.value.code == 4


def test_an_error_with_a_traceback_keeps_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(connections, "close_all", lambda: None)
    with pytest.raises(SystemExit) as ended:
        Failing().run_from_argv(["manage.py", "failing", "--skip-checks", "--traceback"])
    assert ended.value.code == 4
    assert capsys.readouterr().err.startswith("Traceback (most recent call last):")
