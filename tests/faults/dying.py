"""A process that kills itself before a statement that writes, counted from its first one."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from tests.faults.plan import Share, When

WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")


class Mortal:
    """Counts writing statements, as a wrapper of Django's; kills at the one that is planned.

    Args:
        share: the process's plan.
        tell: tells of the kill.
    """

    def __init__(self, share: Share, tell: Callable[..., None]) -> None:
        self.share = share
        self.tell = tell
        self.count = 0

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        """Run a statement, or die before it."""
        if sql.startswith(WRITES):
            self.count += 1
            if self.share.dies(When.before_write, self.count):
                self._die(sql)
        return execute(sql, params, many, context)

    def _die(self, sql: str) -> None:
        # Verb and table. The values are not in it, they are parameters.
        statement = " ".join(sql.split()[:3])
        self.tell("kill", write=self.count, when=When.before_write, statement=statement)
        os.kill(os.getpid(), signal.SIGKILL)
