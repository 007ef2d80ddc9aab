"""How the test bank judges a card: by its form, its date, and the documented triggers.

The zips and codes are those that Authorize.Net documents for its sandbox (its testing guide).
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django_dinero.sandbox.bank.card_facts import CardFacts
from django_dinero.sandbox.bank.enums import Check, Reason
from django_dinero.sandbox.bank.records import Account

#: The number of a card whose holder has to confirm each payment, as Stripe's list of test cards has
#: it for 3-D Secure. It is stored and checked like any other; only payments ask.
ACTION_NUMBER: Final = "4000000000003220"
#: Billing zip → what happens.
DECLINE_ZIP: Final = "46282"
PARTIAL_ZIP: Final = "46225"
#: The balance of a prepaid card with PARTIAL_ZIP, in major units.
PARTIAL_AMOUNT: Final = Decimal("1.23")
BALANCE_ZIPS: Final = {
    "46226": Decimal("1.23"),
    "46227": Decimal("-1.23"),
    "46228": Decimal("0.00"),
}
AVS_ZIPS: Final = {
    "46201": Check.A,
    "46203": Check.E,
    "46204": Check.G,
    "46205": Check.N,
    "46206": Check.P,
    "46207": Check.R,
    "46208": Check.S,
    "46209": Check.U,
    "46211": Check.W,
    "46214": Check.X,
    "46217": Check.Z,
}
#: Brand → zips without effect, since its network never answers their letters.
AVS_EXCEPTIONS: Final = {
    "amex": frozenset({"46204", "46211", "46214"}),
    "visa": frozenset({"46214"}),
}
#: The networks that authorize 0.00. A live check of the others' cards authorizes 0.01.
ZERO_AMOUNT_BRANDS: Final = frozenset({"visa"})


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the card's bank says: the two letters, and why it declines, None if it approves."""

    avs: Check = Check.P
    cvv: Check = Check.P
    reason: Reason | None = None


def form_errors(card: CardFacts, today: datetime.date) -> tuple[Reason, ...]:
    """Return all that is wrong with a card by itself: its check digit and its date.

    A card is good to the end of its month. Without a date, none is checked.
    """
    errors = () if card.luhn_ok else (Reason.INVALID_NUMBER,)
    if card.month is None or card.year is None:
        return errors
    expired = (card.year, card.month) < (today.year, today.month)
    return (*errors, Reason.EXPIRED) if expired else errors


def lacks_address(card: CardFacts) -> bool:
    """Say whether a card came without the street and the zip that a check of 0.00 is made with."""
    return not (card.billing.get("address") and card.billing.get("zip"))


def zero_amount_error(card: CardFacts) -> Reason | None:
    """Return why nothing can be authorized with a card, None if it can."""
    if lacks_address(card):
        return Reason.MISSING_ADDRESS
    return None if card.brand in ZERO_AMOUNT_BRANDS else Reason.ZERO_AMOUNT


def assess(card: CardFacts, account: Account) -> Assessment:
    """Return what the card's bank and the account's own filters say of a payment with it."""
    zip_code = card.billing.get("zip", "").strip()
    if zip_code == DECLINE_ZIP:
        return Assessment(reason=Reason.DECLINED)
    avs = Check.Y
    if zip_code not in AVS_EXCEPTIONS.get(card.brand, ()):
        avs = AVS_ZIPS.get(zip_code, Check.Y)
    cvv = card.cvv or Check.P
    bad_avs, bad_cvv = avs in account.reject_avs, cvv in account.reject_cvv
    reason: Reason | None = None
    if bad_avs and bad_cvv:
        reason = Reason.AVS_AND_CVV
    elif bad_avs:
        reason = Reason.AVS
    elif bad_cvv:
        reason = Reason.CVV
    return Assessment(avs, cvv, reason)


def approved_amount(card: CardFacts, amount: Decimal) -> Decimal:
    """Return how much of ``amount`` the card is good for."""
    if card.billing.get("zip", "").strip() == PARTIAL_ZIP:
        return min(amount, PARTIAL_AMOUNT)
    return amount


def balance(card: CardFacts) -> Decimal | None:
    """Return what is left on a prepaid card, None for other cards."""
    return BALANCE_ZIPS.get(card.billing.get("zip", "").strip())
