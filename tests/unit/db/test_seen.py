from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from django_dinero.db.seen import Seen

PKS = st.sets(st.integers(min_value=0, max_value=2**63 - 1) | st.integers(0, 2000))


@given(PKS, PKS)
def test_it_is_a_set_also_after_it_was_stored(added: set[int], others: set[int]) -> None:
    seen = Seen()
    seen.update(added)
    again = Seen.from_bytes(seen.to_bytes())
    for pk in added | others:
        assert (pk in seen) == (pk in again) == (pk in added)


def test_nothing_stored_is_nothing_seen() -> None:
    assert 1 not in Seen.from_bytes(b"")


def test_a_hundred_thousand_in_a_row_are_small() -> None:
    seen = Seen()
    seen.update(range(100_000))
    assert len(seen.to_bytes()) < 20_000


def test_a_hundred_thousand_take_little_memory() -> None:
    seen = Seen()
    for pk in range(100_000):
        seen.add(pk)
    pieces = seen._pieces
    assert sys.getsizeof(pieces) + sum(map(sys.getsizeof, pieces.values())) < 100_000
