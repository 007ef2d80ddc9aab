"""An output that takes nothing, for whichever reason."""

from __future__ import annotations

import errno
import io

import pytest


class Deaf(io.StringIO):
    """An output that takes so many texts, and raises from then on."""

    def __init__(self, error: Exception, takes: int = 0) -> None:
        super().__init__()
        self.error, self.left = error, takes

    def write(self, text: str) -> int:
        if not self.left:
            raise self.error
        self.left -= 1
        return super().write(text)


ERRORS = {
    "nobody reads": BrokenPipeError(),
    "disk full": OSError(errno.ENOSPC, "No space left on device"),
    "closed": ValueError("I/O operation on closed file."),
    "encoding": UnicodeEncodeError("ascii", "Ü", 0, 1, "ordinal not in range(128)"),
}
errors = pytest.mark.parametrize("error", ERRORS.values(), ids=list(ERRORS))
