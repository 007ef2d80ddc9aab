"""The Date header of the bank's answers: its own clock, which clients learn from it."""

from __future__ import annotations

import datetime
import sqlite3

from django.utils.http import http_date

from django_dinero.sandbox.bank.bank import Bank


def date_header(bank: Bank) -> str:
    """Return the bank's time as a Date header (RFC 9110); this machine's if it cannot be read."""
    try:
        now = bank.clock.now()
    except sqlite3.Error:  # the answer says so by itself
        now = datetime.datetime.now(datetime.UTC)
    return http_date(now.timestamp())
