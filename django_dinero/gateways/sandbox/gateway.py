"""The in-process gateway: maps the interface onto :class:`django_dinero.sandbox.bank.Bank`."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

from django.core.checks import CheckMessage
from django.utils.translation import gettext_noop

from django_dinero.cards import CardDetails, PaymentToken
from django_dinero.deadline import check_may_send
from django_dinero.gateways import types
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.sandbox import words
from django_dinero.gateways.sandbox.options import OPTION_NAMES, check, open_bank, read
from django_dinero.gateways.types import (
    CardRequest,
    CardUpdate,
    ChargeRequest,
    Credentials,
    CustomerRequest,
    CustomerUpdate,
    Done,
    FollowUpRequest,
    Kind,
    Lookup,
    LookupHints,
    Outcome,
    Refusal,
    RemoteCard,
    RemoteCustomer,
    RemoteTransaction,
    StoredCard,
    TransactionResult,
)
from django_dinero.sandbox.bank import Bank
from django_dinero.sandbox.records import (
    BankRefusal,
    MaskedCard,
    NewCard,
    Order,
    PlainCard,
    Reason,
    Token,
    Validation,
    VaultCard,
)
from django_dinero.secrets import Secret

#: How many entries of the bank's ledger are read at a time.
PAGE = 500

P = ParamSpec("P")
ResultT = TypeVar("ResultT")


def _told(gateway: SandboxGateway, refusal: BankRefusal) -> tuple[types.Reason, ...]:
    return words.reasons(refusal.reason, in_memory=gateway.options.store is None)


def _refusals(
    verb: Callable[Concatenate[SandboxGateway, P], ResultT],
) -> Callable[Concatenate[SandboxGateway, P], ResultT | Refusal]:
    """Let a verb of the vault return the bank's refusals."""

    @wraps(verb)
    def method(self: SandboxGateway, /, *args: P.args, **kwargs: P.kwargs) -> ResultT | Refusal:
        check_may_send()
        try:
            return verb(self, *args, **kwargs)
        except BankRefusal as refusal:
            return Refusal(_told(self, refusal), existing_id=refusal.existing_id)

    return method


def _results(
    verb: Callable[Concatenate[SandboxGateway, P], TransactionResult],
) -> Callable[Concatenate[SandboxGateway, P], TransactionResult]:
    """Let a money verb return the bank's refusals."""

    @wraps(verb)
    def method(self: SandboxGateway, /, *args: P.args, **kwargs: P.kwargs) -> TransactionResult:
        check_may_send()
        try:
            return verb(self, *args, **kwargs)
        except BankRefusal as refusal:
            return TransactionResult(Outcome.FAILED, reasons=_told(self, refusal))

    return method


class SandboxGateway(Gateway):
    """A test bank in this process. No card is charged, no number leaves it.

    Options, beside those of every backend:

    * ``store``: a file that keeps the bank's books; without it they end with the process.
    * ``reject_avs``, ``reject_cvv``: letters of the address and card code checks that the bank
      declines (default ``"N"`` for both).
    * ``max_cards``: how many cards a customer can have (default 10).
    * ``allow_in_production``: it refuses to work when ``DEBUG`` is off outside a test run, since
      every charge would be a gift; True says that you know.
    """

    option_names = OPTION_NAMES
    unsupported = {"parse_webhook": gettext_noop("a bank in the same process sends no webhooks")}

    # Nothing is on its way here: what the bank does not have now will not come later.
    lease_seconds = 30.0
    quarantine_seconds = 30.0

    def __init__(self, alias: str, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(alias, options)
        self.options = read(alias, dict(options or {}), self.currency)
        self._bank: Bank | None = None
        self._lock = threading.Lock()

    @property
    def live(self) -> bool:
        """Never."""
        return False

    @property
    def bank(self) -> Bank:
        """The bank, for a test's own controls: ``mint_token``, ``settle_batch``, ``clock``, ...

        Raises:
            ImproperlyConfigured: ``DEBUG`` is off, this is no test run, and no option allows it; or
                the store cannot be opened.
        """
        with self._lock:
            if self._bank is None:
                super().prepare()
                self._bank = open_bank(self.options)
            return self._bank

    def check(self) -> list[CheckMessage]:
        """Find a test bank that would be a production gateway."""
        return list(check(self.options))

    def prepare(self) -> None:
        """Open the bank."""
        self.bank.clock.now()

    # -- The vault -------------------------------------------------------------------------------

    @_refusals
    def create_customer(self, request: CustomerRequest) -> RemoteCustomer:
        """Store a customer, with a card where there is one; its bank is asked about it first."""
        stored = self.bank.create_customer(
            key=request.key,
            email=request.email,
            first_name=request.first_name,
            last_name=request.last_name,
            cards=[NewCard(_source(request.card))] if request.card else [],
            validation=Validation.live,
        )
        return words.customer(stored)

    @_refusals
    def retrieve_customer(self, customer_id: str) -> RemoteCustomer:
        """Return a customer with all cards."""
        return words.customer(self.bank.customer(customer_id))

    @_refusals
    def update_customer(self, request: CustomerUpdate) -> Done:
        """Replace e-mail and names."""
        self.bank.update_customer(
            request.customer_id,
            key=request.key,
            email=request.email,
            first_name=request.first_name,
            last_name=request.last_name,
        )
        return Done()

    @_refusals
    def delete_customer(self, customer_id: str) -> Done:
        """Remove a customer; gone already is a success."""
        return self._gone(lambda: self.bank.delete_customer(customer_id))

    @_refusals
    def add_card(self, request: CardRequest) -> RemoteCard:
        """Store one more card; it is checked first."""
        new = NewCard(_source(request.card), is_default=request.is_default)
        return words.card(self.bank.add_card(request.customer_id, new, Validation.live))

    @_refusals
    def update_card(self, request: CardUpdate) -> RemoteCard:
        """Replace address and date, and the number where there is a new one."""
        source: PlainCard | Token | MaskedCard
        if request.card is not None:
            source = _source(request.card)
        else:
            shown = self.bank.card(request.customer_id, request.card_id)
            source = MaskedCard(shown.last_4, request.month, request.year)
        stored = self.bank.update_card(
            request.customer_id,
            request.card_id,
            source,
            billing=request.address.as_dict(),
            is_default=request.is_default,
            validation=Validation.live if request.card else Validation.none,
        )
        return words.card(stored)

    @_refusals
    def delete_card(self, customer_id: str, card_id: str) -> Done:
        """Remove a card; gone already is a success."""
        return self._gone(lambda: self.bank.delete_card(customer_id, card_id))

    def _gone(self, delete: Callable[[], None]) -> Done:
        try:
            delete()
        except BankRefusal as refusal:
            if refusal.reason in (Reason.customer_not_found, Reason.card_not_found):
                return Done(already=True)
            raise
        return Done()

    @_results
    def validate_card(
        self, customer_id: str, card_id: str, cvv: Secret | None = None
    ) -> TransactionResult:
        """Check a stored card with its bank."""
        verdict = self.bank.validate_card(customer_id, card_id, Validation.live, cvv)
        return words.result(verdict)

    # -- Money -----------------------------------------------------------------------------------

    @_results
    def charge(self, request: ChargeRequest) -> TransactionResult:
        """Charge or authorize; a part of the amount is given back and counts as declined."""
        verdict = self.bank.charge(
            _charged(request),
            request.amount,
            operation_key=request.operation_key,
            order=Order(
                invoice=request.operation_key,
                description=request.description,
                customer_ip=request.customer_ip,
                customer_reference=request.order_reference,
                email=request.email,
            ),
            currency=request.currency,
            settle=request.settle,
        )
        if verdict.reason is Reason.partial_approval and verdict.entry is not None:
            self.bank.void(verdict.entry.id)
        return words.result(verdict)

    @_results
    def settle(self, request: FollowUpRequest) -> TransactionResult:
        """Capture an authorization; one that was captured for this amount before is a success."""
        key = request.operation_key
        verdict = self.bank.capture(request.transaction_id, request.amount, capture_key=key)
        entry = verdict.entry
        there = entry is not None and entry.settled_amount == request.amount
        return _done_before(words.result(verdict), there)

    @_results
    def void(self, request: FollowUpRequest) -> TransactionResult:
        """Void what has not settled; what was voided before is a success."""
        verdict = self.bank.void(request.transaction_id, void_key=request.operation_key)
        return _done_before(words.result(verdict), verdict.reason is Reason.already_voided)

    @_results
    def refund(self, request: FollowUpRequest) -> TransactionResult:
        """Give back what has settled."""
        verdict = self.bank.refund(
            request.transaction_id,
            request.amount,
            last_4=request.last_4,
            operation_key=request.operation_key,
            order=Order(invoice=request.operation_key, description=request.description),
        )
        return words.result(verdict)

    @_results
    def resolve_held(
        self, request: FollowUpRequest, action: Literal["approve", "decline"]
    ) -> TransactionResult:
        """Approve or decline a held payment."""
        verdict = self.bank.resolve_held(request.transaction_id, approve=action == "approve")
        return words.result(verdict)

    # -- The bank's books ------------------------------------------------------------------------

    @_refusals
    def retrieve_transaction(self, transaction_id: str) -> RemoteTransaction:
        """Return one transaction."""
        return words.transaction(self.bank.retrieve_transaction(transaction_id))

    def find_operation(self, key: str, hints: LookupHints) -> Lookup:
        """Find what an operation left: by its key, or by ours on the customer."""
        if hints.kind == "create_customer":
            return self._find_customer(hints)
        if hints.kind == "add_card":
            return self._find_card(hints)
        if hints.kind == "settle":
            found = self.bank.transactions(capture_key=key)
            return Lookup(tuple(words.transaction(e, kind=Kind.CAPTURE) for e in found))
        if hints.kind == "void":
            found = self.bank.transactions(void_key=key)
            return Lookup(tuple(words.transaction(e, kind=Kind.VOID) for e in found))
        found = self.bank.transactions(operation_key=key)
        return Lookup(tuple(words.transaction(entry) for entry in found))

    def _find_customer(self, hints: LookupHints) -> Lookup:
        found = self.bank.customers(key=hints.customer_key) if hints.customer_key else ()
        return Lookup(tuple(words.customer(each) for each in found))

    def _find_card(self, hints: LookupHints) -> Lookup:
        try:
            stored = self.bank.customer(hints.customer_id).cards
        except BankRefusal:
            stored = ()
        return Lookup(
            tuple(
                words.card(each)
                for each in stored
                if each.id not in hints.known_card_ids and hints.last_4 in ("", each.last_4)
            )
        )

    def iter_customers(self) -> Iterator[RemoteCustomer]:
        """Go through all customers, a page at a time."""
        after = "0"
        while page := self.bank.customers(after=after, limit=PAGE):
            yield from (words.customer(each) for each in page)
            after = page[-1].id

    def iter_transactions(self, since: datetime.datetime) -> Iterator[RemoteTransaction]:
        """Go through all transactions since then, a page at a time."""
        after = "0"
        while page := self.bank.transactions(since=since, after=after, limit=PAGE):
            yield from (words.transaction(each) for each in page)
            after = page[-1].id

    def check_credentials(self) -> Credentials:
        """There are none to check."""
        self.prepare()
        return Credentials(True, "The test bank in this process.", live=False)


def _done_before(result: TransactionResult, there: bool) -> TransactionResult:
    """Take "it had been done before" for done: the books agree only if it is in ours too."""
    if not (result.already and there):
        return result
    return replace(result, outcome=Outcome.APPROVED, reasons=())


def _source(card: CardDetails | PaymentToken) -> PlainCard | Token:
    billing = {name: text for name, text in card.address.as_dict().items() if text}
    if isinstance(card, PaymentToken):
        return Token(card.value, billing)
    return PlainCard(card.number, card.month, card.year, card.cvv, billing)


def _charged(request: ChargeRequest) -> PlainCard | Token | VaultCard:
    if isinstance(request.source, StoredCard):
        return VaultCard(request.source.customer_id, request.source.card_id, request.cvv)
    return _source(request.source)
