"""A test bank: a vault, a ledger and documented triggers, for any dialect to translate.

Nothing is imported here, so that ``python -m django_dinero.sandbox.books`` starts without Django.
"""

from __future__ import annotations
