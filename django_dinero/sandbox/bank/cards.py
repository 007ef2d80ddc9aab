"""The vault's verbs for the cards of a customer."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.base import vault_facts
from django_dinero.sandbox.bank.card_checks import CardChecks
from django_dinero.sandbox.bank.card_facts import CardFacts, clean_billing, cvv_letter
from django_dinero.sandbox.bank.changes import Change, Happened, Thing
from django_dinero.sandbox.bank.clock import moment, stamp
from django_dinero.sandbox.bank.enums import Outcome, Reason, Validation
from django_dinero.sandbox.bank.records import (
    BankRefusal,
    Card,
    CardSource,
    MaskedCard,
    NewCard,
    Verdict,
)
from django_dinero.sandbox.bank.store import reads, writes

#: Two cards of a customer are the same if these and the number are (Authorize.Net's rule; the
#: expiry date is not compared).
SAME_CARD: Final = ("first_name", "last_name", "address", "zip")


class CardVault(CardChecks):
    """Cards in the vault. A verb that raises :class:`BankRefusal` has stored nothing."""

    @writes
    def add_card(
        self, customer_id: str, card: NewCard, validation: Validation = Validation.NONE
    ) -> Card:
        """Store one more card. A customer's first is the default.

        Raises:
            BankRefusal: ``customer_not_found``; what the check said of the card, which runs before
                the others; ``duplicate_card`` with the id, ``card_limit``; ``token_*``.
        """
        self._customer_row(customer_id)
        return self._store_card(customer_id, *self._checked(card, validation))

    @reads
    def card(self, customer_id: str, card_id: str) -> Card:
        """Return a card.

        Raises:
            BankRefusal: ``customer_not_found``, ``card_not_found``.
        """
        self._customer_row(customer_id)
        return card_of(self._card_row(customer_id, card_id))

    @reads
    def expiring_cards(self, month: int | None, year: int | None) -> tuple[Card, ...]:
        """Return the cards of all customers that expire in a month, by id; none without one."""
        rows = self.store.rows(
            "SELECT * FROM cards WHERE month = ? AND year = ? ORDER BY id", (month, year)
        )
        return tuple(card_of(row) for row in rows)

    @writes
    def update_card(
        self,
        customer_id: str,
        card_id: str,
        source: CardSource,
        billing: Mapping[str, str] | None = None,
        is_default: bool = False,
        validation: Validation = Validation.NONE,
        customer_type: str = "",
    ) -> Card:
        """Replace number and date of a card by ``source``, and its whole address by ``billing``.

        Args:
            source: a :class:`MaskedCard` keeps the number; it must be the stored one's.
            billing: None takes that of ``source``; what is not given becomes empty.
            is_default: True makes it the default; False leaves the default where it is.

        Raises:
            BankRefusal: ``customer_not_found``, ``card_not_found``, ``masked_mismatch``,
                ``duplicate_card``; what the check said of the card.
        """
        self._customer_row(customer_id)
        row = self._card_row(customer_id, card_id)
        facts = replace(
            self._replacement(row, source, billing), customer_id=customer_id, card_id=card_id
        )
        verdict = self._validated(facts, validation)
        self._refuse_duplicate_card(facts, verdict)
        self.store.execute(
            "UPDATE cards SET fingerprint = ?, luhn_ok = ?, last_4 = ?, brand = ?, month = ?,"
            " year = ?, billing = ?, issuer_number = ?, customer_type = ? WHERE id = ?",
            (*_columns(facts).values(), customer_type, card_id),
        )
        if is_default:
            self._make_default(customer_id, card_id)
        self.store.note(Change(Thing.CARD, card_id, Happened.UPDATED, customer_id))
        return replace(self.card(customer_id, card_id), validation=verdict)

    @writes
    def delete_card(self, customer_id: str, card_id: str) -> None:
        """Remove a card. No other becomes the default by itself.

        Raises:
            BankRefusal: ``customer_not_found``, ``card_not_found``.
        """
        self._customer_row(customer_id)
        self._card_row(customer_id, card_id)
        self.store.execute("DELETE FROM cards WHERE id = ?", (card_id,))
        self.store.note(Change(Thing.CARD, card_id, Happened.DELETED, customer_id))

    @writes
    def validate_card(
        self,
        customer_id: str,
        card_id: str,
        mode: Validation = Validation.LIVE,
        cvv: Secret | None = None,
    ) -> Verdict:
        """Return what the check says of a stored card.

        Raises:
            BankRefusal: ``customer_not_found``, ``card_not_found``.
        """
        self._customer_row(customer_id)
        facts = vault_facts(self._card_row(customer_id, card_id), cvv_letter(cvv))
        return self._validate(facts, mode) or Verdict(Outcome.APPROVED)

    # -- Helpers -----------------------------------------------------------------------------

    def _checked(
        self, card: NewCard, validation: Validation
    ) -> tuple[CardFacts, NewCard, Verdict | None]:
        facts = self._new_card_facts(card)
        return facts, card, self._validated(facts, validation)

    def _store_card(
        self, customer_id: str, facts: CardFacts, card: NewCard, verdict: Verdict | None
    ) -> Card:
        facts = replace(facts, customer_id=customer_id)
        self._refuse_duplicate_card(facts, verdict)
        count = self.store.value("SELECT count(*) FROM cards WHERE customer_id = ?", (customer_id,))
        if count >= self.account.max_cards:
            raise BankRefusal(Reason.CARD_LIMIT, verdict=verdict)
        card_id = self.store.next_id("card")
        ids = {"id": int(card_id), "customer_id": int(customer_id), "is_default": 0}
        more = {"customer_type": card.customer_type, "created_at": stamp(self.clock.now())}
        self.store.insert("cards", {**ids, **more, **_columns(facts)})
        if card.is_default or count == 0:
            self._make_default(customer_id, card_id)
        self.store.note(Change(Thing.CARD, card_id, Happened.CREATED, customer_id))
        return replace(self.card(customer_id, card_id), validation=verdict)

    def _replacement(
        self,
        row: sqlite3.Row,
        source: CardSource,
        billing: Mapping[str, str] | None,
    ) -> CardFacts:
        if not isinstance(source, MaskedCard):
            facts = self._new_card_facts(NewCard(source))
            return facts if billing is None else replace(facts, billing=clean_billing(billing))
        if source.last_4 != row["last_4"]:
            raise BankRefusal(Reason.MASKED_MISMATCH)
        stored = vault_facts(row, cvv_letter(source.cvv))
        return replace(
            stored,
            month=stored.month if source.month is None else source.month,
            year=stored.year if source.year is None else source.year,
            billing=clean_billing(billing or {}),
        )

    def _make_default(self, customer_id: str, card_id: str) -> None:
        self.store.execute(
            "UPDATE cards SET is_default = (id = ?) WHERE customer_id = ?", (card_id, customer_id)
        )

    def _refuse_duplicate_card(self, card: CardFacts, verdict: Verdict | None) -> None:
        others = self.store.rows(
            "SELECT id, billing FROM cards WHERE customer_id = ? AND fingerprint = ? ORDER BY id",
            (card.customer_id, card.fingerprint),
        )
        for row in others:
            billing = json.loads(row["billing"])
            same = all(billing.get(name) == card.billing.get(name) for name in SAME_CARD)
            if same and str(row["id"]) != card.card_id:
                raise BankRefusal(
                    Reason.DUPLICATE_CARD, existing_id=str(row["id"]), verdict=verdict
                )


def _columns(card: CardFacts) -> dict[str, object]:
    return {
        "fingerprint": card.fingerprint,
        "luhn_ok": int(card.luhn_ok),
        "last_4": card.last_4,
        "brand": card.brand,
        "month": card.month,
        "year": card.year,
        "billing": json.dumps(dict(card.billing)),
        "issuer_number": card.issuer_number,
    }


def card_of(row: sqlite3.Row) -> Card:
    """Return the card of a row."""
    return Card(
        id=str(row["id"]),
        customer_id=str(row["customer_id"]),
        last_4=row["last_4"],
        brand=row["brand"],
        month=row["month"],
        year=row["year"],
        billing=json.loads(row["billing"]),
        is_default=bool(row["is_default"]),
        customer_type=row["customer_type"],
        issuer_number=row["issuer_number"],
        created_at=moment(row["created_at"]),
    )
