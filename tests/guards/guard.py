"""What a guard is, and how the command is called that notices its lack."""

from __future__ import annotations

from dataclasses import dataclass

PYTEST = ("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly")

JOURNAL = "django_dinero/services/journal"
LOOKUP = "django_dinero/services/recovery/lookup.py"
IDEMPOTENCY = "django_dinero/services/recovery/idempotency.py"
RECONCILE = "django_dinero/services/reconcile"
EVENTS = "django_dinero/services/webhooks/events.py"
FIRST = "django_dinero/migrations/0001_initial.py"
SECOND = "django_dinero/migrations/0002_reconcile_and_webhooks.py"


@dataclass(frozen=True, slots=True)
class Guard:
    """One guard.

    Attributes:
        name: what it does.
        path: the file that has it.
        line: the text that is the guard; it stands in the file once.
        without: the text in its place.
        command: what must fail without it, as arguments of Python.
    """

    name: str
    path: str
    line: str
    without: str
    command: tuple[str, ...]


def tests(*paths: str) -> tuple[str, ...]:
    """Return the command that runs these tests, up to the first that fails."""
    return (*PYTEST, *(f"tests/{path}" for path in paths))
