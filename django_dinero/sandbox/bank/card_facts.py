"""What the bank may keep of a card: all but its number and code."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from django_dinero.card_numbers import brand_of, luhn_valid
from django_dinero.cards import ADDRESS_FIELDS
from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.enums import Check
from django_dinero.sandbox.bank.records import PlainCard

#: Card code → the letter it leads to, which is all that is kept of it.
CVV_LETTERS: Final = {
    "900": Check.M,
    "901": Check.N,
    "902": Check.S,
    "903": Check.U,
    "904": Check.P,
}
#: No card has fewer digits, and all of a shorter number would be in what is kept.
SHORTEST_NUMBER: Final = 12


@dataclass(frozen=True, slots=True)
class CardFacts:
    """A card without its number and code.

    ``fingerprint`` is equal for equal numbers of one store; ``cvv`` is the letter that the code
    leads to, None where none was given. The ids are those of a card in the vault.
    """

    fingerprint: str
    last_4: str
    brand: str
    issuer_number: str = ""
    luhn_ok: bool = True
    month: int | None = None
    year: int | None = None
    cvv: Check | None = None
    billing: Mapping[str, str] = field(default_factory=dict)
    customer_id: str = ""
    card_id: str = ""


def facts_of(card: PlainCard, key: str, billing: Mapping[str, str] | None = None) -> CardFacts:
    """Return what may be kept of a card given by its number.

    Args:
        card: the card.
        key: the store's own key, for the fingerprint.
        billing: taken in place of the card's own, unless empty.
    """
    digits = card.number.reveal()
    plain = digits.isascii() and digits.isdigit()
    return CardFacts(
        fingerprint=fingerprint(digits, key),
        last_4=digits[-4:],
        brand=brand_of(digits) if plain else "",
        issuer_number=digits[:6] if plain and len(digits) >= SHORTEST_NUMBER else "",
        luhn_ok=plain and SHORTEST_NUMBER <= len(digits) <= 19 and luhn_valid(digits),
        month=card.month,
        year=card.year,
        cvv=cvv_letter(card.cvv),
        billing=clean_billing(billing or card.billing),
    )


def fingerprint(text: str, key: str) -> str:
    """Return a keyed digest of a number or token.

    The key is in the same file as the digests: good enough for test numbers only.
    """
    return hmac.new(key.encode("ascii"), text.encode("utf-8"), hashlib.sha256).hexdigest()


def cvv_letter(code: Secret | None) -> Check | None:
    """Return the letter for a card code: P, not processed, for one without a trigger."""
    return CVV_LETTERS.get(code.reveal(), Check.P) if code else None


def clean_billing(billing: Mapping[str, str]) -> dict[str, str]:
    """Return the fields that are not empty, in a fixed order.

    Raises:
        ValueError: a field that no address has.
    """
    unknown = set(billing) - set(ADDRESS_FIELDS)
    if unknown:
        raise ValueError(f"billing: no such fields as {sorted(unknown)}; see cards.Address.")
    return {name: billing[name] for name in ADDRESS_FIELDS if billing.get(name)}
