"""The catalogues: complete, with the same placeholders, compiled, and of the texts of today."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import django
import pytest
import rest_framework
from babel.messages import Catalog, Message
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.utils import translation

import django_dinero
from tests.support.wheels import run

pytestmark = pytest.mark.once

PACKAGE = Path(django_dinero.__file__).parent
LANGUAGES = ("de", "es", "fr")
#: What a translation has to have as its original has it: "%(name)s", "%d", "{name}", a tag.
PLACEHOLDER = re.compile(r"%\(\w+\)\d*[a-z]|%[sdr%](?!\w)|\{\w*\}|</?[a-z][^>]*>")
#: French has a blank that does not break before these; not in a time (12:30) or an option.
FRENCH = re.compile(r"(?<=[^\s\u00a0\u202f])[;?!»](?=\s|$)| [:;?!»]|« ")


def catalogue(language: str, folder: Path = PACKAGE) -> Catalog:
    """The source of a language's catalogue."""
    path = folder / "locale" / language / "LC_MESSAGES" / "django.po"
    with path.open("rb") as file:
        return read_po(file, locale=language)


def forms(text: object) -> tuple[str, ...]:
    """The forms of a text or its translation: one, or one for each number."""
    return tuple(map(str, text)) if isinstance(text, list | tuple) else (str(text or ""),)


def entries(language: str) -> list[Message]:
    """The entries of a catalogue, without its head."""
    return [message for message in catalogue(language) if message.id]


def keys(found: Catalog) -> set[tuple[str | None, tuple[str, ...]]]:
    """What a catalogue has an entry for."""
    return {(message.context, forms(message.id)) for message in found if message.id}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language: str) -> None:
    missing = [m.id for m in entries(language) if not all(forms(m.string))]
    assert missing == [], "make messages, then translate these (CONTRIBUTING.md, A new text)"


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_a_guess_or_left_over(language: str) -> None:
    found = catalogue(language)
    assert [m.id for m in entries(language) if m.fuzzy] == []
    assert list(found.obsolete) == []
    assert not found.fuzzy, "the head of the catalogue is marked as fuzzy"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_plural_has_its_forms(language: str) -> None:
    number = catalogue(language).num_plurals
    wrong = [m.id for m in entries(language) if m.pluralizable and len(forms(m.string)) != number]
    assert wrong == []


def same_placeholders(message: Message) -> bool:
    originals = forms(message.id)
    expected = [Counter(PLACEHOLDER.findall(text)) for text in originals]
    found = [Counter(PLACEHOLDER.findall(text)) for text in forms(message.string)]
    # The last form is that of many in these languages; the first ones may spell out "one".
    return found[-1] == expected[-1] and all(each in expected for each in found)


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_have_the_placeholders_of_their_originals(language: str) -> None:
    assert [m.id for m in entries(language) if not same_placeholders(m)] == []


def outside(text: str) -> tuple[str, str]:
    """The blanks before and behind a text."""
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]


@pytest.mark.parametrize("language", LANGUAGES)
def test_blanks_at_the_ends_are_kept(language: str) -> None:
    wrong = [
        m.id
        for m in entries(language)
        if {outside(text) for text in forms(m.string)} != {outside(text) for text in forms(m.id)}
    ]
    assert wrong == []


def test_french_has_its_blanks() -> None:
    wrong = [text for m in entries("fr") for text in forms(m.string) if FRENCH.search(text)]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_what_was_translated(language: str) -> None:
    path = PACKAGE / "locale" / language / "LC_MESSAGES" / "django.mo"
    with path.open("rb") as file:
        compiled = {(m.context, forms(m.id)): forms(m.string) for m in read_mo(file) if m.id}
    source = {(m.context, forms(m.id)): forms(m.string) for m in entries(language)}
    assert compiled == source, "make messages compiles them"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("theirs", [django, rest_framework], ids=["django", "drf"])
def test_no_text_of_the_frameworks_changes(language: str, theirs: ModuleType) -> None:
    """A catalogue speaks for the whole project: a word that Django has too needs a context here."""
    ours = {(m.context, forms(m.id)): forms(m.string)[0] for m in entries(language)}
    changed: dict[tuple[str | None, tuple[str, ...]], tuple[str, str]] = {}
    for path in Path(str(theirs.__file__)).parent.rglob(f"locale/{language}/*/django.mo"):
        with path.open("rb") as file:
            found = {(m.context, forms(m.id)): forms(m.string)[0] for m in read_mo(file) if m.id}
        both = ours.keys() & found.keys()
        changed |= {key: (found[key], ours[key]) for key in both if found[key] != ours[key]}
    assert changed == {}


@pytest.mark.slow
def test_no_text_of_the_code_is_missing(
    gettext_tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = tmp_path / "django_dinero"
    shutil.copytree(PACKAGE, fresh, ignore=shutil.ignore_patterns("locale", "__pycache__"))
    (fresh / "locale").mkdir()
    # makemessages needs no settings, and would look for those of the tests there.
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    monkeypatch.setenv("PATH", f"{gettext_tools}{os.pathsep}{os.environ['PATH']}")
    run(sys.executable, "-m", "django", "makemessages", "--locale", "de", cwd=fresh)
    extracted = keys(catalogue("de", fresh))
    assert len(extracted) > 1000
    for language in LANGUAGES:
        assert extracted - keys(catalogue(language)) == set(), "make messages"


def test_german_names_the_code_of_a_card_and_what_is_to_be_cleared_up() -> None:
    """A *Prüfziffer* is a check digit, which a CVV is not; a filter reads as *Nach Aufgabe*."""
    with translation.override("de"):
        assert translation.gettext("Card code (CVV)") == "Kartenprüfnummer (CVV)"
        assert translation.gettext("needs attention") == "zu klären"
        assert translation.gettext("Needs somebody") == "Zu klären"
        assert translation.gettext("what is to be done") == "Aufgabe"
