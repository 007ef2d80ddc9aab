"""The sums of a store file, by plain SQL: ``python -m django_dinero.sandbox.bank.totals FILE``.

A second opinion: none of the bank's own code takes part, so that its sums can be compared with
those of the bank and with the local ledger. What is counted, per currency:

* ``charged``: money taken: charges and captures, settled or waiting for their batch;
* ``refunded``: refunds and credits, settled or waiting;
* ``authorized``: authorizations that wait for their capture; ``held``: payments under review;
* ``requires_action``: payments that the card's holder has to confirm first: no money yet;
* ``voided``, ``declined``, ``expired``: what was asked for and will not be taken or given back;
* ``returned``, ``charged_back``: money taken, and taken away again by the cardholder's bank.

The checks of cards that the vault makes are not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Final, TypedDict

from django_dinero.sandbox.bank.schema import VERSION, from_units

#: Name → which rows of the ledger, and which column is summed.
BUCKETS: Final = {
    "charged": (
        "kind IN ('charge', 'authorization', 'capture_only') AND status IN ('captured', 'settled')",
        "settled_units",
    ),
    "refunded": ("kind = 'refund' AND status IN ('captured', 'settled')", "settled_units"),
    "authorized": ("kind <> 'validation' AND status = 'authorized'", "units"),
    "held": ("kind <> 'validation' AND status = 'held'", "units"),
    "requires_action": ("kind <> 'validation' AND status = 'requires_action'", "units"),
    "voided": ("kind <> 'validation' AND status = 'voided'", "units"),
    "declined": ("kind <> 'validation' AND status = 'declined'", "units"),
    "expired": ("kind <> 'validation' AND status = 'expired'", "units"),
    "returned": ("kind <> 'validation' AND status = 'returned'", "settled_units"),
    "charged_back": ("kind <> 'validation' AND status = 'charged_back'", "settled_units"),
}


class Total(TypedDict):
    """How many ledger rows, and their sum in major units as text."""

    count: int
    sum: str


class NotAStore(Exception):
    """The file is missing, or is not a store of this version of the test bank."""


def sums(path: str | os.PathLike[str]) -> dict[str, dict[str, Total]]:
    """Return the totals of a store file by currency and bucket.

    Args:
        path: the file; a bank may be at work on it.

    Raises:
        NotAStore: no such file, or not a test bank's store.
    """
    if not Path(path).is_file():
        raise NotAStore(f"{os.fspath(path)}: there is no such file.")
    uri = f"{Path(path).absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=30.0)) as db:
            if db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                raise NotAStore(f"{os.fspath(path)}: not a store of this version of the test bank.")
            # One statement sees one state: a row that changes meanwhile is counted once.
            rows = db.execute(_query()).fetchall()
    except sqlite3.DatabaseError as error:
        raise NotAStore(f"{os.fspath(path)}: cannot be read as a test bank's store.") from error
    return {currency: _totals(decimals, numbers) for currency, decimals, *numbers in rows}


def _query() -> str:
    columns = ", ".join(
        f"coalesce(sum({rows}), 0), coalesce(sum(CASE WHEN {rows} THEN {units} END), 0)"
        for rows, units in BUCKETS.values()
    )
    return f"SELECT currency, max(decimals), {columns} FROM ledger GROUP BY currency"  # noqa: S608


def _totals(decimals: int, numbers: list[int]) -> dict[str, Total]:
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return {
        name: Total(count=count, sum=str(from_units(units, decimals)))
        for name, (count, units) in zip(BUCKETS, pairs, strict=True)
    }


def main(arguments: list[str] | None = None) -> int:
    """Print the sums of the file named on the command line as JSON; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m django_dinero.sandbox.bank.totals",
        description="Sum a test bank's store file to JSON, per currency.",
    )
    parser.add_argument("file", help="the store file of the test bank")
    path = parser.parse_args(arguments).file
    try:
        text = json.dumps(sums(path), indent=2, sort_keys=True)
    except NotAStore as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{text}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
