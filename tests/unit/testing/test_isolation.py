"""Test banks that forget what a test did, under pytest and under Django's own runner."""

from __future__ import annotations

import unittest
from pathlib import Path
from typing import ClassVar

import pytest
from django.test import TestCase

from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.sandbox import SandboxGateway
from django_dinero.models import Customer, Transaction
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.testing.isolation import FreshBanks, remember_banks
from tests.support.testbank import charged


def bank() -> Bank:
    """The bank of the default gateway."""
    gateway = get_gateway()
    assert isinstance(gateway, SandboxGateway)
    return gateway.bank


class TestWithTestData(TestCase):
    """What the class stored is there in each test, and nothing of the tests before."""

    customer: ClassVar[Customer]

    @classmethod
    def setUpTestData(cls) -> None:
        cls.customer = Customer.create("bill@example.com", number="4111111111111111")

    def _charge(self) -> None:
        assert bank().transactions() == ()
        assert len(bank().customers()) == 1
        assert Transaction.create("5", customer=self.customer).status == "approved"
        bank().clock.advance(86_400)
        bank().create_customer("another")

    def test_first(self) -> None:
        self._charge()

    def test_second(self) -> None:
        self._charge()

    def test_with_other_settings(self) -> None:
        entry = {"BACKEND": "django_dinero.gateways.sandbox.SandboxGateway"}
        with self.settings(DINERO={"GATEWAYS": {"default": entry}}):
            assert bank().customers() == ()

    test_third = test_second


def test_the_bank_of_a_class_ends_with_it() -> None:
    assert bank().customers() == ()


@pytest.mark.parametrize("bases", [(FreshBanks,), ()])
def test_the_mixin(bases: tuple[type, ...]) -> None:
    """Under a runner that has no fixtures; without it the second test meets the first one's."""
    seen: list[int] = []

    class Case(*bases, unittest.TestCase):  # type: ignore[misc]
        @classmethod
        def setUpClass(cls) -> None:
            super().setUpClass()
            charged(bank())

        def test_one(self) -> None:
            seen.append(len(bank().transactions()))
            charged(bank())

        test_two = test_one

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Case).run(result)
    assert result.wasSuccessful(), result.errors + result.failures
    assert seen == ([1, 1] if bases else [1, 2])
    assert len(bank().transactions()) == (0 if bases else 3)


def test_a_bank_on_a_file_is_left_alone(settings: object, tmp_path: Path) -> None:
    entry = {
        "BACKEND": "django_dinero.gateways.sandbox.SandboxGateway",
        "OPTIONS": {"store": tmp_path / "bank.sqlite3"},
    }
    settings.DINERO = {"GATEWAYS": {"default": entry}}  # type: ignore[attr-defined]
    used = bank()
    restore_banks = remember_banks()
    charged(used)
    restore_banks()
    assert bank() is used
    assert len(used.transactions()) == 1
    used.close()


def test_a_gateway_that_came_later_is_forgotten() -> None:
    restore_banks = remember_banks()
    gateway = get_gateway()
    assert isinstance(gateway, SandboxGateway)
    charged(gateway.bank)
    restore_banks()
    assert get_gateway() is not gateway
