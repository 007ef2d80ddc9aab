"""The processes of one round of a fault run are waited for side by side."""

from __future__ import annotations

from threading import Barrier
from typing import Any

from tests.faults.plan import Share
from tests.faults.run import wait_for_all


class Place:
    """One whose process ends once all others are waited for, as one that waits for their row."""

    def __init__(self, together: Barrier, code: int) -> None:
        self.together, self.code = together, code

    def wait(self) -> int:
        self.together.wait(timeout=10)
        return self.code


def test_none_is_waited_for_before_the_others() -> None:
    together = Barrier(3)
    busy: Any = [(Place(together, code), Share(f"w{code}", "7", ())) for code in range(3)]
    assert wait_for_all(busy) == {"w0": 0, "w1": 1, "w2": 2}
