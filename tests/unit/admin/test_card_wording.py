"""A card's date in words: past, near or neither."""

from __future__ import annotations

import pytest
import time_machine

from django_dinero.admin.card_wording import expiry_in_words, expiry_marked, is_expired
from django_dinero.models import CreditCard


@pytest.mark.parametrize(
    ("month", "year", "words"),
    [
        (10, 2026, "10/2026 (expired)"),
        # Good until the last day of its month.
        (11, 2026, "11/2026 (expires soon)"),
        (1, 2027, "01/2027"),
        (None, None, ""),
    ],
)
def test_a_date_in_words(month: int | None, year: int | None, words: str) -> None:
    card = CreditCard(month=month, year=year)
    with time_machine.travel("2026-11-30T12:00:00Z", tick=False):
        assert expiry_in_words(card) == words
        assert is_expired(card) is words.endswith("(expired)")
        assert ("<span" in expiry_marked(card)) is ("(" in words)
