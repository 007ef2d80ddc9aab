"""The test bank: one account with a vault, a ledger, and a clock that a test can move.

Its verbs stand in one file per subject, as mixins over :class:`.base.BankBase`, which holds all
that they share: account, store and clock. Parts behind a facade would need each of some thirty
signatures twice, and a verb of one part would still write the rows of another.
"""

from __future__ import annotations

from django_dinero.sandbox.bank.actions import Actions
from django_dinero.sandbox.bank.charges import Charges
from django_dinero.sandbox.bank.endpoints import Endpoints
from django_dinero.sandbox.bank.followups import FollowUps
from django_dinero.sandbox.bank.ledger import Ledger
from django_dinero.sandbox.bank.vault import Vault


class Bank(Vault, Charges, FollowUps, Actions, Ledger, Endpoints):
    """A bank for tests, safe to share between threads; processes share a store file.

    Every verb is one transaction. Card numbers and codes are never kept: only the first six and
    the last four digits, a keyed fingerprint, and the letter that a test code leads to.

    Args:
        store_path: the file that keeps its vault and ledger; None for memory.
        account: whose bank it is: credentials, currency, what it declines.

    Raises:
        ValueError: the file is not a store of this version of the test bank.
    """

    def __repr__(self) -> str:
        return f"Bank({self.store.path!r}, account={self.account.login_id!r})"
