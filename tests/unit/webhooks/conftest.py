"""The fixtures of the services: a recording gateway as the default one."""

from __future__ import annotations

from tests.unit.services.conftest import (
    authorization,
    card,
    charge,
    customer,
    make_customer,
)

__all__ = ["authorization", "card", "charge", "customer", "make_customer"]
