"""What all verbs of the bank share: its account, its store, its clock, and how cards are found."""

from __future__ import annotations

import base64
import datetime
import json
import os
import sqlite3
from collections.abc import Mapping
from typing import Final

from django_dinero.enums import RemoteStatus
from django_dinero.redaction import Secret
from django_dinero.sandbox.bank import ledger_rows
from django_dinero.sandbox.bank.card_facts import (
    CardFacts,
    clean_billing,
    cvv_letter,
    facts_of,
    fingerprint,
)
from django_dinero.sandbox.bank.clock import Clock, moment, stamp
from django_dinero.sandbox.bank.enums import Check, Reason
from django_dinero.sandbox.bank.records import (
    Account,
    BankRefusal,
    LedgerRow,
    MaskedCard,
    NewCard,
    PaidCard,
    PlainCard,
    Token,
    VaultCard,
)
from django_dinero.sandbox.bank.store import Store, writes
from django_dinero.sandbox.bank.triggers import ACTION_NUMBER, form_errors

#: A token is good for 15 minutes, as Accept.js nonces are.
TOKEN_LIFE: Final = datetime.timedelta(minutes=15)
#: How long a payment can wait for somebody. An authorization lasts about 30 days at Authorize.Net.
LIVES: Final = {
    RemoteStatus.AUTHORIZED: datetime.timedelta(days=30),
    RemoteStatus.HELD: datetime.timedelta(days=30),
    RemoteStatus.REQUIRES_ACTION: ledger_rows.ACTION_LIFE,
}


class BankBase:
    """An account at the test bank.

    Args:
        store_path: the file that keeps its vault and ledger; None for memory.
        account: whose bank it is.
    """

    def __init__(
        self,
        store_path: str | os.PathLike[str] | None = None,
        account: Account | None = None,
    ) -> None:
        self.account = account or Account()
        self.store = Store(store_path)
        self.clock = Clock(self.store)
        with self.store.reading():
            self._key = self.store.get("fingerprint_key")
        self._action_card = fingerprint(ACTION_NUMBER, self._key)

    def close(self) -> None:
        """Close the store's file. The bank cannot be used afterwards."""
        self.store.close()

    def _lapsed(self, row: LedgerRow) -> LedgerRow:
        """Return a row as it is now: what waited too long has expired."""
        life = LIVES.get(row.status)
        if life is None or self.clock.now() < row.submitted_at + life:
            return row
        return ledger_rows.update(self.store, row, status=RemoteStatus.EXPIRED)

    # -- Tokens ------------------------------------------------------------------------------

    @writes
    def mint_token(
        self,
        number: Secret | str,
        *,
        month: int | None = None,
        year: int | None = None,
        cvv: Secret | str | None = None,
    ) -> str:
        """Return a token for a card, as a form in a browser gets it: good once, for 15 minutes.

        It is a plain text, as it is there: a test posts it as it is.

        Raises:
            BankRefusal: ``invalid_number`` or ``expired``; there is no token for such a card.
        """
        code = None if cvv is None else Secret(cvv)
        facts = facts_of(PlainCard(Secret(number), month, year, code), self._key)
        errors = form_errors(facts, self.clock.now().date())
        if errors:
            raise BankRefusal(errors[0])
        token = base64.b32encode(os.urandom(35)).decode("ascii")
        self.store.insert(
            "tokens",
            {
                "digest": fingerprint(token, self._key),
                "fingerprint": facts.fingerprint,
                "last_4": facts.last_4,
                "brand": facts.brand,
                "month": month,
                "year": year,
                "cvv": facts.cvv,
                "expires_at": stamp(self.clock.now() + TOKEN_LIFE),
                "used": 0,
                "issuer_number": facts.issuer_number,
            },
        )
        return token

    def _spend_token(self, token: Token) -> CardFacts:
        digest = fingerprint(token.value.reveal(), self._key)
        row = self.store.row("SELECT * FROM tokens WHERE digest = ?", (digest,))
        if row is None:
            raise BankRefusal(Reason.TOKEN_INVALID)
        if row["used"]:
            raise BankRefusal(Reason.TOKEN_USED)
        if moment(row["expires_at"]) <= self.clock.now():
            raise BankRefusal(Reason.TOKEN_EXPIRED)
        self.store.execute("UPDATE tokens SET used = 1 WHERE digest = ?", (digest,))
        return CardFacts(
            fingerprint=row["fingerprint"],
            last_4=row["last_4"],
            brand=row["brand"],
            issuer_number=row["issuer_number"],
            month=row["month"],
            year=row["year"],
            cvv=Check(row["cvv"]) if row["cvv"] else None,
            billing=clean_billing(token.billing),
        )

    # -- Cards -------------------------------------------------------------------------------

    def _new_card_facts(self, card: NewCard) -> CardFacts:
        source = card.source
        if isinstance(source, MaskedCard):
            # A mask stands for a stored card, and a new card is not stored yet.
            raise BankRefusal(Reason.INVALID_NUMBER)
        if isinstance(source, PlainCard):
            return facts_of(source, self._key, card.billing)
        if isinstance(source, PaidCard):
            return self._paid_facts(source, card.billing)
        return self._spend_token(Token(source.value, card.billing or source.billing))

    def _paid_facts(self, source: PaidCard, billing: Mapping[str, str]) -> CardFacts:
        found = self.store.row(
            "SELECT * FROM ledger WHERE id = ? AND fingerprint <> ''", (source.transaction_id,)
        )
        if found is None:
            raise BankRefusal(Reason.NOT_FOUND)
        row = ledger_rows.read(found)
        return CardFacts(
            fingerprint=found["fingerprint"],
            last_4=row.last_4,
            brand=row.brand,
            issuer_number=row.issuer_number,
            month=row.month,
            year=row.year,
            billing=clean_billing(billing or row.billing),
        )

    def _facts(self, source: PlainCard | Token | VaultCard) -> CardFacts:
        if isinstance(source, PlainCard):
            return facts_of(source, self._key)
        if isinstance(source, Token):
            return self._spend_token(source)
        return self._vault_facts(source)

    def _vault_facts(self, source: VaultCard) -> CardFacts:
        self._customer_row(source.customer_id)
        if source.card_id:
            row = self._card_row(source.customer_id, source.card_id)
        else:
            default = self.store.row(
                "SELECT * FROM cards WHERE customer_id = ? AND is_default", (source.customer_id,)
            )
            if default is None:
                raise BankRefusal(Reason.CARD_NOT_FOUND)
            row = default
        return vault_facts(row, cvv_letter(source.cvv))

    def _customer_row(self, customer_id: str) -> sqlite3.Row:
        row = self.store.row("SELECT * FROM customers WHERE id = ?", (customer_id,))
        if row is None:
            raise BankRefusal(Reason.CUSTOMER_NOT_FOUND)
        return row

    def _card_row(self, customer_id: str, card_id: str) -> sqlite3.Row:
        row = self.store.row(
            "SELECT * FROM cards WHERE id = ? AND customer_id = ?", (card_id, customer_id)
        )
        if row is None:
            raise BankRefusal(Reason.CARD_NOT_FOUND)
        return row


def vault_facts(row: sqlite3.Row, cvv: Check | None = None) -> CardFacts:
    """Return what is known of a card in the vault, with ``cvv`` as this payment gave it."""
    return CardFacts(
        fingerprint=row["fingerprint"],
        last_4=row["last_4"],
        brand=row["brand"],
        issuer_number=row["issuer_number"],
        luhn_ok=bool(row["luhn_ok"]),
        month=row["month"],
        year=row["year"],
        cvv=cvv,
        billing=json.loads(row["billing"]),
        customer_id=str(row["customer_id"]),
        card_id=str(row["id"]),
    )
