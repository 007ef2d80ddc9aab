"""The in-process gateway: maps the interface onto :class:`django_dinero.sandbox.bank.bank.Bank`."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from django.utils.translation import gettext_noop

from django_dinero.enums import TransactionKind
from django_dinero.gateways.sandbox import mapping
from django_dinero.gateways.sandbox.account import refusals
from django_dinero.gateways.sandbox.money import Money
from django_dinero.gateways.sandbox.vault import Vault
from django_dinero.gateways.types import (
    CredentialsCheck,
    LookupHints,
    LookupResult,
    RemoteCustomer,
    RemoteTransaction,
)
from django_dinero.sandbox.bank.records import BankRefusal

#: How many entries of the bank's ledger are read at a time.
PAGE = 500


class SandboxGateway(Vault, Money):
    """A test bank in this process. No card is charged, no number leaves it.

    Options, beside those of every backend:

    * ``store``: a file that keeps the bank's books; without it they end with the process.
    * ``reject_avs``, ``reject_cvv``: letters of the address and card code checks that the bank
      declines (default ``"N"`` for both).
    * ``max_cards``: how many cards a customer can have (default 10).
    * ``allow_in_production``: it refuses to work when ``DEBUG`` is off outside a test run, since
      every charge would be a gift; True says that you know.
    """

    unsupported = {"parse_webhook": gettext_noop("a bank in the same process sends no webhooks")}

    # Nothing is on its way here: what the bank does not have now will not come later.
    lease_seconds = 30.0
    quarantine_seconds = 30.0

    @property
    def live(self) -> bool:
        """Never."""
        return False

    @refusals
    def retrieve_transaction(self, transaction_id: str) -> RemoteTransaction:
        """Return one transaction."""
        return mapping.transaction(self.bank.retrieve_transaction(transaction_id))

    def find_operation(self, key: str, hints: LookupHints) -> LookupResult:
        """Find what an operation left: by its key, or by ours on the customer."""
        if hints.kind == "create_customer":
            return self._find_customer(hints)
        if hints.kind == "add_card":
            return self._find_card(hints)
        if hints.kind == "capture":
            found = self.bank.transactions(capture_key=key)
            return LookupResult(
                tuple(mapping.transaction(e, kind=TransactionKind.CAPTURE) for e in found)
            )
        if hints.kind == "void":
            found = self.bank.transactions(void_key=key)
            return LookupResult(
                tuple(mapping.transaction(e, kind=TransactionKind.VOID) for e in found)
            )
        found = self.bank.transactions(operation_key=key)
        return LookupResult(tuple(mapping.transaction(entry) for entry in found))

    def _find_customer(self, hints: LookupHints) -> LookupResult:
        found = self.bank.customers(key=hints.customer_key) if hints.customer_key else ()
        return LookupResult(tuple(mapping.customer(each) for each in found))

    def _find_card(self, hints: LookupHints) -> LookupResult:
        try:
            stored = self.bank.customer(hints.customer_id).cards
        except BankRefusal:
            stored = ()
        return LookupResult(
            tuple(
                mapping.card(each)
                for each in stored
                if each.id not in hints.known_card_ids and hints.last_4 in ("", each.last_4)
            )
        )

    def iter_customers(self) -> Iterator[RemoteCustomer]:
        """Go through all customers, a page at a time."""
        after = "0"
        while page := self.bank.customers(after=after, limit=PAGE):
            yield from (mapping.customer(each) for each in page)
            after = page[-1].id

    def iter_transactions(self, since: datetime.datetime) -> Iterator[RemoteTransaction]:
        """Go through all transactions since then, a page at a time."""
        after = "0"
        while page := self.bank.transactions(since=since, after=after, limit=PAGE):
            yield from (mapping.transaction(each) for each in page)
            after = page[-1].id

    def check_credentials(self) -> CredentialsCheck:
        """There are none to check."""
        self.bank.clock.now()
        return CredentialsCheck(True, "The test bank in this process.", live=False)
