"""Card numbers in texts: found however they are grouped, and told from other long numbers.

A number counts as a card's if a network issues cards that begin like it and are as long, and if its
check digit is right. Of random numbers, 1 of 27 with 16 digits passes for one, 1 of 50 with 19, 1
of 90 with 13, and fewer of other lengths. So it also matters where it stands: see
:func:`is_card_number` for fields that hold numbers of another kind.

Not found are Maestro's numbers of 12 and 13 digits and Mir's of 17 to 19. They cannot be told from
telephone numbers, barcodes and ids.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Range:
    """First digits that belong to a card network, and the lengths of its numbers."""

    brand: str
    low: int
    high: int
    lengths: tuple[int, ...]


#: Maestro's lengths where the first digits are Maestro's alone. It has 12 and 13 digits too: those
#: cannot be told from telephone numbers, or from barcodes, which begin with 50 in the UK (EAN-13).
MAESTRO_LENGTHS = (14, 15, 16, 17, 18, 19)

# The longest prefixes first. Ranges are those that the networks publish; those of Maestro, Mir,
# RuPay and Troy as in Wikipedia's "Payment card number" (issuer identification numbers). Lengths
# are those of cards that were issued in numbers: ISO/IEC 7812 and some networks allow any up to 19,
# and order numbers and user ids of 17 and 18 digits would be taken for cards. Visa's 13 digits live
# on in test cards. Mir has 16 digits here: ids made from the time (snowflakes) have 19, and will
# begin as Mir does. RuPay's 508 lies in a range of Maestro's, and has its lengths too.
RANGES: tuple[Range, ...] = (
    Range("discover", 622126, 622925, (16, 19)),
    Range("mastercard", 2221, 2720, (16,)),
    Range("mir", 2200, 2204, (16,)),
    Range("jcb", 3528, 3589, (16, 19)),
    Range("jcb", 3088, 3094, (16,)),
    Range("jcb", 3096, 3102, (16,)),
    Range("maestro", 5018, 5018, MAESTRO_LENGTHS),
    Range("maestro", 5020, 5020, MAESTRO_LENGTHS),
    Range("maestro", 5038, 5038, MAESTRO_LENGTHS),
    Range("maestro", 5893, 5893, MAESTRO_LENGTHS),
    Range("discover", 6011, 6011, (16, 19)),
    Range("maestro", 6304, 6304, MAESTRO_LENGTHS),
    Range("maestro", 6759, 6759, MAESTRO_LENGTHS),
    Range("maestro", 6761, 6763, MAESTRO_LENGTHS),
    Range("troy", 9792, 9792, (16,)),
    Range("rupay", 508, 508, (16, 18, 19)),
    Range("discover", 644, 659, (16, 19)),
    Range("diners", 300, 305, (14, 16)),
    Range("amex", 34, 34, (15,)),
    Range("amex", 37, 37, (15,)),
    Range("diners", 36, 36, (14, 16, 19)),
    Range("diners", 38, 39, (14, 16)),
    Range("mastercard", 51, 55, (16,)),
    Range("unionpay", 62, 62, (16, 17, 18, 19)),
    Range("maestro", 50, 50, (16, 18, 19)),
    Range("maestro", 56, 58, (16, 18, 19)),
    Range("rupay", 60, 60, (16,)),
    Range("rupay", 81, 82, (16,)),
    Range("visa", 4, 4, (13, 16, 19)),
)

#: What may stand between the digits of a card number, as the inside of a character class: white
#: space, dots, commas, slashes, bars, dashes of every kind, and characters that are not seen.
SEPARATORS = (
    r"\s.,/\\|_*~\-\u00ad\u00af\u00b7\u034f\u061c\u180e\u200b-\u2015\u2022\u2024\u2027\u202a-\u202e"
    r"\u2043\u2044\u2060-\u206f\u2212\u2215\u2219\u22c5\u2e3a\u2e3b\u30fb\ufe58\ufe63\ufeff"
    r"\uff0c\uff0d\uff0e\uff0f"
)
#: Digits of the shortest card number that anybody accepts.
SHORTEST = 12
#: How many of them may stand between two digits: a tab may have been made four blanks.
MOST_SEPARATORS = 4
#: What stands there alone, without blanks: with them, a colon ends a word, and a plus sign begins a
#: telephone number. Of brackets a pair: numbers of telephones have one after the area's code.
_ALONE = r"[:;=+'`\u00b4\u2018\u2019\u02bc\uff07\uff0b\uff1a\uff1b\uff1d]|\)[ ]?\(|\]\[|&nbsp;"

# \d matches the digits of every script, full-width ones too. Digits and separators have nothing in
# common, and no two kinds of separators begin alike, so this takes linear time.
_RUN = re.compile(rf"\d(?:(?:[{SEPARATORS}]{{0,{MOST_SEPARATORS}}}|{_ALONE})\d){{11,}}")
# UUIDs and digests: letters among the digits, and no group of them is typed as a card number.
_HEX = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9A-Fa-f]{32,})"
    r"(?![0-9A-Za-z])"
)
# Times of day: with fractions of a second and the zone they are as long as a card number. A zone
# begins with 0 or 1, as no card number does.
_ZONE = "[+-][01][0-9]:?[0-9]{2}"
_FRACTION = "[.,](?:[0-9]{3}){1,3}"
_TIME = re.compile(
    rf"(?<![0-9:])(?:[0-9]{{1,2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:{_FRACTION})?)?(?: ?{_ZONE})?"
    rf"|[0-2][0-9]{{5}}{_FRACTION}{_ZONE})(?![0-9:])"
)
#: Digits that a telephone number has at most, with its country code (E.164).
_LONGEST_TELEPHONE_NUMBER = 15
_BY_FIRST_DIGIT = {
    digit: tuple(each for each in RANGES if str(each.low)[0] <= digit <= str(each.high)[0])
    for digit in "0123456789"
}
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def luhn_valid(digits: str) -> bool:
    """Say whether a string of ASCII digits passes the Luhn check (ISO/IEC 7812-1)."""
    total = sum(map(int, digits[-1::-2])) + sum(_DOUBLED[int(d)] for d in digits[-2::-2])
    return total % 10 == 0


def brand_of(digits: str) -> str:
    """Return the card network of a number by its first digits, or an empty string."""
    found = _range_of(digits)
    return found.brand if found is not None else ""


def _range_of(digits: str) -> Range | None:
    for each in _BY_FIRST_DIGIT.get(digits[:1], ()):
        if each.low <= int(digits[: len(str(each.low))]) <= each.high:
            return each
    return None


def find_card_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Find the card numbers in a text.

    Digits may be grouped, and other groups of digits may precede or follow them. Every sequence of
    adjacent groups is looked at, in linear time. Not taken for card numbers are UUIDs, digests and
    telephone numbers with a plus sign.

    Returns:
        Start and end of each, in order of their starts. They may overlap.
    """
    if not _RUN.search(text):
        return
    for other in (_HEX, _TIME):
        text = other.sub(lambda found: "x" * len(found[0]), text)
    for run in _RUN.finditer(text):
        is_telephone = text[run.start() - 1 : run.start()] == "+"
        for start, end, length in _numbers_in(run[0]):
            if start or not is_telephone or length > _LONGEST_TELEPHONE_NUMBER:
                yield run.start() + start, run.start() + end


def _numbers_in(run: str) -> Iterator[tuple[int, int, int]]:
    """Return start, end and number of digits of each card number in digits with separators."""
    places = [place for place, character in enumerate(run) if character.isdecimal()]
    digits = [int(run[place]) for place in places]
    begins = [k for k, place in enumerate(places) if k == 0 or places[k - 1] != place - 1]
    ends = {*begins[1:], len(digits)}
    # Luhn's sums up to each digit, so that each candidate costs two look-ups. The digits at even
    # places are doubled in the first, those at odd places in the second.
    doubled = [_DOUBLED[digit] for digit in digits]
    sums = [
        list(accumulate((d[k % 2][k] for k in range(len(digits))), initial=0))
        for d in ((doubled, digits), (digits, doubled))
    ]
    for begin in begins:
        found = _range_of("".join(map(str, digits[begin : begin + 6])))
        for length in reversed(found.lengths) if found is not None else ():
            end = begin + length
            # The last digit but one is doubled, and with it every second one before.
            total = sums[end % 2]
            if end in ends and (total[end] - total[begin]) % 10 == 0:
                yield places[begin], places[end - 1] + 1, length


def find_number(text: str, number: str) -> Iterator[tuple[int, int]]:
    """Find a known number in a text, grouped or not, also where its end was cut off.

    Args:
        text: the text.
        number: at least :data:`SHORTEST` ASCII digits. It is in no pattern: ``re`` keeps those.

    Returns:
        Start and end of each, in order.
    """
    for run in _RUN.finditer(text):
        places = [place for place in range(*run.span()) if text[place].isdecimal()]
        digits = "".join(str(int(text[place])) for place in places)
        begin = digits.find(number[:SHORTEST])
        while begin >= 0:
            end = begin + SHORTEST
            while end < len(digits) and number.startswith(digits[begin : end + 1]):
                end += 1
            yield places[begin], places[end - 1] + 1
            begin = digits.find(number[:SHORTEST], end)


def looks_like_card_number(text: str) -> bool:
    """Say whether a text holds a card number; see :func:`find_card_numbers`."""
    return any(True for _found in find_card_numbers(text))


def is_card_number(text: str, lengths: tuple[int, ...]) -> bool:
    """Say whether a text is a card number and nothing else, grouped or not.

    Args:
        text: the whole content of a field that holds numbers of another kind.
        lengths: the lengths that count. Where they are few, little else is mistaken for a card.
    """
    if sum(map(str.isdecimal, text)) not in lengths:
        return False
    text = text.strip().removeprefix("(").removesuffix(")")
    return (0, len(text)) in find_card_numbers(text)


# A letter or digit, and what joins it to a number as in A-1001.
_JOINED_BEFORE = re.compile(r"[^\W_][-_/.]?\Z")
_JOINED_AFTER = re.compile(r"[-_/.]?[^\W_]")


def stands_by_itself(text: str, lengths: tuple[int, ...]) -> bool:
    """Say whether a text holds a card number that is a word of its own, grouped or not.

    Args:
        text: the content of a field in which letters and longer numbers are joined to digits.
        lengths: the lengths that count.
    """
    return any(
        sum(map(str.isdecimal, text[start:end])) in lengths
        and not _JOINED_BEFORE.search(text[max(start - 2, 0) : start])
        and not _JOINED_AFTER.match(text[end : end + 2])
        for start, end in find_card_numbers(text)
    )
