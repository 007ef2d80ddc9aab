"""The base class of the contract suite: hooks for authors of a backend, and helpers."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any, ClassVar, NoReturn, TypeVar

import pytest

from django_dinero.cards import CardDetails, PaymentToken, card_details
from django_dinero.gateways.base import VERBS, Gateway
from django_dinero.gateways.types import (
    CardRequest,
    ChargeRequest,
    CustomerRequest,
    FollowUpRequest,
    RemoteCard,
    RemoteCustomer,
    RemoteTransaction,
    StoredCard,
    TransactionResult,
)
from django_dinero.identifiers import new_key
from django_dinero.money import from_minor
from django_dinero.testing.contract.checks import assert_approved

FunctionT = TypeVar("FunctionT", bound=Callable[..., None])
Source = StoredCard | CardDetails | PaymentToken

VISA = "4111111111111111"
MASTERCARD = "5424000000000015"

#: Optional hooks. A suite lists those that its provider has nothing for in ``without``.
HOOKS: frozenset[str] = frozenset(
    {
        "avs_card",
        "both_card",
        "cvv_card",
        "hold_next",
        "impostor",
        "lose_reply",
        "make_token",
        "make_webhook",
        "settle_batch",
    }
)

# Makes amounts unique: gateways refuse the same amount on the same card for some minutes.
_counter = itertools.count(1)


def needs(*names: str) -> Callable[[FunctionT], FunctionT]:
    """Mark a test with the verbs and hooks it needs. It is removed if one of them is missing."""
    unknown = set(names) - set(VERBS) - HOOKS
    if unknown:
        raise ValueError(f"neither verbs nor hooks: {sorted(unknown)}")

    def mark(function: FunctionT) -> FunctionT:
        vars(function)["dinero_needs"] = names
        return function

    return mark


def has(backend: type[Gateway], name: str) -> bool:
    """Say whether a backend has what a test needs. Hooks count as present, and verbs if written."""
    written = getattr(backend, name, None) is not getattr(Gateway, name, "no verb")
    return name in HOOKS or (written and backend.supports(name))


class ContractBase:
    """The hooks. A subclass sets :attr:`gateway_class` and overrides what its provider needs.

    The default cards are those of the test bank; Authorize.Net's sandbox has the same triggers.
    """

    #: The backend under test.
    gateway_class: ClassVar[type[Gateway]]
    #: Its OPTIONS.
    options: ClassVar[Mapping[str, Any]] = {}
    #: Names of :data:`HOOKS` that make no sense for this provider. Their tests are removed.
    without: ClassVar[Collection[str]] = ()

    #: The removed tests. A subclass with another backend gets back those that it can run.
    _dropped: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Remove the tests of what the backend says it lacks.

        Otherwise they would be skipped in every run and hide the skips that matter.
        """
        super().__init_subclass__(**kwargs)
        backend: type[Gateway] | None = getattr(cls, "gateway_class", None)
        unknown = set(cls.without) - HOOKS
        if unknown:
            raise TypeError(
                f"{cls.__name__}.without: {sorted(unknown)} are none of {sorted(HOOKS)}"
            )
        if backend is None:
            return
        before, cls._dropped = cls._dropped, {}
        for name in dir(cls):
            test = getattr(cls, name, None) or before.get(name)
            needed = getattr(test, "dinero_needs", ())
            if any(n in cls.without or not has(backend, n) for n in needed):
                cls._dropped[name] = test
                setattr(cls, name, None)
            elif name in before:
                setattr(cls, name, test)

    @pytest.fixture
    def gateway(self) -> Gateway:
        """The gateway under test, a new one for each test."""
        return self.make_gateway()

    # -- Hooks ----------------------------------------------------------------------------------

    def make_gateway(self) -> Gateway:
        """Return a gateway that tests may write to. A fresh test account is best."""
        return self.gateway_class("contract", self.options)

    def card(self, number: str = VISA, **values: object) -> CardDetails:
        """Return a card with a CVV, an expiry date in the future and a complete address."""
        year = datetime.datetime.now(datetime.UTC).year + 2
        details = {
            "number": number,
            "cvv": "900",
            "month": 12,
            "year": year,
            "first_name": "Ann",
            "last_name": "Example",
            "address": "1 Main Street",
            "city": "Indianapolis",
            "state": "IN",
            "zip": "46201",
            "country": "US",
        }
        return card_details({**details, **values})

    def good_card(self) -> CardDetails:
        """Return a card that is approved."""
        return self.card()

    def other_card(self) -> CardDetails:
        """Return a second card that is approved, with different last four digits."""
        return self.card(MASTERCARD)

    def declined_card(self) -> CardDetails:
        """Return a card that can be charged and is declined by its issuer."""
        return self.card(zip="46282")

    def avs_card(self) -> CardDetails:
        """Return a card that is declined for its address."""
        return self.card(zip="46205")

    def cvv_card(self) -> CardDetails:
        """Return a card that is declined for its CVV."""
        return self.card(cvv="901")

    def both_card(self) -> CardDetails:
        """Return a card that is declined for its address and its CVV."""
        return self.card(zip="46205", cvv="901")

    def as_sent(self, gateway: Gateway, card: CardDetails) -> CardDetails | PaymentToken:
        """Return a test card in the form that the gateway accepts: the card, or a token for it.

        Override it for a provider that must not see numbers. It is called for each request.
        """
        return card

    def settle_batch(self, gateway: Gateway) -> None:
        """Make the bank settle what was captured, so that it can be refunded."""
        self._not_given("settle_batch")

    def hold_next(self, gateway: Gateway) -> None:
        """Make the gateway hold the next charge for review."""
        self._not_given("hold_next")

    def make_token(self, gateway: Gateway) -> PaymentToken:
        """Return a token for a card that is approved, as a browser would get it."""
        self._not_given("make_token")

    def lose_reply(self, gateway: Gateway) -> AbstractContextManager[None]:
        """Return a context manager in which requests are carried out and their replies lost."""
        self._not_given("lose_reply")

    def impostor(self) -> Gateway:
        """Return a gateway with credentials that the provider does not know."""
        self._not_given("impostor")

    def make_webhook(self, gateway: Gateway) -> tuple[dict[str, str], bytes]:
        """Return headers and body of a webhook that is signed as the provider signs it."""
        self._not_given("make_webhook")

    def _not_given(self, name: str) -> NoReturn:
        pytest.skip(f"{type(self).__name__} has no {name}(); override it, or name it in `without`")

    # -- Helpers --------------------------------------------------------------------------------

    @staticmethod
    def amount(gateway: Gateway) -> Decimal:
        """Return an amount that no other charge of this run has."""
        return from_minor(2000 + next(_counter), gateway.currency)

    @staticmethod
    def part(gateway: Gateway, amount: Decimal) -> Decimal:
        """Return the smallest amount above half of ``amount``."""
        unit = from_minor(1, gateway.currency)
        return (amount // (2 * unit)) * unit + unit

    def source_as_sent(self, gateway: Gateway, source: Source) -> Source:
        """Return the source of a charge in the form that the gateway accepts."""
        return self.as_sent(gateway, source) if isinstance(source, CardDetails) else source

    def charge(
        self, gateway: Gateway, source: Source | None = None, **values: Any
    ) -> tuple[ChargeRequest, TransactionResult]:
        """Charge a card, the good one by default; return the request and the answer."""
        request = ChargeRequest(
            **{
                "operation_key": new_key(),
                "amount": self.amount(gateway),
                "currency": gateway.currency,
                "source": self.source_as_sent(gateway, source or self.good_card()),
                **values,
            }
        )
        return request, gateway.charge(request)

    def charged(
        self, gateway: Gateway, source: Source | None = None, **values: Any
    ) -> tuple[ChargeRequest, str]:
        """Charge a card, which must be approved; return the request and the transaction's id."""
        request, result = self.charge(gateway, source, **values)
        assert assert_approved(result).transaction_id, "an approved charge has a transaction_id"
        return request, result.transaction_id

    def follow_up(
        self, request: ChargeRequest, transaction_id: str, amount: Decimal | None = None
    ) -> FollowUpRequest:
        """Return the request that captures, voids or refunds a charge."""
        source = request.source
        stored = source if isinstance(source, StoredCard) else StoredCard("", "")
        return FollowUpRequest(
            operation_key=new_key(),
            transaction_id=transaction_id,
            amount=amount or request.amount,
            currency=request.currency,
            customer_id=stored.customer_id,
            card_id=stored.card_id,
            last_4=source.last_4 if isinstance(source, CardDetails) else self.good_card().last_4,
        )

    def remote(self, gateway: Gateway, transaction_id: str) -> RemoteTransaction:
        """Return a transaction from the gateway, which must have it."""
        found = gateway.retrieve_transaction(transaction_id)
        assert isinstance(found, RemoteTransaction), f"{transaction_id!r} was not found: {found}"
        assert found.transaction_id == transaction_id
        return found

    def stored(
        self, gateway: Gateway, card: CardDetails | PaymentToken | None = None
    ) -> tuple[CustomerRequest, RemoteCustomer]:
        """Store a customer, with a card if one is given."""
        key = new_key()
        request = CustomerRequest(
            operation_key=new_key(),
            customer_key=key,
            email=f"{key.lower()}@example.com",
            first_name="Ann",
            last_name="Example",
            card=self.as_sent(gateway, card) if isinstance(card, CardDetails) else card,
        )
        customer = gateway.create_customer(request)
        assert isinstance(customer, RemoteCustomer), f"a customer is stored, not {customer}"
        assert customer.customer_id, "a stored customer has an id"
        return request, customer

    def stored_card(self, gateway: Gateway) -> StoredCard:
        """Store a customer with a card and return the card's ids."""
        _, customer = self.stored(gateway, self.good_card())
        return StoredCard(customer.customer_id, customer.cards[0].card_id)

    def add_card(self, gateway: Gateway, customer_id: str, card: CardDetails) -> RemoteCard:
        """Store one more card, which must be accepted."""
        sent = self.as_sent(gateway, card)
        added = gateway.add_card(CardRequest(new_key(), customer_id, sent))
        assert isinstance(added, RemoteCard), f"a card is stored, not {added}"
        return added

    def customer(self, gateway: Gateway, customer_id: str) -> RemoteCustomer:
        """Return a customer from the gateway, which must have it."""
        found = gateway.retrieve_customer(customer_id)
        assert isinstance(found, RemoteCustomer), f"{customer_id!r} was not found: {found}"
        assert found.customer_id == customer_id
        return found
