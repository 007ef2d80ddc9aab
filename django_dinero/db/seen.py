"""Which rows were seen: a set of primary keys that takes a bit for each."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from typing import Self

#: Primary keys in a piece. Where keys have large gaps, a piece costs a hundred bytes or so.
PIECE = 256


class Seen:
    """A set of primary keys. A hundred thousand in a row take some fifty kilobytes."""

    def __init__(self) -> None:
        self._pieces: dict[int, int] = {}

    def add(self, pk: int) -> None:
        """Add a key."""
        piece, bit = divmod(pk, PIECE)
        self._pieces[piece] = self._pieces.get(piece, 0) | 1 << bit

    def update(self, pks: Iterable[int]) -> None:
        """Add these keys."""
        for pk in pks:
            self.add(pk)

    def __contains__(self, pk: int) -> bool:
        piece, bit = divmod(pk, PIECE)
        return bool(self._pieces.get(piece, 0) >> bit & 1)

    def to_bytes(self) -> bytes:
        """Return it compressed, for the database."""
        pieces = {str(piece): f"{bits:x}" for piece, bits in self._pieces.items()}
        return zlib.compress(json.dumps(pieces, separators=(",", ":")).encode())

    @classmethod
    def from_bytes(cls, stored: bytes | memoryview) -> Self:
        """Return what was stored; empty for no bytes."""
        seen = cls()
        if stored:
            pieces = json.loads(zlib.decompress(bytes(stored)))
            seen._pieces = {int(piece): int(bits, 16) for piece, bits in pieces.items()}
        return seen
