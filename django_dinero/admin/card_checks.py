"""What the letters of the address check (AVS) and of the card code check (CVV) mean.

The letters are those of the American processors, which Authorize.Net and the test bank pass on
(Authorize.Net's guides of its APIs list them).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from django_dinero.models.standing import Tone


class Check(NamedTuple):
    """The result of a check in words, and what it means."""

    text: Promise | str
    tone: Tone


AVS: Mapping[str, Check] = {
    "Y": Check(_("Street and ZIP code match"), Tone.GOOD),
    "X": Check(_("Street and nine-digit ZIP code match"), Tone.GOOD),
    "A": Check(_("Street matches, ZIP code does not"), Tone.OPEN),
    "W": Check(_("Nine-digit ZIP code matches, street does not"), Tone.OPEN),
    "Z": Check(_("ZIP code matches, street does not"), Tone.OPEN),
    "N": Check(_("Neither street nor ZIP code matches"), Tone.BAD),
    "B": Check(_("No address was given"), Tone.NEUTRAL),
    "E": Check(_("The check failed"), Tone.NEUTRAL),
    "G": Check(_("The card's bank is abroad and does not check"), Tone.NEUTRAL),
    "P": Check(_("Not checked"), Tone.NEUTRAL),
    "R": Check(_("The check was not available; try again"), Tone.NEUTRAL),
    "S": Check(_("The card's bank does not check addresses"), Tone.NEUTRAL),
    "U": Check(_("The card's bank has no address"), Tone.NEUTRAL),
}
CVV: Mapping[str, Check] = {
    "M": Check(_("Matches"), Tone.GOOD),
    "N": Check(_("Does not match"), Tone.BAD),
    "P": Check(_("Not checked"), Tone.NEUTRAL),
    "S": Check(_("Is on the card, but was not given"), Tone.OPEN),
    "U": Check(_("The card's bank does not check it"), Tone.NEUTRAL),
}


def check_of(letters: Mapping[str, Check], found: str) -> Check:
    """Return a result in words, with its letter; one that is not known is shown as it is.

    Args:
        letters: :data:`AVS` or :data:`CVV`.
        found: what the gateway said.
    """
    known = letters.get(found)
    if known is None:
        return Check(found, Tone.NEUTRAL)
    return Check(_("%(text)s (%(letter)s)") % {"text": known.text, "letter": found}, known.tone)
