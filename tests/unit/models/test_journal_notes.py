"""Notes of the journal: English as they are stored, and the reader's language where it is read."""

from __future__ import annotations

import re

import pytest
from django.utils.translation import override

from django_dinero.models import journal_notes

NOTES = {
    name: text
    for name, text in vars(journal_notes).items()
    if name.isupper() and isinstance(text, str)
}
VALUES = {"count": 2, "key": "ABC", "got": "4.00 USD", "asked": "5.00 USD"}
VALUES |= {"amount": "3.00 EUR", "status": "charged back"}


@pytest.mark.parametrize("name", NOTES)
@pytest.mark.parametrize("language", ["de", "es", "fr"])
def test_every_note_is_shown_in_the_readers_language(name: str, language: str) -> None:
    note = NOTES[name] % VALUES
    with override("en"):
        assert journal_notes.shown(note) == note
    with override(language):
        shown = journal_notes.shown(note)
    assert shown not in ("", note)
    for value in re.findall(r"%\((\w+)\)", NOTES[name]):
        assert value == "status" or str(VALUES[value]) in shown


def test_a_status_in_a_note_is_shown_in_the_readers_language() -> None:
    with override("de"):
        shown = journal_notes.shown("The gateway's records say: charged back.")
    assert "charged back" not in shown
    assert "rückgebucht" in shown


@pytest.mark.parametrize("note", ["", "The gateway has no matches.", "100 % declined", "(KeyError"])
def test_what_is_none_of_ours_is_shown_as_it_is(note: str) -> None:
    with override("de"):
        assert journal_notes.shown(note) == note
