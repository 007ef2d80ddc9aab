"""A gateway is given up after so many failures in a row, and not after as many in all."""

from __future__ import annotations

from django_dinero.services.in_a_row import FailuresInARow


def test_only_failures_in_a_row_count() -> None:
    counter = FailuresInARow(3)
    ended = [True, True, False, True, True, True, True, False, True]
    assert [counter.note(failed=each) for each in ended] == [
        *[False] * 5,
        True,
        True,
        False,
        False,
    ]
