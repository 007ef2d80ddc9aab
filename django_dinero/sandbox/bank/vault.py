"""The vault's verbs for customers. Those for cards are in :mod:`.cards`, those for shipping
addresses in :mod:`.addresses`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import replace

from django_dinero.sandbox.bank.addresses import AddressVault
from django_dinero.sandbox.bank.card_facts import CardFacts
from django_dinero.sandbox.bank.cards import CardVault, card_of
from django_dinero.sandbox.bank.changes import Change, Happened, Thing
from django_dinero.sandbox.bank.clock import moment, stamp
from django_dinero.sandbox.bank.enums import Reason, Validation
from django_dinero.sandbox.bank.records import BankRefusal, Customer, NewCard, Verdict
from django_dinero.sandbox.bank.store import reads, writes


class Vault(CardVault, AddressVault):
    """Customers, with cards and shipping addresses.

    A verb that raises :class:`BankRefusal` has stored nothing.
    """

    # -- Customers ---------------------------------------------------------------------------

    @writes
    def create_customer(
        self,
        key: str = "",
        email: str = "",
        description: str = "",
        first_name: str = "",
        last_name: str = "",
        cards: Iterable[NewCard] = (),
        validation: Validation = Validation.NONE,
        addresses: Iterable[Mapping[str, str]] = (),
    ) -> Customer:
        """Store a customer, with cards and shipping addresses.

        Args:
            key: the merchant's own id of the customer.
            cards: all are stored, or neither they nor the customer; the first is the default.
            validation: how each card is checked first.
            addresses: see :meth:`add_address`; stored with the customer, or not at all.

        Raises:
            BankRefusal: what a check said of a card; ``duplicate_customer`` (with the id) if key,
                email and description all equal those of another; ``duplicate_card``,
                ``duplicate_address``, ``card_limit``, ``token_*``.
        """
        cards = list(cards)
        checked: list[tuple[CardFacts, NewCard, Verdict | None]] = []
        try:
            checked += (self._checked(card, validation) for card in cards)
            self._refuse_duplicate_customer(key, email, description)
            with self.store.all_or_nothing():
                customer_id = self._insert_customer(key, email, description, first_name, last_name)
                stored = [self._store_card(customer_id, *each) for each in checked]
                for fields in addresses:
                    self.add_address(customer_id, fields)
        except BankRefusal as refusal:
            refusal.checks = tuple(verdict for _facts, _card, verdict in checked)
            if len(checked) < len(cards):
                refusal.checks += (refusal.verdict,)
            raise
        # Read again, since a later card may have taken the default from an earlier one.
        customer = self.customer(customer_id)
        pairs = zip(customer.cards, stored, strict=True)
        return replace(
            customer,
            cards=tuple(replace(card, validation=old.validation) for card, old in pairs),
        )

    @reads
    def customer(self, customer_id: str) -> Customer:
        """Return a customer with all cards and addresses.

        Raises:
            BankRefusal: ``customer_not_found``.
        """
        return self._customer_of(self._customer_row(customer_id))

    @reads
    def customers(
        self, *, key: str = "", email: str = "", after: str = "0", limit: int = -1
    ) -> tuple[Customer, ...]:
        """Return customers with their cards, by id.

        Args:
            key, email: only customers that have exactly this.
            after: the last id of the page before; only higher ones are returned.
            limit: how many at most; -1 for all.
        """
        where, values = ["id > ?"], [after]
        if key:
            where, values = [*where, "key = ?"], [*values, key]
        if email:
            where, values = [*where, "email = ?"], [*values, email]
        sql = f"SELECT * FROM customers WHERE {' AND '.join(where)} ORDER BY id LIMIT ?"  # noqa: S608
        return tuple(self._customer_of(row) for row in self.store.rows(sql, [*values, limit]))

    @reads
    def customer_ids(self) -> tuple[str, ...]:
        """Return the ids of all customers, in order."""
        return tuple(
            str(row["id"]) for row in self.store.rows("SELECT id FROM customers ORDER BY id")
        )

    @writes
    def update_customer(
        self,
        customer_id: str,
        *,
        key: str = "",
        email: str = "",
        description: str = "",
        first_name: str = "",
        last_name: str = "",
    ) -> Customer:
        """Replace all that is known of a customer except the cards; what is not given is emptied.

        Raises:
            BankRefusal: ``customer_not_found``, ``duplicate_customer``.
        """
        self._customer_row(customer_id)
        self._refuse_duplicate_customer(key, email, description, but=customer_id)
        self.store.execute(
            "UPDATE customers SET key = ?, email = ?, description = ?, first_name = ?,"
            " last_name = ? WHERE id = ?",
            (key, email, description, first_name, last_name, customer_id),
        )
        self.store.note(Change(Thing.CUSTOMER, customer_id, Happened.UPDATED))
        return self.customer(customer_id)

    @writes
    def delete_customer(self, customer_id: str) -> None:
        """Remove a customer, all cards and addresses. The ledger keeps what they paid.

        Raises:
            BankRefusal: ``customer_not_found``.
        """
        self._customer_row(customer_id)
        self.store.execute("DELETE FROM cards WHERE customer_id = ?", (customer_id,))
        self.store.execute("DELETE FROM addresses WHERE customer_id = ?", (customer_id,))
        self.store.execute("DELETE FROM customers WHERE id = ?", (customer_id,))
        self.store.note(Change(Thing.CUSTOMER, customer_id, Happened.DELETED))

    # -- Helpers -----------------------------------------------------------------------------

    def _insert_customer(
        self, key: str, email: str, description: str, first_name: str, last_name: str
    ) -> str:
        customer_id = self.store.next_id("customer")
        self.store.insert(
            "customers",
            {
                "id": int(customer_id),
                "key": key,
                "email": email,
                "description": description,
                "first_name": first_name,
                "last_name": last_name,
                "created_at": stamp(self.clock.now()),
            },
        )
        self.store.note(Change(Thing.CUSTOMER, customer_id, Happened.CREATED))
        return customer_id

    def _customer_of(self, row: sqlite3.Row) -> Customer:
        cards = self.store.rows(
            "SELECT * FROM cards WHERE customer_id = ? ORDER BY id", (row["id"],)
        )
        return Customer(
            id=str(row["id"]),
            key=row["key"],
            email=row["email"],
            description=row["description"],
            first_name=row["first_name"],
            last_name=row["last_name"],
            cards=tuple(card_of(card) for card in cards),
            addresses=self._addresses(row["id"]),
            created_at=moment(row["created_at"]),
        )

    def _refuse_duplicate_customer(
        self, key: str, email: str, description: str, *, but: str = "0"
    ) -> None:
        if not (key or email or description):
            return
        existing = self.store.value(
            "SELECT id FROM customers WHERE key = ? AND email = ? AND description = ? AND id <> ?"
            " ORDER BY id LIMIT 1",
            (key, email, description, but),
        )
        if existing is not None:
            raise BankRefusal(Reason.DUPLICATE_CUSTOMER, existing_id=str(existing))
