"""The search for a card in what a queue was told finds one, and no part of an id."""

from __future__ import annotations

import pytest

from tests.integration.tasks.shop import NUMBER, leaks


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"x{NUMBER}x", [NUMBER]),
        ("('ann@example.com',)", ["example.com"]),
        ("{'cvv': '917'}", ["917"]),
        ('{"cvv":917,"zip":12345}', ["917", "12345"]),
        ("fda66e0c-3dee-4917-a5e4-a4a412c93391 gen9170@host 12:00:00.912345 1917", []),
    ],
)
def test_what_is_found(text: str, found: list[str]) -> None:
    assert leaks(text) == found
