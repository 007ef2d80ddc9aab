"""A command whose reader goes before the end, as with ``| head``: it ends, and says nothing."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from django_dinero.management.base import READER_GONE, DineroCommand
from django_dinero.models import Customer, Transaction
from tests.support.recording import RecordingGateway, lose_reply

#: A command of a child process; ``sys.argv[1]`` says how it tells what it has to say.
CHILD = """
import sys
from django.conf import settings
settings.configure()
from django_dinero.management.base import DineroCommand

class Command(DineroCommand):
    requires_system_checks = []

    def handle(self, *args, **options):
        tell = self.stdout.write if sys.argv[1] == "list" else self.write_after
        for number in range(3):
            tell(str(number))

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


class Deaf(io.StringIO):
    """An output that nobody reads."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.mark.django_db
def test_what_became_of_money_decides_and_not_who_reads_of_it(
    gateway: RecordingGateway, customer: Customer
) -> None:
    charge = ("dinero_charge", "5", "--customer", customer.email, "--no-input")
    call_command(*charge, stdout=Deaf(), stderr=io.StringIO())
    assert Transaction.objects.get().status == "approved"
    gateway.faults["charge"] = lose_reply
    with pytest.raises(CommandError) as raised:
        call_command(*charge, "--json", stdout=Deaf(), stderr=io.StringIO())
    assert raised.value.returncode == 4


class Failing(DineroCommand):
    def handle(self, *args: Any, **options: Any) -> None:
        raise CommandError("It is not known.", returncode=4)


def test_an_error_that_nobody_reads_keeps_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "close_all", lambda: None)
    command = Failing(stdout=io.StringIO(), stderr=Deaf())
    with pytest.raises(SystemExit) as ended:
        command.run_from_argv(["manage.py", "failing", "--skip-checks"])
    assert ended.value.code == 4
