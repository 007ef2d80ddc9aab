"""The fixtures of the services: a recording gateway as the default one."""

from __future__ import annotations

from tests.unit.services.conftest import card, customer, make_customer

__all__ = ["card", "customer", "make_customer"]
