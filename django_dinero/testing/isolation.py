"""Test banks that forget what a test did to them, as the test's database does."""

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


def keep() -> Callable[[], None]:
    """Remember every gateway, and every test bank in memory with all that is in it.

    A bank that keeps its books in a file is left as it is: it is there to outlive a test.

    Returns:
        What brings all of it back; gateways that came later are forgotten.
    """
    used = registry.instances()
    states = [
        (gateway, gateway.bank.store.snapshot())
        for _config, gateway in used.values()
        if isinstance(gateway, SandboxGateway)
    ]

    def bring_back() -> None:
        for gateway, state in states:
            if state is not None:
                gateway.bank.store.restore(state)
        registry.reset(used)

    return bring_back


class FreshBanks(_Case):
    """For Django's ``TestCase``, before it in the bases: each test begins with the same bank.

    What ``setUpTestData`` stored at the bank is there for every test of the class, as its rows
    are; what a test does there is undone after it. The pytest plugin does this by itself.
    """

    @classmethod
    def setUpClass(cls) -> None:
        """Let the banks end with the class."""
        cls.addClassCleanup(registry.reset)
        super().setUpClass()

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        """Run the test, and undo what it did at the banks."""
        bring_back = keep()
        try:
            return super().run(result)
        finally:
            bring_back()
