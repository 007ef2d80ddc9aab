"""How a text may be spelled that is looked for: ignoring case would miss the index."""

from __future__ import annotations


def spellings(text: str) -> list[str]:
    """Return a text as it was typed, and in the cases in which it was likely stored.

    Of an e-mail address the domain may be in lower case alone.
    """
    name, at, domain = text.rpartition("@")
    found = [text, text.lower(), text.title(), text.upper(), text.capitalize()]
    if at:
        found += [each + at + domain.lower() for each in (name, name.title(), name.upper())]
    return list(dict.fromkeys(found))
