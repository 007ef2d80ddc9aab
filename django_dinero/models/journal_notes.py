"""What the journal notes of an operation in our own words: stored in English, shown translated.

Whoever writes a note is seldom who reads it: a run at night, a worker, another cashier. Logs and
SQL show it as it is stored. What a gateway said, and what another release wrote, stays as it is.
"""

from __future__ import annotations

import re
from functools import cache

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

NEVER_SENT = _("never sent")
WORKER_DIED = _("the worker died")
DATABASE_FAILED = _("the database failed")
TO_BE_REPEATED = _("to be repeated")
HELD_AS_BEFORE = _("it is held as before")
NOT_DECIDED = _("It is not decided yet.")
NOT_FOUND = _("not found at the gateway")
NOT_FOUND_YET = _("not found yet")
INCOMPLETE_LIST = _("the gateway's list is incomplete")
DELETED_MEANWHILE = _("deleted meanwhile")
EXISTS_ALREADY = _("exists already")
STORED_AGAIN = _("stored again")
ONLY_A_LOCK = _("It only kept others from making this owner's customer at the same moment.")
NOTHING_LEFT_TO_PUSH = _("nothing left to push")
NOT_BORNE_OUT = _("The gateway's records do not bear its answer out, or cannot be read now.")
ANOTHER_AMOUNT = _("The gateway has it with another amount or currency.")
A_REFUND = _("The gateway has a refund with its key, and was asked for something else.")
ANOTHER_KEY = _("The gateway answered with a transaction of another key or kind.")
WITHOUT_ID = _("The gateway approved it without an id that can be kept.")
ID_OF_ANOTHER = _("The gateway gave the id of another transaction.")
#: Why a payment counts as refused, although the gateway's first answer was another.
NOT_CONFIRMED = _("The card's holder did not confirm it.")
DECLINED_IN_REVIEW = _("It was held for review, and declined then.")
VOIDED_UNREAD = _("It was voided before its outcome was read here.")
EXPIRED_UNREAD = _("It expired before its outcome was read here.")

MATCHES = _("The gateway has %(count)d matches.")
ANOTHER_OPERATION = _("The gateway answered for another operation (%(key)s).")
APPROVED_OTHER = _("The gateway approved %(got)s, not %(asked)s.")
ONLY_A_PART = _("Only %(amount)s was approved, and it was given back.")
RECORDS_SAY = _("The gateway's records say: %(status)s.")

#: Notes that name something; their English is recognized by what stands around it.
WITH_VALUES = (MATCHES, ANOTHER_OPERATION, APPROVED_OTHER, ONLY_A_PART, RECORDS_SAY)
_PLACE = re.compile(r"%\((\w+)\)([sd])")


def is_other_amount(note: str) -> bool:
    """Say whether a note is about a payment of another amount or currency than was asked for."""
    return note == ANOTHER_AMOUNT or _pattern(APPROVED_OTHER).fullmatch(note) is not None


def shown(note: str) -> str:
    """Return a note of ours in the reader's language, and any other text as it is."""
    for text in WITH_VALUES:
        found = _pattern(text).fullmatch(note)
        if found is not None:
            values = {name: gettext(value) for name, value in found.groupdict().items()}
            return _PLACE.sub(r"%(\1)s", gettext(text)) % values
    return gettext(note) if note else ""


@cache
def _pattern(text: str) -> re.Pattern[str]:
    fixed = _PLACE.split(text)
    # The split gives a text, then a name, a letter and a text for each place.
    names = zip(fixed[1::3], fixed[2::3], fixed[3::3], strict=True)
    places = (
        f"(?P<{name}>{'[0-9]+' if letter == 'd' else '.+'}){re.escape(after)}"
        for name, letter, after in names
    )
    return re.compile(re.escape(fixed[0]) + "".join(places))
