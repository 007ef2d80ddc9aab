"""What may be done to a transaction afterwards: capture, void, refund."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Unpack

from django_dinero import identifiers
from django_dinero.db.failures import own_errors
from django_dinero.exceptions import DineroError
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.calls import check_request
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import FollowUpRequest
from django_dinero.models.arguments import FollowUpOptions, names_of
from django_dinero.models.family import Family
from django_dinero.models.operation import Operation, OperationKind
from django_dinero.models.transaction import Transaction, TransactionStatus
from django_dinero.money import normalise, parse_amount
from django_dinero.services import journal, ledger, modes, validation
from django_dinero.services.journal.records import Intent
from django_dinero.services.payments import execute, rules
from django_dinero.services.recovery import idempotency, locking
from django_dinero.services.recovery.idempotency import CallerKey

ACCEPTED = names_of(FollowUpOptions)

Rule = Callable[[Family, Decimal], DineroError | None]


@own_errors()
def capture(
    authorization: Transaction,
    amount: Decimal | int | str | None = None,
    **options: Unpack[FollowUpOptions],
) -> Transaction:
    """Take an authorization; see :meth:`Transaction.capture`."""
    asked = _amount(authorization, amount, Decimal(authorization.price))
    rule, given = rules.capture_error, Given.read(options, authorization)
    order = FollowUpOrder.of(OperationKind.CAPTURE, authorization, asked, rule, given)
    return order.earlier() or order.carry_out(ledger.family_of(authorization))


@own_errors()
def void(original: Transaction, **options: Unpack[FollowUpOptions]) -> Transaction:
    """Cancel what the bank has not settled, whole; see :meth:`Transaction.void`."""
    asked = _amount(original, None, Decimal(original.price))
    rule, given = rules.void_error, Given.read(options, original)
    order = FollowUpOrder.of(OperationKind.VOID, original, asked, rule, given)
    return order.earlier() or order.carry_out(ledger.family_of(original))


@own_errors()
def refund(
    original: Transaction,
    amount: Decimal | int | str | None = None,
    **options: Unpack[FollowUpOptions],
) -> Transaction:
    """Give money back, as a void where the bank has not settled; see :meth:`Transaction.refund`."""
    given = Given.read(options, original)
    asked = None if amount is None else _amount(original, amount, Decimal(0))
    either = (OperationKind.REFUND, OperationKind.VOID)
    earlier = _earlier(either, original, asked, given.key)
    if earlier is not None:
        return earlier
    journal.alias_for_money()  # refused here, before the gateway is asked whether it has settled
    try:
        order, family = _refund_order(original, asked, given)
    except DineroError:
        # Another worker may have done it under this key since we looked.
        rival = _earlier(either, original, asked, given.key)
        if rival is None:
            raise
        return rival
    return order.carry_out(family)


def _refund_order(
    original: Transaction, asked: Decimal | None, given: Given
) -> tuple[FollowUpOrder, Family | None]:
    """Return how the money is given back: as a refund, or as a void of what is not settled.

    And what :meth:`FollowUpOrder.carry_out` has to check before it takes the lock.
    """
    family = _paid_family(ledger.restore_lost_rows(original))
    row = family.row
    amount = _amount(row, asked, family.left_to_refund)
    problem = rules.refund_error(family, amount)
    if problem is not None:
        raise problem
    kind, rule, unchecked = OperationKind.REFUND, rules.refund_error, None
    if rules.must_void(row, amount):
        kind, rule, unchecked = OperationKind.VOID, rules.void_error, family
    return FollowUpOrder.of(kind, row, amount, rule, given, asked_on=original), unchecked


def _paid_family(family: Family) -> Family:
    """Return what holds the money: an authorization's only capture, or the row itself."""
    row = rules.refundable(family)
    return family if row is family.row else ledger.restore_lost_rows(row)


@dataclass(frozen=True, slots=True)
class Given:
    """The keyword arguments of a verb, read and checked in their form."""

    key: CallerKey
    description: str

    @classmethod
    def read(cls, options: Mapping[str, Any], original: Transaction) -> Given:
        """Read them.

        Raises:
            TypeError: an unknown one.
            InvalidInput: a wrong one.
        """
        validation.refuse_unknown(options, ACCEPTED)
        texts = validation.check_texts(options, {"description": 255})
        key = CallerKey.read(options).at(original.gateway_name)
        return cls(key, texts["description"])


@dataclass(frozen=True, slots=True)
class FollowUpOrder:
    """What is to be done to which transaction, and the rule that says whether it may.

    ``asked_on`` is what the caller named: the refund of an authorization goes to its capture.
    """

    kind: OperationKind
    original: Transaction
    rule: Rule
    asked_on: Transaction
    key: CallerKey
    request: FollowUpRequest
    gateway: Gateway

    @classmethod
    def of(
        cls,
        kind: OperationKind,
        original: Transaction,
        amount: Decimal,
        rule: Rule,
        given: Given,
        asked_on: Transaction | None = None,
    ) -> FollowUpOrder:
        """Return the order.

        Raises:
            InvalidInput: a text that the gateway does not take.
            UnsupportedFeature: the gateway lacks the verb.
        """
        gateway = get_gateway(original.gateway_name)
        gateway.require("decide_review" if kind in ledger.DECISIONS else kind.value)
        request = _request(original, amount, given.description)
        check_request(gateway, request)
        return cls(kind, original, rule, asked_on or original, given.key, request, gateway)

    def earlier(self) -> Transaction | None:
        """Return what this idempotency key did before."""
        return _earlier((self.kind,), self.asked_on, self.request.amount, self.key)

    def carry_out(self, family: Family | None) -> Transaction:
        """Check, take the lock, check again under it, and send.

        Args:
            family: the original and what follows it, as it was read last; None if the rule has
                been applied to it already.
        """
        problem = None if family is None else self.problem(family)
        if problem is not None:
            return self.rival_or_raise(problem)
        try:
            operation = self.open()
        except journal.KeyTaken as taken:
            return idempotency.rival_answer(taken.operation, self.parameters)
        verbs = {
            OperationKind.CAPTURE: self.gateway.capture,
            OperationKind.VOID: self.gateway.void,
            OperationKind.REFUND: self.gateway.refund,
        }
        verb = verbs[self.kind]
        waited = self.original.status == TransactionStatus.REQUIRES_ACTION
        row = execute.perform(self.gateway, operation, partial(verb, self.request), self.original)
        if self.asked_on is not self.original:
            ledger.refresh(self.asked_on)
        if waited:
            ledger.align_undecided(self.original)
        return row

    def problem(self, family: Family) -> DineroError | None:
        """Return why it cannot be done, None if it can.

        Our rows may be out of date after a rollback. Before anything is refused they are brought
        up to date from the journal, and asked again.
        """
        amount = self.request.amount
        if self.rule(family, amount) is None:
            return None
        return self.rule(ledger.restore_lost_rows(self.original), amount)

    def rival_or_raise(self, problem: DineroError) -> Transaction:
        """Return what another worker did under this key meanwhile, or raise ``problem``."""
        rival = self.earlier()
        if rival is None:
            raise problem
        return rival

    @property
    def parameters(self) -> dict[str, object]:
        """What makes two orders the same."""
        return _parameters(self.kind, self.asked_on, self.request.amount)

    def open(self) -> Operation:
        """Write the operation, which keeps others off; then look again whether it may be done.

        Raises:
            DineroError: it may not, any more.
            InvalidInput: the transaction is of another account than the gateway is now.
            journal.KeyTaken: the caller's key has an operation.
        """
        original, request = self.original, self.request
        if original.live != self.gateway.live:
            modes.refuse_foreign(self.gateway, original)
        operation = execute.begin(
            self.gateway,
            self.kind,
            start=locking.begin,
            key=request.operation_key,
            lock_name=original.lock_name,
            intent=self._intent(),
            amount=request.amount,
            currency=request.currency,
            parent_key=original.operation_key or "",
            transaction_id=original.transaction_id or "",
            customer_id=original.customer_id,
            card_id=original.card_id,
            fingerprint=identifiers.fingerprint(self.parameters),
            idempotency_key=self.key.key,
            scope=self.key.scope,
        )
        with journal.released_on_failure(operation):
            problem = self.rule(ledger.restore_lost_rows(original), request.amount)
        if problem is not None:
            raise execute.abandon(operation, problem)
        return operation

    def _intent(self) -> Intent:
        return Intent(
            customer_pk=self.original.customer_pk,
            card_pk=self.original.card_pk,
            owner_pk=self.original.owner_id,
            order_reference=self.original.order_reference,
            description=self.request.description,
            last_4=self.original.last_4,
            brand=self.original.brand,
        )


def _amount(row: Transaction, amount: object, default: Decimal) -> Decimal:
    if amount is None:
        return normalise(default, row.currency)
    return parse_amount(amount, row.currency, field="amount")


def _request(original: Transaction, amount: Decimal, description: str) -> FollowUpRequest:
    return FollowUpRequest(
        operation_key=identifiers.new_key(),
        transaction_id=original.transaction_id or "",
        amount=amount,
        currency=original.currency,
        customer_id=original.customer_id,
        card_id=original.card_id,
        last_4=original.last_4,
        order_reference=original.order_reference,
        description=description,
    )


def _earlier(
    verbs: tuple[OperationKind, ...], original: Transaction, amount: object, key: CallerKey
) -> Transaction | None:
    """Return what this idempotency key did before, under whichever verb it ended up as."""
    operation = idempotency.operation_of(key)
    if operation is None:
        return None
    verb = operation.kind if operation.kind in verbs else verbs[0].value
    asked = operation.amount if amount is None else amount
    return idempotency.answer_of(operation, _parameters(verb, original, asked))


def _parameters(verb: str, original: Transaction, amount: object) -> dict[str, object]:
    value = amount if isinstance(amount, Decimal) else Decimal(str(amount))
    shown = str(normalise(value, original.currency))
    return {"verb": str(verb), "original": str(original.public_id), "amount": shown}
