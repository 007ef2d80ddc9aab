"""The vault's verbs on the test bank: customers and cards."""

from __future__ import annotations

from collections.abc import Callable

from django_dinero.gateways.sandbox import mapping
from django_dinero.gateways.sandbox.account import Account, refusals, results, source_of
from django_dinero.gateways.types import (
    Ack,
    CardRequest,
    CardUpdate,
    CustomerRequest,
    CustomerUpdate,
    RemoteCard,
    RemoteCustomer,
    TransactionResult,
)
from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.enums import Reason, Validation
from django_dinero.sandbox.bank.records import BankRefusal, MaskedCard, NewCard, PlainCard, Token


class Vault(Account):
    """Customers and cards."""

    @refusals
    def create_customer(self, request: CustomerRequest) -> RemoteCustomer:
        """Store a customer, with a card where there is one; its bank is asked about it first."""
        stored = self.bank.create_customer(
            key=request.customer_key,
            email=request.email,
            first_name=request.first_name,
            last_name=request.last_name,
            cards=[NewCard(source_of(request.card))] if request.card else [],
            validation=Validation.LIVE,
        )
        return mapping.customer(stored)

    @refusals
    def retrieve_customer(self, customer_id: str) -> RemoteCustomer:
        """Return a customer with all cards."""
        return mapping.customer(self.bank.customer(customer_id))

    @refusals
    def update_customer(self, request: CustomerUpdate) -> Ack:
        """Replace e-mail and names."""
        self.bank.update_customer(
            request.customer_id,
            key=request.customer_key,
            email=request.email,
            first_name=request.first_name,
            last_name=request.last_name,
        )
        return Ack()

    @refusals
    def delete_customer(self, customer_id: str) -> Ack:
        """Remove a customer; gone already is a success."""
        return self._gone(lambda: self.bank.delete_customer(customer_id))

    @refusals
    def add_card(self, request: CardRequest) -> RemoteCard:
        """Store one more card; it is checked first."""
        new = NewCard(source_of(request.card), is_default=request.is_default)
        return mapping.card(self.bank.add_card(request.customer_id, new, Validation.LIVE))

    @refusals
    def update_card(self, request: CardUpdate) -> RemoteCard:
        """Replace address and date, and the number where there is a new one."""
        source: PlainCard | Token | MaskedCard
        if request.card is not None:
            source = source_of(request.card)
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

    @refusals
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

    @results
    def validate_card(
        self, customer_id: str, card_id: str, cvv: Secret | None = None
    ) -> TransactionResult:
        """Check a stored card with its bank."""
        verdict = self.bank.validate_card(customer_id, card_id, Validation.LIVE, cvv)
        return mapping.result(verdict)
