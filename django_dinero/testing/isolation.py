"""Undo what a test did at the test banks, as its database does with its rows."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import TYPE_CHECKING

from django_dinero.gateways import registry
from django_dinero.gateways.sandbox import SandboxGateway

if TYPE_CHECKING:
    _Case = unittest.TestCase
else:
    _Case = object


def remember_banks() -> Callable[[], None]:
    """Remember every gateway, and the contents of every test bank in memory.

    A bank that is stored in a file is left alone, because it is meant to outlive a test.

    Returns:
        A function that restores them and forgets gateways that were created later.
    """
    used = registry.instances()
    states = [
        (gateway, gateway.bank.store.snapshot())
        for _config, gateway in used.values()
        if isinstance(gateway, SandboxGateway)
    ]

    def restore_banks() -> None:
        for gateway, state in states:
            if state is not None:
                gateway.bank.store.restore(state)
        registry.reset(used)

    return restore_banks


class FreshBanks(_Case):
    """A mixin for Django's ``TestCase``, listed before it: each test begins with the same bank.

    Every test of the class finds what ``setUpTestData`` stored at the bank. What a test does there
    is undone after it. With pytest the plugin does this by itself.
    """

    @classmethod
    def setUpClass(cls) -> None:
        cls.addClassCleanup(registry.reset)
        super().setUpClass()

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        restore_banks = remember_banks()
        try:
            return super().run(result)
        finally:
            restore_banks()
