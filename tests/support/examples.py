"""Examples of the documentation: what a page shows, as a pattern of what is really printed."""

from __future__ import annotations

import re

HEX = "[0-9a-f]"
#: What differs from run to run: a date, a time, a public id, an operation's key, anything at all.
ANY_OTHER = (
    r"\d{4}-\d\d-\d\d",
    r"\d\d:\d\d",
    f"{HEX}{{8}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{12}}",
    r"\b[A-Z2-7]{20}\b",
)


def pattern(shown: str) -> str:
    """Return what matches an output: ``…`` stands for anything, and a date for any other."""
    return r"\s+".join(map(_word, shown.split()))


def _word(word: str) -> str:
    parts = re.split(f"(…|{'|'.join(ANY_OTHER)})", word)
    fixed, varying = parts[::2], parts[1::2]
    kinds = [".*?" if part == "…" else _kind(part) for part in varying]
    return "".join(re.escape(text) + kind for text, kind in zip(fixed, [*kinds, ""], strict=True))


def _kind(part: str) -> str:
    return next(each for each in ANY_OTHER if re.fullmatch(each, part))
