"""Short secrets that were planted, in texts that are full of numbers."""

from __future__ import annotations

import re


def stands_alone(word: str, text: str) -> bool:
    """Say whether a word stands in a text and is no part of an id, a time or a longer number.

    A CVV or a zip code that leaked stands by itself. Three digits are in every other UUID.
    """
    return re.search(rf"(?<![\w.-]){re.escape(word)}(?![\w.-])", text) is not None
