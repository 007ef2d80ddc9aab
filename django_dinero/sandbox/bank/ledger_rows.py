"""The rows of the ledger: how they are written, read and changed."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from django_dinero.enums import RemoteStatus
from django_dinero.money import EXACT, exponent
from django_dinero.sandbox.bank.card_facts import CardFacts
from django_dinero.sandbox.bank.changes import of_row
from django_dinero.sandbox.bank.clock import moment, stamp
from django_dinero.sandbox.bank.enums import Check, Reason, RowKind
from django_dinero.sandbox.bank.records import Action, LedgerRow, Order
from django_dinero.sandbox.bank.schema import in_units
from django_dinero.sandbox.bank.store import Store

#: Fields without a column of their own, since nothing searches or sums them. They are JSON in one.
DETAILS: Final = (
    *("last_4", "brand", "month", "year", "billing", "auth_code", "avs", "cvv"),
    *("network_transaction_id", "description", "customer_ip", "customer_reference", "email"),
    *("purchase_order", "customer_type", "issuer_number", "reason", "reversed_at"),
)
TEXT_COLUMNS: Final = (
    *("kind", "status", "currency", "operation_key", "capture_key", "void_key", "parent_id"),
    *("customer_id", "card_id", "invoice", "batch_id"),
)
#: How long the card's holder has to confirm a payment.
ACTION_LIFE: Final = datetime.timedelta(days=1)
#: A domain that never resolves (RFC 2606): a control confirms in place of a page.
ACTION_URL: Final = "https://bank.invalid/actions/"
#: A larger amount is refused: sums of its units would overflow an SQL integer.
MAX_AMOUNT: Final = Decimal(10) ** 12


def insert(store: Store, row: LedgerRow, signature: str = "", fingerprint: str = "") -> None:
    """Write a new row.

    Args:
        store: where to.
        row: what to write.
        signature: what the duplicate window compares.
        fingerprint: of the card, where the vault may store it later.
    """
    values: dict[str, object] = {name: str(getattr(row, name)) for name in TEXT_COLUMNS}
    values |= amounts(row)
    values |= {
        "id": int(row.id),
        "decimals": exponent(row.currency),
        "requested_amount": _text(row.requested_amount),
        "submitted_at": stamp(row.submitted_at),
        "settled_at": stamp(row.settled_at) if row.settled_at else None,
        "signature": signature,
        "fingerprint": fingerprint,
        "details": _details(row),
    }
    store.insert("ledger", values)
    store.note(of_row(row))


def update(store: Store, row: LedgerRow, **changes: Any) -> LedgerRow:
    """Change status, keys, details or the settled amount of a row; return it as it is now."""
    changed = replace(row, **changes)
    values: dict[str, object] = {
        name: str(getattr(changed, name)) for name in TEXT_COLUMNS if name in changes
    }
    if "settled_amount" in changes:
        values |= amounts(changed)
    if set(changes) & set(DETAILS):
        values["details"] = _details(changed)
    names = ", ".join(f"{name} = ?" for name in values)
    sql = f"UPDATE ledger SET {names} WHERE id = ?"  # noqa: S608 - our own column names
    store.execute(sql, (*values.values(), row.id))
    store.note(of_row(changed, before=row.status))
    return changed


def _details(row: LedgerRow) -> str:
    values = {name: getattr(row, name) for name in DETAILS}
    values["reversed_at"] = stamp(row.reversed_at) if row.reversed_at else None
    return json.dumps(values)


def amounts(row: LedgerRow) -> dict[str, object]:
    """Return the columns of the amounts: exact as text, and in units that SQL can add."""
    return {
        "amount": str(row.amount),
        "units": in_units(row.amount),
        "settled_amount": _text(row.settled_amount),
        "settled_units": None if row.settled_amount is None else in_units(row.settled_amount),
    }


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def read(row: sqlite3.Row) -> LedgerRow:
    details = json.loads(row["details"])
    details["avs"], details["cvv"] = Check(details["avs"]), Check(details["cvv"])
    details["reason"] = Reason(details["reason"]) if details["reason"] else None
    reversed_at = details.pop("reversed_at", None)
    texts = {name: row[name] for name in TEXT_COLUMNS}
    texts |= {"kind": RowKind(row["kind"]), "status": RemoteStatus(row["status"])}
    return LedgerRow(
        id=str(row["id"]),
        amount=Decimal(row["amount"]),
        settled_amount=_decimal(row["settled_amount"]),
        requested_amount=_decimal(row["requested_amount"]),
        submitted_at=moment(row["submitted_at"]),
        settled_at=moment(row["settled_at"]) if row["settled_at"] else None,
        reversed_at=moment(reversed_at) if reversed_at else None,
        **texts,
        **details,
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def find(store: Store, row_id: str) -> LedgerRow | None:
    """Return the row with this id, or None."""
    row = store.row("SELECT * FROM ledger WHERE id = ?", (row_id,))
    return None if row is None else read(row)


def exact(amount: Decimal, currency: str, *, zero: bool = False) -> Decimal | None:
    """Return an amount with the decimals of its currency; None where it is not one, or not above 0.

    Args:
        amount: what was given.
        currency: ISO 4217.
        zero: whether 0 is an amount too.

    Raises:
        TypeError: not a Decimal; a float has no exact value.
    """
    if not isinstance(amount, Decimal):
        raise TypeError("amount: give a Decimal.")
    if not amount.is_finite() or not 0 <= amount < MAX_AMOUNT or not (amount or zero):
        return None
    fitted = amount.quantize(Decimal(1).scaleb(-exponent(currency), EXACT), context=EXACT)
    return fitted if fitted == amount else None


def approval(row_id: str) -> dict[str, Any]:
    """Return the codes of an approval. They follow from the id, so that tests can repeat them."""
    digest = hashlib.sha256(b"approval " + row_id.encode("ascii")).digest()
    letters = base64.b32encode(digest).decode("ascii")
    return {"auth_code": letters[:6], "network_transaction_id": letters[6:21]}


def action_of(row: LedgerRow) -> Action | None:
    """Return what the card's holder has to do, the same each time; None where it is nothing."""
    if row.status is not RemoteStatus.REQUIRES_ACTION:
        return None
    return Action(ACTION_URL + action_name(row), row.submitted_at + ACTION_LIFE)


def action_name(row: LedgerRow) -> str:
    """Return the last part of the address of a payment's action."""
    digest = hashlib.sha256(b"action " + row.id.encode("ascii")).digest()
    return base64.b32encode(digest).decode("ascii")[:24].lower()


def let_through(store: Store, row: LedgerRow, **changes: Any) -> LedgerRow:
    """Take or authorize a payment that waited for somebody; ``changes`` go with it."""
    taken = row.kind is RowKind.CHARGE
    return update(
        store,
        row,
        status=RemoteStatus.CAPTURED if taken else RemoteStatus.AUTHORIZED,
        settled_amount=row.amount if taken else None,
        reason=None,
        **changes,
    )


def decline(store: Store, row: LedgerRow) -> LedgerRow:
    """Decline a payment that waited for somebody."""
    return update(store, row, status=RemoteStatus.DECLINED, reason=Reason.DECLINED)


def of_card(card: CardFacts) -> Mapping[str, Any]:
    """Return the fields of a row that come from its card."""
    return {
        "customer_id": card.customer_id,
        "card_id": card.card_id,
        "last_4": card.last_4,
        "brand": card.brand,
        "issuer_number": card.issuer_number,
        "month": card.month,
        "year": card.year,
        "billing": dict(card.billing),
    }


def of_order(order: Order) -> Mapping[str, Any]:
    """Return the fields of a row that come from its order."""
    return {
        "invoice": order.invoice,
        "description": order.description,
        "customer_ip": order.customer_ip,
        "customer_reference": order.customer_reference,
        "email": order.email,
        "purchase_order": order.purchase_order,
        "customer_type": order.customer_type,
    }


def original(store: Store, signature: str, since: datetime.datetime) -> LedgerRow | None:
    """Return the first row with this signature that is newer than ``since``."""
    row = store.row(
        "SELECT * FROM ledger WHERE signature = ? AND signature <> '' AND submitted_at > ?"
        " ORDER BY id LIMIT 1",
        (signature, stamp(since)),
    )
    return None if row is None else read(row)
