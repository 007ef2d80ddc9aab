"""The in-process gateway: the interface's verbs, each put to a bank in the same process.

What goes in and what comes out is translated in :mod:`.mapping`.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

from django.core.checks import CheckMessage
from django.utils.translation import gettext_noop

from django_dinero.enums import ResultStatus, TransactionKind
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.locks import Lock
from django_dinero.gateways.sandbox import mapping, webhooks
from django_dinero.gateways.sandbox.browser import BrowserServer
from django_dinero.gateways.sandbox.options import OPTION_NAMES, check, open_bank, read
from django_dinero.gateways.types import (
    Ack,
    BrowserScript,
    CardRequest,
    CardUpdate,
    ChargeRequest,
    CredentialsCheck,
    CustomerRequest,
    CustomerUpdate,
    FollowUpRequest,
    LookupHints,
    LookupResult,
    NextAction,
    Refusal,
    RemoteCard,
    RemoteCustomer,
    RemoteTransaction,
    TransactionResult,
    WebhookNotice,
)
from django_dinero.gateways.types import Reason as RefusalReason
from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Reason, Validation
from django_dinero.sandbox.bank.ledger_rows import ACTION_URL
from django_dinero.sandbox.bank.records import (
    BankRefusal,
    MaskedCard,
    NewCard,
    Order,
    PlainCard,
    Token,
    Verdict,
)
from django_dinero.sandbox.http import action_page
from django_dinero.send_deadline import check_may_send

P = ParamSpec("P")
ResultT = TypeVar("ResultT")

#: How many ledger rows or customers of the bank are read at a time.
PAGE = 500


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
            return Refusal(self._reasons(refusal), existing_id=refusal.existing_id)

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
            return TransactionResult(ResultStatus.FAILED, reasons=self._reasons(refusal))

    return method


class SandboxGateway(Gateway):
    """A test bank in this process. No card is charged, no number leaves it.

    For browsers it serves its own Accept.js, and pages to confirm payments on, at a port of this
    machine that is opened when the first page asks.

    Options, beside those of every backend:

    * ``store``: a file that keeps the bank's vault and ledger; without it they end with the
      process.
    * ``reject_avs``, ``reject_cvv``: letters of the address and card code checks that the bank
      declines (default ``"N"`` for both).
    * ``max_cards``: how many cards a customer can have (default 10).
    * ``allow_in_production``: it refuses to work when ``DEBUG`` is off outside a test run, since
      every charge would be a gift; True says that you know.
    """

    provider = "sandbox"
    option_names = OPTION_NAMES
    finds_at_once = True
    unsupported = dict.fromkeys(
        ("list_webhooks", "register_webhook", "remove_webhook"),
        gettext_noop("a bank in the same process sends no webhooks by itself"),
    )

    # Nothing is on its way here: what the bank does not have now will not come later.
    lease_seconds = 30.0
    quarantine_seconds = 30.0

    def __init__(self, name: str, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(name, options)
        self.options = read(name, dict(options or {}), self.currency)
        self._bank: Bank | None = None
        self._lock = Lock()
        self._browser = BrowserServer(lambda: self.bank)

    @property
    def bank(self) -> Bank:
        """The bank, for a test's own controls: ``mint_token``, ``settle_batch``, ``clock``, ...

        Raises:
            ImproperlyConfigured: ``DEBUG`` is off, this is no test run, and no option allows it; or
                the store cannot be used.
        """
        with self._lock:
            if self._bank is None:
                super().prepare()
                self._bank = open_bank(self.options)
            return self._bank

    @property
    def live(self) -> bool:
        return False

    def browser_keys(self) -> Mapping[str, str]:
        """Return the public names of the bank's account, in Accept.js's words."""
        account = self.options.account
        return {"api_login_id": account.login_id, "client_key": account.client_key}

    @property
    def test_account(self) -> str:
        return "a test bank in this process"

    def check(self) -> list[CheckMessage]:
        """Find a test bank that would be a production gateway."""
        return list(check(self.options))

    def prepare(self) -> None:
        self.bank.clock.now()

    def parse_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> WebhookNotice | Refusal:
        """Verify a webhook that :func:`.webhooks.sign` made with the bank's signature key."""
        return webhooks.parse(headers, raw_body, self.bank.account.signature_key)

    def check_credentials(self) -> CredentialsCheck:
        """Accept: there are none to check. The bank is opened, which can fail."""
        self.prepare()
        return CredentialsCheck(True, "The test bank in this process.", live=False)

    # -- The browser ------------------------------------------------------------------------

    def browser_script(self) -> BrowserScript:
        """Return the bank's own Accept.js. It is served by this process, on a port of its own."""
        url = self._browser.url
        return BrowserScript(f"{url}/v1/Accept.js", (url,))

    def action_address(self, action: NextAction, return_url: str) -> str:
        """Return the page where the card's holder confirms or refuses, in place of his bank's."""
        name = action.value.reveal().removeprefix(ACTION_URL)
        return action_page.address(self._browser.url, name, return_url)

    # -- The vault ---------------------------------------------------------------------------

    @_refusals
    def create_customer(self, request: CustomerRequest) -> RemoteCustomer:
        """Store a customer, with a card where there is one; the card is checked first."""
        stored = self.bank.create_customer(
            key=request.customer_key,
            email=request.email,
            first_name=request.first_name,
            last_name=request.last_name,
            cards=[NewCard(mapping.source_of(request.card))] if request.card else [],
            validation=Validation.LIVE,
        )
        return mapping.customer(stored)

    @_refusals
    def retrieve_customer(self, customer_id: str) -> RemoteCustomer:
        return mapping.customer(self.bank.customer(customer_id))

    @_refusals
    def update_customer(self, request: CustomerUpdate) -> Ack:
        self.bank.update_customer(
            request.customer_id,
            key=request.customer_key,
            email=request.email,
            first_name=request.first_name,
            last_name=request.last_name,
        )
        return Ack()

    @_refusals
    def delete_customer(self, customer_id: str) -> Ack:
        """Remove a customer; gone already is a success."""
        return self._gone(lambda: self.bank.delete_customer(customer_id))

    @_refusals
    def add_card(self, request: CardRequest) -> RemoteCard:
        """Store one more card; it is checked first."""
        new = NewCard(mapping.source_of(request.card), is_default=request.is_default)
        return mapping.card(self.bank.add_card(request.customer_id, new, Validation.LIVE))

    @_refusals
    def update_card(self, request: CardUpdate) -> RemoteCard:
        """Replace address and date, and the number where there is a new one."""
        source: PlainCard | Token | MaskedCard
        if request.card is not None:
            source = mapping.source_of(request.card)
        else:
            shown = self.bank.card(request.customer_id, request.card_id)
            source = MaskedCard(shown.last_4, request.month, request.year)
        stored = self.bank.update_card(
            request.customer_id,
            request.card_id,
            source,
            billing=request.address.as_dict(),
            is_default=request.is_default,
            validation=Validation.LIVE if request.card else Validation.NONE,
        )
        return mapping.card(stored)

    @_refusals
    def delete_card(self, customer_id: str, card_id: str) -> Ack:
        """Remove a card; gone already is a success."""
        return self._gone(lambda: self.bank.delete_card(customer_id, card_id))

    def _gone(self, delete: Callable[[], None]) -> Ack:
        try:
            delete()
        except BankRefusal as refusal:
            if refusal.reason in (Reason.CUSTOMER_NOT_FOUND, Reason.CARD_NOT_FOUND):
                return Ack(already=True)
            raise
        return Ack()

    @_results
    def validate_card(
        self, customer_id: str, card_id: str, cvv: Secret | None = None
    ) -> TransactionResult:
        verdict = self.bank.validate_card(customer_id, card_id, Validation.LIVE, cvv)
        return self._result(verdict)

    # -- Money -------------------------------------------------------------------------------

    @_results
    def charge(self, request: ChargeRequest) -> TransactionResult:
        """Charge or authorize. A part of the amount is given back and counts as a decline."""
        verdict = self.bank.charge(
            mapping.charged(request),
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
            capture=request.capture,
            # Whoever is charged by the merchant alone is not there to be sent anywhere.
            can_redirect=request.initiator != "merchant",
        )
        if verdict.reason is Reason.PARTIAL_APPROVAL and verdict.row is not None:
            self.bank.void(verdict.row.id)
            return replace(self._result(verdict), amount=verdict.row.amount)
        return self._result(verdict)

    @_results
    def capture(self, request: FollowUpRequest) -> TransactionResult:
        """Capture an authorization; one that was captured for this amount before is a success."""
        verdict = self.bank.capture(
            request.transaction_id,
            request.amount,
            currency=request.currency,
            capture_key=request.operation_key,
        )
        row = verdict.row
        there = row is not None and row.settled_amount == request.amount
        return _done_before(self._result(verdict), there)

    @_results
    def void(self, request: FollowUpRequest) -> TransactionResult:
        """Void what has not settled; what was voided before is a success."""
        verdict = self.bank.void(request.transaction_id, void_key=request.operation_key)
        return _done_before(self._result(verdict), verdict.reason is Reason.ALREADY_VOIDED)

    @_results
    def refund(self, request: FollowUpRequest) -> TransactionResult:
        """Give back what has settled."""
        verdict = self.bank.refund(
            request.transaction_id,
            request.amount,
            currency=request.currency,
            last_4=request.last_4,
            operation_key=request.operation_key,
            order=Order(invoice=request.operation_key, description=request.description),
        )
        return self._result(verdict)

    @_results
    def decide_review(
        self, request: FollowUpRequest, action: Literal["approve", "decline"]
    ) -> TransactionResult:
        verdict = self.bank.decide_review(request.transaction_id, approve=action == "approve")
        return self._result(verdict)

    # -- Looking up --------------------------------------------------------------------------

    @_refusals
    def retrieve_transaction(self, transaction_id: str) -> RemoteTransaction:
        return mapping.transaction(self.bank.retrieve_transaction(transaction_id))

    def find_operation(self, key: str, hints: LookupHints) -> LookupResult:
        """Find what an operation left: a customer by our key, a card by its being new."""
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
        return LookupResult(tuple(mapping.transaction(row) for row in found))

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

    def clock(self) -> datetime.datetime:
        """Return the bank's time, which tests can move."""
        return self.bank.clock.now()

    def iter_customers(self, after: str = "") -> Iterator[RemoteCustomer]:
        """Go through all customers, a page at a time."""
        after = after or "0"
        while page := self.bank.customers(after=after, limit=PAGE):
            yield from (mapping.customer(each) for each in page)
            after = page[-1].id

    def iter_transactions(
        self, since: datetime.datetime, until: datetime.datetime | None = None
    ) -> Iterator[RemoteTransaction]:
        """Go through all transactions since then, a page at a time."""
        after = "0"
        while page := self.bank.transactions(changed_since=since, after=after, limit=PAGE):
            told = (mapping.transaction(each) for each in page)
            yield from (each for each in told if until is None or _submitted_before(each, until))
            after = page[-1].id

    def _reasons(self, refusal: BankRefusal) -> tuple[RefusalReason, ...]:
        """Return why the bank refused; a bank in memory tells that it may have forgotten."""
        also = refusal.verdict.also if refusal.verdict is not None else ()
        return mapping.reasons(refusal.reason, also=also, in_memory=self._is_in_memory)

    def _result(self, verdict: Verdict) -> TransactionResult:
        """Return the bank's answer to a money verb; so does one that refuses in it."""
        return mapping.result(verdict, in_memory=self._is_in_memory)

    @property
    def _is_in_memory(self) -> bool:
        return self.options.store is None


def _done_before(result: TransactionResult, there: bool) -> TransactionResult:
    """Count what had been done before as done, but only if it is what was asked for (``there``)."""
    if not (result.already and there):
        return result
    return replace(result, outcome=ResultStatus.APPROVED, reasons=())


def _submitted_before(remote: RemoteTransaction, moment: datetime.datetime) -> bool:
    return remote.submitted_at is None or remote.submitted_at < moment
