"""Patience with what the gateway does not tell of: one must not hold up the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django_dinero.exceptions import (
    AuthenticationError,
    DineroError,
    GatewayError,
    GatewayUnavailableError,
    NotPermittedError,
)
from django_dinero.services.in_a_row import FailuresInARow
from django_dinero.services.reconcile.phase import Run

#: Refusals that every other question would get too.
OF_ALL = (AuthenticationError, NotPermittedError, GatewayUnavailableError)


class Patience:
    """Counts what stays unread, and gives up where nothing is told any more.

    Args:
        name: what it is counted as.
        errors: what may be of the one asked about; anything else ends the questions at once.

    Attributes:
        error: why the last one stayed unread; None if none did.
    """

    def __init__(
        self, run: Run, name: str = "unread", errors: type[DineroError] = GatewayError
    ) -> None:
        self.run = run
        self.error: DineroError | None = None
        self._name = name
        self._errors = errors
        self._unread = FailuresInARow()

    @contextmanager
    def about_one(self) -> Iterator[None]:
        """Ask about one of them in this block. What the gateway refuses to tell is counted.

        Raises:
            DineroError: the others would get the same answer, or did so several times in a row.
        """
        try:
            yield
        except OF_ALL:
            raise
        except self._errors as error:
            self.run.counts[self._name] += 1
            self.error = error
            if self._unread.note(failed=True):
                raise
        else:
            self._unread.note(failed=False)
