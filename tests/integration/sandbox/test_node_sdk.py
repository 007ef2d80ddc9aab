"""The official Node SDK, which speaks JSON, talks to ``manage.py dinero_sandbox``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from django_dinero.enums import RemoteStatus
from django_dinero.sandbox.bank.bank import Bank
from example_project.demo.bank import BankProcess

pytestmark = pytest.mark.slow

STORY = Path(__file__).with_name("sdk_story.cjs")


@pytest.fixture
def node() -> str:
    """The program that runs the SDK."""
    found = shutil.which("node")
    if found is None:
        pytest.fail("DINERO_TEST_NODE is set, but no node is in the PATH")
    return found


def tell(node: str, sdk: Path, bank: BankProcess, folder: Path) -> dict[str, str]:
    """Run the story and return the ids of the transactions it made."""
    names = ("endpoint", "login_id", "transaction_key", "control")
    found = subprocess.run(
        [node, str(STORY)],
        env={
            **os.environ,
            **{name.upper(): bank.facts[name] for name in names},
            "NODE_PATH": str(sdk / "node_modules"),
        },
        cwd=folder,
        timeout=120,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    ids: dict[str, str] = json.loads(found.stdout)
    return ids


def test_the_whole_story(node: str, node_sdk: Path, tmp_path: Path) -> None:
    """Every answer is the expected one; afterwards the bank's ledger says the same."""
    store = tmp_path / "bank.sqlite3"
    with BankProcess(store) as process:
        ids = tell(node, node_sdk, process, tmp_path)
    bank = Bank(store)
    rows = {name: bank.retrieve_transaction(one) for name, one in ids.items()}
    assert {name: (row.status, row.amount) for name, row in rows.items()} == {
        "charge": (RemoteStatus.SETTLED, Decimal("12.50")),
        "kept": (RemoteStatus.SETTLED, Decimal("20.00")),
        "dropped": (RemoteStatus.VOIDED, Decimal("30.00")),
        "held": (RemoteStatus.SETTLED, Decimal("9.00")),
        "lost": (RemoteStatus.SETTLED, Decimal("44.00")),
        "refund": (RemoteStatus.CAPTURED, Decimal("5.00")),
    }
    assert (rows["kept"].settled_amount, rows["charge"].invoice) == (Decimal("15.00"), "INV1")
    assert bank.customer_ids() == ()
    bank.close()
