"""The guards of the promise, and what notices their lack."""

from __future__ import annotations

from tests.guards.guard import Guard
from tests.guards.money import MONEY
from tests.guards.queues import QUEUES
from tests.guards.sweep import SWEEP

GUARDS: tuple[Guard, ...] = (*MONEY, *SWEEP, *QUEUES)
