"""``directResponse``: the older, comma-separated answer to a card check.

By default values are not quoted, and commas inside them are not escaped. A merchant's settings may
change the delimiter and put a character around each value (the AIM guide's field list).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEAD = re.compile(r"^(?P<quote>[^\w\s]?)(?P<code>[1-4])(?P=quote)(?P<delimiter>[^\w\s])")
_ACCOUNT = re.compile(r"X{4,}(\d{4})")

REASON_CODE, REASON_TEXT, AUTH_CODE, AVS, TRANSACTION_ID = 2, 3, 4, 5, 6
#: The place of the masked account number. It moves to the right if values hold the delimiter.
ACCOUNT = 50
#: The place of the card code result. Nothing that a person typed is between the two.
CVV = 38
_CVV_BEFORE_ACCOUNT = ACCOUNT - CVV
_CVV_LETTERS = tuple("MNPSU")
#: How many delimiters inside names and addresses are reckoned with where no account is shown.
_TYPED_DELIMITERS = 6


@dataclass(frozen=True, slots=True)
class DirectResponse:
    """What a card check said; a field is empty if it said nothing of it."""

    response_code: str
    reason_code: str = ""
    reason_text: str = ""
    auth_code: str = ""
    avs: str = ""
    cvv: str = ""
    transaction_id: str = ""
    last_4: str = ""
    account_type: str = ""


def parse(text: str) -> DirectResponse | None:
    """Return what a direct response says, None if the text is none.

    The first fields are counted from the left. The account and the card code result are counted
    from the masked account number, since names and addresses before it may hold the delimiter. In
    a line that shows no account, the result is the first letter of a check at its place or after.
    """
    head = _HEAD.match(text)
    if head is None:
        return None
    quote, delimiter = head["quote"], head["delimiter"]
    # If values are quoted, a delimiter between them looks different from one inside them.
    fields = text.strip().removeprefix(quote).removesuffix(quote).split(quote + delimiter + quote)
    padded = [*fields, *[""] * 70]
    found = (i for i in range(ACCOUNT, len(fields)) if _ACCOUNT.fullmatch(fields[i]))
    account = next(found, None)
    shift = _shift(padded)
    cvv, last_4, brand = _cvv_from_the_left(padded, shift), "", ""
    if account is not None:
        last_4 = fields[account][-4:]
        brand = padded[account + 1]
        cvv = padded[account - _CVV_BEFORE_ACCOUNT]
    return DirectResponse(
        response_code=head["code"],
        reason_code=padded[REASON_CODE],
        reason_text=delimiter.join(padded[REASON_TEXT : REASON_TEXT + 1 + shift]),
        auth_code=padded[AUTH_CODE + shift],
        avs=padded[AVS + shift],
        cvv=cvv if len(cvv) <= 1 else "",
        transaction_id=padded[TRANSACTION_ID + shift],
        last_4=last_4,
        account_type=brand,
    )


def _cvv_from_the_left(fields: list[str], shift: int) -> str:
    place = CVV + shift
    candidates = fields[place : place + 1 + _TYPED_DELIMITERS]
    return next((text for text in candidates if text in _CVV_LETTERS), "")


def _shift(fields: list[str]) -> int:
    """Return how many delimiters the reason text holds.

    It is the first number with which the AVS letter and the transaction's id look like such.
    """
    for shift in range(6):
        avs, transaction_id = fields[AVS + shift], fields[TRANSACTION_ID + shift]
        if len(avs) <= 1 and transaction_id.isdigit():
            return shift
    return 0
