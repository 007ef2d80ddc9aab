"""The bank behind an alias, its options, and how its refusals are put."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.conf import settings
from django.core import mail
from django.core.exceptions import ImproperlyConfigured

from django_dinero.cards import CardDetails, PaymentToken
from django_dinero.deadline import check_may_send
from django_dinero.exceptions import NotSent
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.locks import Lock
from django_dinero.gateways.sandbox import words
from django_dinero.gateways.types import Outcome, Refusal, TransactionResult
from django_dinero.sandbox import records
from django_dinero.sandbox.bank import Bank
from django_dinero.sandbox.records import BankRefusal, Check, PlainCard, Token

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
            return Refusal(words.reasons(refusal.reason), existing_id=refusal.existing_id)

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
            return TransactionResult(Outcome.FAILED, reasons=words.reasons(refusal.reason))

    return method


class SandboxUnusable(NotSent, ImproperlyConfigured):
    """The test bank does not work here. A mistake in the settings, and nothing was asked of it.

    Raised from inside a payment, where any other error would leave its outcome unknown.
    """


class Account(Gateway):
    """One alias and its bank, which is opened at first use."""

    option_names = frozenset(
        {"store", "reject_avs", "reject_cvv", "max_cards", "allow_in_production"}
    )

    def __init__(self, alias: str, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(alias, options)
        self._options = dict(options or {})
        self._check_options()
        self._bank: Bank | None = None
        self._lock = Lock()

    @property
    def bank(self) -> Bank:
        """The bank, for a test's own controls: ``mint_token``, ``settle_batch``, ``clock``, ...

        Raises:
            SandboxUnusable: ``DEBUG`` is off, this is no test run, and no option allows it; or
                the store cannot be used.
        """
        with self._lock:
            if self._bank is None:
                self._refuse_production()
                self._bank = self._open()
            return self._bank

    @property
    def is_open(self) -> bool:
        """Whether the bank was used yet."""
        return self._bank is not None

    def _open(self) -> Bank:
        names = ("reject_avs", "reject_cvv", "max_cards")
        given = {name: self._options[name] for name in names if name in self._options}
        account = records.Account(currency=self.currency, **given)
        try:
            return Bank(self._options.get("store"), account)
        except ValueError as error:
            raise SandboxUnusable(f"DINERO gateway {self.alias!r}: {error}") from error

    def _check_options(self) -> None:
        """Refuse values that would come out as an error in the middle of a payment."""
        given = self._options
        if not isinstance(given.get("store"), str | os.PathLike | None):
            self._refuse_option("store", "the path of a file")
        for name in ("reject_avs", "reject_cvv"):
            letters = given.get(name, "")
            if not (isinstance(letters, str) and set(letters) <= set(Check)):
                self._refuse_option(name, f"a text of the letters {''.join(Check)}, empty for none")
        limit = given.get("max_cards", 1)
        if type(limit) is not int or limit < 1:
            self._refuse_option("max_cards", "a whole number above 0")
        if not isinstance(given.get("allow_in_production", False), bool):
            self._refuse_option("allow_in_production", "True or False")

    def _refuse_option(self, name: str, wanted: str) -> None:
        raise ImproperlyConfigured(
            f"DINERO gateway {self.alias!r}: the option {name} is {self._options[name]!r}; give "
            f"{wanted}."
        )

    def _refuse_production(self) -> None:
        # django.test.utils.setup_test_environment() makes the outbox and turns DEBUG off; Django's
        # runner and pytest-django both call it. A check alone is not enough: WSGI servers run none.
        testing = hasattr(mail, "outbox")
        if not (settings.DEBUG or testing or self._options.get("allow_in_production")):
            raise SandboxUnusable(
                f"DINERO gateway {self.alias!r} is the test bank, and DEBUG is off: every charge "
                "would be a gift. Configure a real gateway, or set its option "
                "allow_in_production to True."
            )


def source_of(card: CardDetails | PaymentToken) -> PlainCard | Token:
    """Return a card or token as the bank takes it."""
    billing = {name: text for name, text in card.address.as_dict().items() if text}
    if isinstance(card, PaymentToken):
        return Token(card.value, billing)
    return PlainCard(card.number, card.month, card.year, card.cvv, billing)
