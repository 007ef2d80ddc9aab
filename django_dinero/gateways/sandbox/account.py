"""The bank behind an alias, and how its refusals are put."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.core.checks import CheckMessage

from django_dinero.cards import CardDetails, PaymentToken
from django_dinero.enums import ResultStatus
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.locks import Lock
from django_dinero.gateways.sandbox import mapping
from django_dinero.gateways.sandbox.options import OPTION_NAMES, check, open_bank, read
from django_dinero.gateways.types import Reason, Refusal, TransactionResult
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.records import BankRefusal, PlainCard, Token
from django_dinero.send_deadline import check_may_send

P = ParamSpec("P")
ResultT = TypeVar("ResultT")
AccountT = TypeVar("AccountT", bound="Account")


def refusals(
    verb: Callable[Concatenate[AccountT, P], ResultT],
) -> Callable[Concatenate[AccountT, P], ResultT | Refusal]:
    """Let a verb of the vault return the bank's refusals."""

    @wraps(verb)
    def method(self: AccountT, /, *args: P.args, **kwargs: P.kwargs) -> ResultT | Refusal:
        check_may_send()
        try:
            return verb(self, *args, **kwargs)
        except BankRefusal as refusal:
            return Refusal(self.told(refusal), existing_id=refusal.existing_id)

    return method


def results(
    verb: Callable[Concatenate[AccountT, P], TransactionResult],
) -> Callable[Concatenate[AccountT, P], TransactionResult]:
    """Let a money verb return the bank's refusals."""

    @wraps(verb)
    def method(self: AccountT, /, *args: P.args, **kwargs: P.kwargs) -> TransactionResult:
        check_may_send()
        try:
            return verb(self, *args, **kwargs)
        except BankRefusal as refusal:
            return TransactionResult(ResultStatus.FAILED, reasons=self.told(refusal))

    return method


class Account(Gateway):
    """One alias and its bank."""

    option_names = OPTION_NAMES

    def __init__(self, alias: str, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(alias, options)
        self.options = read(alias, dict(options or {}), self.currency)
        self._bank: Bank | None = None
        self._lock = Lock()

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

    def check(self) -> list[CheckMessage]:
        """Find a test bank that would be a production gateway."""
        return list(check(self.options))

    def prepare(self) -> None:
        """Open the bank."""
        self.bank.clock.now()

    def told(self, refusal: BankRefusal) -> tuple[Reason, ...]:
        """Return why the bank refused; a bank in memory tells that it may have forgotten."""
        return mapping.reasons(refusal.reason, in_memory=self.options.store is None)


def source_of(card: CardDetails | PaymentToken) -> PlainCard | Token:
    """Return a card or token as the bank takes it."""
    billing = {name: text for name, text in card.address.as_dict().items() if text}
    if isinstance(card, PaymentToken):
        return Token(card.value, billing)
    return PlainCard(card.number, card.month, card.year, card.cvv, billing)
