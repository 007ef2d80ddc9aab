"""The tables of a test bank's store.

``totals.py`` reads the ledger with plain SQL, so what it sums has columns of its own. An amount is
kept twice: exactly, as text, and as an integer of 1/10000, which SQL adds without rounding.
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Final

#: Written to ``PRAGMA user_version``; a file of another version is refused.
VERSION: Final = 3
#: Parts of a major unit in the integer columns: no ISO 4217 currency has more than 4 decimals.
UNITS: Final = 10_000
#: A context of our own: the thread's may round to six digits.
_EXACT: Final = Context(prec=64)

#: Where each kind of id starts; they have as many digits as those of a real gateway. A new bank
#: picks a start at random: a project's rows outlive a bank in memory, and the next bank must not
#: give their ids to somebody else.
FIRST_IDS: Final = {
    "customer": range(900_000_000, 990_000_000),
    "card": range(900_000_000, 990_000_000),
    "address": range(900_000_000, 990_000_000),
    "transaction": range(60_000_000_000, 90_000_000_000),
    "batch": range(7_000_000, 9_000_000),
}

TABLES: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE customers (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, email TEXT NOT NULL, description TEXT NOT NULL,
    first_name TEXT NOT NULL, last_name TEXT NOT NULL, created_at TEXT NOT NULL
);
CREATE INDEX customers_identity ON customers (key, email, description);
CREATE INDEX customers_email ON customers (email);
CREATE TABLE cards (
    id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, fingerprint TEXT NOT NULL,
    luhn_ok INTEGER NOT NULL, last_4 TEXT NOT NULL, brand TEXT NOT NULL, month INTEGER,
    year INTEGER, billing TEXT NOT NULL, is_default INTEGER NOT NULL, created_at TEXT NOT NULL,
    issuer_number TEXT NOT NULL, customer_type TEXT NOT NULL
);
CREATE INDEX cards_customer ON cards (customer_id, id);
CREATE TABLE addresses (
    id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, address TEXT NOT NULL,
    is_default INTEGER NOT NULL
);
CREATE INDEX addresses_customer ON addresses (customer_id, id);
CREATE TABLE tokens (
    digest TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, last_4 TEXT NOT NULL, brand TEXT NOT NULL,
    month INTEGER, year INTEGER, cvv TEXT, expires_at TEXT NOT NULL, used INTEGER NOT NULL,
    issuer_number TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE ledger (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, status TEXT NOT NULL,
    amount TEXT NOT NULL, units INTEGER NOT NULL, settled_amount TEXT, settled_units INTEGER,
    currency TEXT NOT NULL, decimals INTEGER NOT NULL, requested_amount TEXT,
    submitted_at TEXT NOT NULL, operation_key TEXT NOT NULL, capture_key TEXT NOT NULL,
    void_key TEXT NOT NULL, parent_id TEXT NOT NULL, customer_id TEXT NOT NULL,
    card_id TEXT NOT NULL, invoice TEXT NOT NULL, batch_id TEXT NOT NULL, settled_at TEXT,
    signature TEXT NOT NULL, fingerprint TEXT NOT NULL, details TEXT NOT NULL
);
CREATE INDEX ledger_operation ON ledger (operation_key) WHERE operation_key <> '';
CREATE INDEX ledger_capture ON ledger (capture_key) WHERE capture_key <> '';
CREATE INDEX ledger_void ON ledger (void_key) WHERE void_key <> '';
CREATE INDEX ledger_parent ON ledger (parent_id) WHERE parent_id <> '';
CREATE INDEX ledger_customer ON ledger (customer_id, id) WHERE customer_id <> '';
CREATE INDEX ledger_card ON ledger (card_id, id) WHERE card_id <> '';
CREATE INDEX ledger_invoice ON ledger (invoice) WHERE invoice <> '';
CREATE INDEX ledger_batch ON ledger (batch_id) WHERE batch_id <> '';
CREATE INDEX ledger_signature ON ledger (signature) WHERE signature <> '';
CREATE INDEX ledger_submitted ON ledger (submitted_at);
CREATE INDEX ledger_open ON ledger (status, id) WHERE batch_id = '';
CREATE TABLE batches (
    id INTEGER PRIMARY KEY, settled_at TEXT NOT NULL, count INTEGER NOT NULL
);
"""


def in_units(amount: Decimal) -> int:
    """Return an amount as it stands in an integer column."""
    return int(_EXACT.multiply(amount, UNITS))


def from_units(units: int, decimals: int) -> Decimal:
    """Return what integer columns come to, as an amount with so many decimals."""
    unit = Decimal(1).scaleb(-decimals, _EXACT)
    return _EXACT.divide(units, UNITS).quantize(unit, context=_EXACT)
