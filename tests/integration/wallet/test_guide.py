"""The guide shows the example's own code, and the page runs as the guide says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client

from django_dinero.models import CreditCard
from tests.support.recording import RecordingGateway

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "shop.md").read_text()
SHOP = ROOT / "example_project" / "shop"
BLOCKS = re.findall(r"```(?:python|html)\n(.*?)```", GUIDE, re.DOTALL)


def test_what_is_not_run_is_the_examples_own_code() -> None:
    files = [*SHOP.glob("*.py"), *(SHOP / "templates").rglob("*.html")]
    code = [path.read_text() for path in files]
    shown = [block for block in BLOCKS if ">>> " not in block]
    assert len(shown) >= 5
    assert [block for block in shown if not any(block in text for text in code)] == []


def test_every_part_that_is_named_is_there() -> None:
    tags = (ROOT / "django_dinero" / "templatetags" / "dinero_wallet.py").read_text()
    named = set(re.findall(r"\{% (dinero_\w+)", GUIDE))
    assert named == set(re.findall(r"^def (dinero_\w+)", tags, re.MULTILINE))


@pytest.mark.django_db
def test_the_form_of_the_guide(client: Client, gateway: RecordingGateway) -> None:
    token = gateway.bank.mint_token("5424000000000015", month=12, year=2090, cvv="900")
    form = re.search(r">>> form = (\{.*\})", GUIDE)
    assert form is not None
    posted = eval(form[1], {"token": token})  # noqa: S307 - it is our own page
    assert client.post("/cards/", posted).status_code == 302
    assert CreditCard.objects.get().last_4 == "0015"
