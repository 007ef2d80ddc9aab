"""The pytest plugin: a fresh bank for each test, and no Django while pytest starts."""

from __future__ import annotations

import subprocess
import sys
from configparser import ConfigParser
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from django_dinero.gateways.registry import get_gateway
from django_dinero.models import Customer, Transaction
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.testing import plugin

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]


def run_pytest(folder: Path, *arguments: str) -> str:
    """Run pytest on ``folder`` as a project of its own would, with the plugin loaded by name."""
    command = [sys.executable, "-m", "pytest", "-p", "no:dinero", "-p", plugin.__name__]
    command += ["-p", "no:randomly"]  # it imports factory-boy, and with it Django
    result = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-q", *arguments, str(folder)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    return result.stdout + result.stderr


def test_the_entry_point() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["options.entry_points"]["pytest11"].split() == ["dinero", "=", plugin.__name__]


def test_a_failed_assert_of_the_contract_shows_its_values(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "from django_dinero.enums import ResultStatus\n"
        "from django_dinero.gateways.types import TransactionResult\n"
        "from django_dinero.testing.contract.checks import assert_approved\n"
        "def test_it():\n    assert_approved(TransactionResult(ResultStatus.DECLINED))\n"
    )
    assert "ResultStatus.DECLINED" in run_pytest(tmp_path, "-p", "no:django")


def test_loading_it_does_not_touch_django() -> None:
    code = (
        f"import sys, {plugin.__name__}\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] == 'django'))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "[]"


def test_a_project_without_django_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import sys\ndef test_it():\n    assert 'django.conf' not in sys.modules\n"
    )
    assert "1 passed" in run_pytest(tmp_path, "-p", "no:django")


# -- The fixtures, as a project uses them -------------------------------------------------------


@pytest.mark.parametrize("turn", ["first", "second"])
def test_each_test_has_an_empty_bank(turn: str, dinero_customer: Customer) -> None:
    assert Transaction.create("12.50", customer=dinero_customer).status == "approved"
    assert len(list(get_gateway().iter_customers())) == 1, turn


@pytest.mark.django_db
@pytest.mark.parametrize("turn", ["first", "second"])
def test_without_any_fixture_the_bank_is_empty_too(turn: str) -> None:
    row = Transaction.create("12.50", number="4111111111111111")
    assert row.status == "approved", turn
    assert len(list(get_gateway().iter_transactions(row.created_at - timedelta(hours=1)))) == 1


def test_the_bank_is_that_of_the_default_gateway(dinero_bank: Bank, dinero_gateway: Any) -> None:
    assert dinero_gateway.bank is dinero_bank
    assert get_gateway() is dinero_gateway


def test_the_customers_card_can_be_charged_and_refunded(
    dinero_customer: Customer, dinero_bank: Bank
) -> None:
    assert dinero_customer.cards[0].last_4 == "1111"
    charge = Transaction.create("12.50", customer=dinero_customer)
    dinero_bank.settle_batch()
    assert charge.refund("5").status == "approved"


def test_another_gateway_is_named_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "from django.conf import settings\n"
        "settings.configure(SECRET_KEY='x', INSTALLED_APPS=[], DINERO={'GATEWAYS': {'default': {\n"
        "    'BACKEND': 'tests.contract.test_stranger.Stranger'}}})\n"
        "import django\ndjango.setup()\n"
    )
    (tmp_path / "test_it.py").write_text(
        "import sys, types\n"
        "from django_dinero.gateways.base import Gateway\n"
        "class Other(Gateway):\n"
        "    def charge(self, request): ...\n"
        "    def retrieve_transaction(self, transaction_id): ...\n"
        "    def find_operation(self, key, hints): ...\n"
        "from django.conf import settings\n"
        "sys.modules['other_place'] = types.ModuleType('other_place')\n"
        "sys.modules['other_place'].Other = Other\n"
        "settings.DINERO['GATEWAYS']['default']['BACKEND'] = 'other_place.Other'\n"
        "def test_it(dinero_bank): ...\n"
    )
    shown = run_pytest(tmp_path, "-p", "no:django")
    assert "dinero_bank: the gateway 'default' of your test settings is <Other 'default'>" in shown
    assert "django_dinero.gateways.sandbox.SandboxGateway" in shown
