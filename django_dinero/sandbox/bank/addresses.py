"""The vault's verbs for the shipping addresses of a customer."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from django_dinero.sandbox.bank.base import BankBase
from django_dinero.sandbox.bank.card_facts import clean_billing
from django_dinero.sandbox.bank.enums import Reason
from django_dinero.sandbox.bank.records import BankRefusal, ShippingAddress
from django_dinero.sandbox.bank.store import reads, writes


class AddressVault(BankBase):
    """Shipping addresses. A verb that raises :class:`BankRefusal` has stored nothing."""

    @writes
    def add_address(
        self, customer_id: str, fields: Mapping[str, str], *, is_default: bool = False
    ) -> ShippingAddress:
        """Store one more address. A customer's first is the default.

        Args:
            customer_id: whose it is.
            fields: with the names of :class:`django_dinero.cards.Address`.
            is_default: whether it is the one that counts where none is named.

        Raises:
            BankRefusal: ``customer_not_found``; ``duplicate_address`` with the id of the same one.
        """
        self._customer_row(customer_id)
        address = _text(fields)
        self._refuse_duplicate_address(customer_id, address)
        first = not self._addresses(customer_id)
        address_id = self.store.next_id("address")
        ids = {"id": int(address_id), "customer_id": int(customer_id)}
        self.store.insert("addresses", {**ids, "address": address, "is_default": 0})
        if first or is_default:
            self._make_default_address(customer_id, address_id)
        return self.address(customer_id, address_id)

    @reads
    def address(self, customer_id: str, address_id: str = "") -> ShippingAddress:
        """Return an address; without an id the default one.

        Raises:
            BankRefusal: ``customer_not_found``, ``address_not_found``.
        """
        self._customer_row(customer_id)
        wanted = "id = ?" if address_id else "is_default"
        row = self.store.row(
            f"SELECT * FROM addresses WHERE customer_id = ? AND {wanted}",  # noqa: S608
            (customer_id, address_id) if address_id else (customer_id,),
        )
        if row is None:
            raise BankRefusal(Reason.ADDRESS_NOT_FOUND)
        return _address_of(row)

    @writes
    def update_address(
        self,
        customer_id: str,
        address_id: str,
        fields: Mapping[str, str],
        *,
        is_default: bool = False,
    ) -> ShippingAddress:
        """Replace an address; what is not given becomes empty.

        Args:
            customer_id, address_id: of the address.
            fields: see :meth:`add_address`.
            is_default: True makes it the default; False leaves the default where it is.

        Raises:
            BankRefusal: ``customer_not_found``, ``address_not_found``, ``duplicate_address``.
        """
        self.address(customer_id, address_id)
        address = _text(fields)
        self._refuse_duplicate_address(customer_id, address, but=address_id)
        self.store.execute("UPDATE addresses SET address = ? WHERE id = ?", (address, address_id))
        if is_default:
            self._make_default_address(customer_id, address_id)
        return self.address(customer_id, address_id)

    @writes
    def delete_address(self, customer_id: str, address_id: str) -> None:
        """Remove an address. No other becomes the default by itself.

        Raises:
            BankRefusal: ``customer_not_found``, ``address_not_found``.
        """
        self.address(customer_id, address_id)
        self.store.execute("DELETE FROM addresses WHERE id = ?", (address_id,))

    # -- Helpers -----------------------------------------------------------------------------

    def _addresses(self, customer_id: str) -> tuple[ShippingAddress, ...]:
        rows = self.store.rows(
            "SELECT * FROM addresses WHERE customer_id = ? ORDER BY id", (customer_id,)
        )
        return tuple(_address_of(row) for row in rows)

    def _make_default_address(self, customer_id: str, address_id: str) -> None:
        self.store.execute(
            "UPDATE addresses SET is_default = (id = ?) WHERE customer_id = ?",
            (address_id, customer_id),
        )

    def _refuse_duplicate_address(self, customer_id: str, address: str, *, but: str = "0") -> None:
        same = self.store.value(
            "SELECT id FROM addresses WHERE customer_id = ? AND address = ? AND id <> ?",
            (customer_id, address, but),
        )
        if same is not None:
            raise BankRefusal(Reason.DUPLICATE_ADDRESS, existing_id=str(same))


def _text(fields: Mapping[str, str]) -> str:
    return json.dumps(clean_billing(fields))


def _address_of(row: sqlite3.Row) -> ShippingAddress:
    return ShippingAddress(
        id=str(row["id"]),
        customer_id=str(row["customer_id"]),
        fields=json.loads(row["address"]),
        is_default=bool(row["is_default"]),
    )
