"""A test bank: a vault, a ledger and documented triggers, for any dialect to translate.

Nothing is imported here or in :mod:`.bank`, so that ``python -m
django_dinero.sandbox.bank.totals`` starts without Django.
"""

from __future__ import annotations
