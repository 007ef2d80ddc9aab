"""The docs' page of commands: what it shows is what they print."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command, get_commands

from django_dinero.gateways.registry import reset
from django_dinero.models import Customer
from tests.support.examples import pattern

PAGE = Path(__file__).resolve().parents[2] / "docs" / "commands.md"
PROMPT = "$ python manage.py "

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ann(settings: Any) -> Iterator[None]:
    """A customer of a fresh bank."""
    entry = {"BACKEND": "django_dinero.gateways.sandbox.SandboxGateway"}
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry}}
    reset()
    Customer.create("ann@example.com", number="4111111111111111", month=12, year=2060, zip="1")
    yield
    reset()


def shown() -> Iterator[tuple[str, str]]:
    """Yield each command of the page with what the page says that it prints."""
    for block in re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.DOTALL):
        for part in block.split(PROMPT)[1:]:
            command, _newline, output = part.partition("\n")
            yield command, output


def printed(command: str) -> str:
    out = StringIO()
    try:
        call_command(*shlex.split(command), stdout=out, stderr=StringIO())
    except CommandError as error:
        return f"{out.getvalue()}CommandError: {error}\n"
    return out.getvalue()


def test_each_example_prints_what_the_page_shows() -> None:
    examples = list(shown())
    assert len(examples) > 8
    for command, output in examples:
        found = " ".join(printed(command).split())
        assert re.fullmatch(pattern(output), found, re.DOTALL), f"{command}\n{found}"


def test_each_command_stands_in_the_table() -> None:
    ours = {name for name, app in get_commands().items() if app == "django_dinero"}
    assert set(re.findall(r"^\| `(dinero_\w+)`", PAGE.read_text(), re.MULTILINE)) == ours
