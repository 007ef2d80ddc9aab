"""Numbers with a right check digit, and the ways in which people group a card number."""

from __future__ import annotations

_DOUBLED = {"0": 0, "1": 2, "2": 4, "3": 6, "4": 8, "5": 1, "6": 3, "7": 5, "8": 7, "9": 9}

#: What may stand between the groups of a card number.
GROUPINGS = {
    "blank": " ",
    "double blanks": "  ",
    "tab": "\t",
    "newline": "\n",
    "line break": " \r\n",
    "nbsp": "\u00a0",
    "narrow nbsp": "\u202f",
    "thin blank": "\u2009",
    "ideographic blank": "\u3000",
    "zero width blank": "\u200b",
    "zero width joiner": "\u200d",
    "word joiner": "\u2060",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "dash": "-",
    "dash with blanks": " - ",
    "hyphen": "\u2010",
    "hard hyphen": "\u2011",
    "en dash": "\u2013",
    "em dash": "\u2014",
    "minus": "\u2212",
    "wide dash": "\uff0d",
    "dot": ".",
    "wide dot": "\uff0e",
    "middle dot": "\u00b7",
    "bullet": "\u2022",
    "comma": ",",
    "comma and blank": ", ",
    "slash": "/",
    "backslash": "\\",
    "bar": "|",
    "underscore": "_",
    "star": "*",
    "four blanks": "    ",
    "colon": ":",
    "semicolon": ";",
    "equals sign": "=",
    "plus": "+",
    "apostrophe": "'",
    "typographic apostrophe": "\u2019",
    "brackets": ")(",
    "brackets and blank": ") (",
    "square brackets": "][",
    "HTML's nbsp": "&nbsp;",
}


def with_check_digit(digits: str) -> str:
    """The digits and the one that makes them pass the Luhn check, computed another way."""
    backwards = digits[::-1]
    total = sum(_DOUBLED[d] for d in backwards[::2]) + sum(int(d) for d in backwards[1::2])
    return digits + str(-total % 10)


def grouped(number: str, separator: str) -> str:
    """A number as it is printed on the card: groups of four, or 4-6-5 for 15 digits."""
    sizes = (4, 6, 5) if len(number) == 15 else (4,) * 5
    groups, rest = [], number
    for size in sizes:
        groups.append(rest[:size])
        rest = rest[size:]
    return separator.join(filter(None, groups))
