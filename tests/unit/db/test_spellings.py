"""The cases in which a text is looked for."""

from __future__ import annotations

import pytest

from django_dinero.db.spellings import spellings


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("ann smith", "Ann Smith"),
        ("ANN", "ann"),
        ("ann@EXAMPLE.com", "Ann@example.com"),
        ("ANN.SMITH@example.com", "Ann.Smith@example.com"),
        ("ann@EXAMPLE.com", "ANN@example.com"),
        ("mcDonald", "mcDonald"),
    ],
)
def test_a_text_is_found_as_it_was_likely_stored(typed: str, stored: str) -> None:
    assert stored in spellings(typed)


def test_each_spelling_is_there_once() -> None:
    assert spellings("5") == ["5"]
    found = spellings("a@b.example")
    assert found[0] == "a@b.example"
    assert len(found) == len(set(found))
