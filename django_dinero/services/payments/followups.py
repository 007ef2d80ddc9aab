"""What may be done to a transaction afterwards: capture, void, refund."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any, Unpack

from django.db import router

from django_dinero import identifiers, validation
from django_dinero.db.transactions import in_transaction
from django_dinero.exceptions import (
    DineroError,
    GatewayError,
    InvalidTransactionError,
    RefundError,
)
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.calls import check_request
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import FollowUpRequest
from django_dinero.input_errors import InputErrors
from django_dinero.models.arguments import FollowUpOptions, names_of, refuse_unknown
from django_dinero.models.family import Family
from django_dinero.models.journal_aliases import autonomous_alias
from django_dinero.models.operation import Operation, OperationKind
from django_dinero.models.records import Intent
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import TransactionStatus
from django_dinero.money import normalise, parse_amount
from django_dinero.observing.verbs import verb
from django_dinero.services import journal, ledger, modes
from django_dinero.services.payments import execute, rules
from django_dinero.services.recovery import idempotency, locking
from django_dinero.validation import CallerKey, MadeBy

ACCEPTED = names_of(FollowUpOptions)

#: The kinds that a refund may end up as: a void, where the bank has not settled yet.
REFUND_KINDS = (OperationKind.REFUND, OperationKind.VOID)

Rule = Callable[[Family, Decimal], DineroError | None]


@verb("capture")
def capture(
    authorization: Transaction,
    amount: Decimal | int | str | None = None,
    **options: Unpack[FollowUpOptions],
) -> Transaction:
    """Take an authorization; see :meth:`Transaction.capture`."""
    arguments, asked = _read(authorization, amount, options)
    kind, rule = OperationKind.CAPTURE, rules.capture_error
    return _capture_or_void(kind, authorization, asked, rule, arguments)


@verb("void")
def void(original: Transaction, **options: Unpack[FollowUpOptions]) -> Transaction:
    """Cancel what the bank has not settled, whole; see :meth:`Transaction.void`."""
    arguments = FollowUpArguments.read(options, original)
    try:
        return _capture_or_void(OperationKind.VOID, original, None, rules.void_error, arguments)
    except InvalidTransactionError as error:
        raise rules.with_way_out(error) from None


def _capture_or_void(
    kind: OperationKind,
    original: Transaction,
    asked: Decimal | None,
    rule: Rule,
    arguments: FollowUpArguments,
) -> Transaction:
    """Take or cancel a payment.

    Args:
        asked: the amount that the caller named. None means all of it, as the row has it now: the
            gateway may have approved another amount since the instance was read.
    """
    whole = _amount(original, asked, Decimal(original.price))
    earlier = _earlier((kind,), original, whole, arguments.key)
    if earlier is not None:
        return earlier
    family = ledger.family_of(original)
    amount = _amount(original, asked, Decimal(original.price))
    return FollowUpOrder.of(kind, original, amount, rule, arguments).carry_out(family)


@verb("refund")
def refund(
    original: Transaction,
    amount: Decimal | int | str | None = None,
    **options: Unpack[FollowUpOptions],
) -> Transaction:
    """Give money back, as a void where the bank has not settled; see :meth:`Transaction.refund`."""
    arguments, asked = _read(original, amount, options)
    try:
        return _refund(original, asked, arguments)
    except GatewayError as error:
        refused = error
    return _refund_instead(refused, original, asked, arguments)


def _refund(
    original: Transaction, asked: Decimal | None, arguments: FollowUpArguments
) -> Transaction:
    earlier = _earlier(REFUND_KINDS, original, asked, arguments.key)
    if earlier is not None:
        return earlier
    # Called for the InsideTransaction that it may raise, before the gateway is asked anything.
    Operation.objects.alias_for_money()
    try:
        order, family = _refund_order(original, asked, arguments)
    except DineroError:
        # Another worker may have done it under this key since we looked.
        rival = _earlier(REFUND_KINDS, original, asked, arguments.key)
        if rival is None:
            raise
        return rival
    return order.carry_out(family)


def _refund_instead(
    refused: GatewayError,
    original: Transaction,
    asked: Decimal | None,
    arguments: FollowUpArguments,
) -> Transaction:
    """Refund what the bank has settled before the void of it arrived; otherwise raise the refusal.

    The refused void may be that of an earlier call with this key. It has changed nothing, and
    nobody asked for a void: its key is free for the refund.
    """
    void = refused.operation
    if void is None or void.kind != OperationKind.VOID or not void.has_result:
        raise refused
    order, family = None, None
    with suppress(DineroError):
        order, family = _refund_order(original, asked, arguments)
    if order is None or order.kind != OperationKind.REFUND:
        raise refused
    journal.free_idempotency_key(void, refused=True)
    return order.carry_out(family)


def _refund_order(
    original: Transaction, asked: Decimal | None, arguments: FollowUpArguments
) -> tuple[FollowUpOrder, Family | None]:
    """Decide how the money is given back: as a refund, or as a void of what is not settled.

    Returns:
        The order, and the family that :meth:`FollowUpOrder.carry_out` has to check before it takes
        the lock. That is None where the rule has been applied already.
    """
    family, amount = _paid_family(original, asked)
    row = family.row
    kind, rule, unchecked = OperationKind.REFUND, rules.refund_error, None
    if rules.must_void(row, amount):
        kind, rule, unchecked = OperationKind.VOID, rules.void_error, family
    order = FollowUpOrder.of(kind, row, amount, rule, arguments, asked_on=original)
    return replace(order, verbs=REFUND_KINDS, any_amount=asked is None), unchecked


def _paid_family(original: Transaction, asked: Decimal | None) -> tuple[Family, Decimal]:
    """Return the family of the row that holds the money, and how much is to be given back.

    Our rows may be out of date after a rollback, so they are brought up to date from the journal
    before a refund is refused. The same is done once more under the lock.
    """
    if not autonomous_alias():
        with suppress(RefundError):
            return _refundable_family(ledger.family_of, original, asked)
    return _refundable_family(ledger.restore_lost_rows, original, asked)


def _refundable_family(
    read: Callable[[Transaction], Family], original: Transaction, asked: Decimal | None
) -> tuple[Family, Decimal]:
    family = read(original)
    row = rules.refundable(family)
    if row is not family.row:
        family = read(row)
    amount = _amount(row, asked, family.left_to_refund)
    problem = rules.refund_error(family, amount)
    if problem is not None:
        raise problem
    return family, amount


@dataclass(frozen=True, slots=True)
class FollowUpArguments:
    """The keyword arguments of a verb, read and checked in their form."""

    key: CallerKey
    description: str
    made_by: MadeBy

    @classmethod
    def read(cls, options: Mapping[str, Any], original: Transaction) -> FollowUpArguments:
        """Read the options of a verb on ``original``.

        Raises:
            TypeError: an unknown option.
            InvalidInput: a wrong value.
        """
        refuse_unknown(options, ACCEPTED)
        errors = InputErrors()
        texts = errors.collect(validation.check_texts, options, {"description": 255}) or {}
        key = errors.collect(CallerKey.read, options) or CallerKey()
        made_by = errors.collect(MadeBy.read, options) or MadeBy()
        errors.raise_if_any()
        return cls(key.at(original.gateway_name), texts["description"], made_by)


@dataclass(frozen=True, slots=True)
class FollowUpOrder:
    """What is to be done to which transaction, and the rule that says whether it may.

    ``asked_on`` is what the caller named: the refund of an authorization goes to its capture.
    ``verbs`` are the kinds of operation that this order may have become under its idempotency key.
    ``any_amount`` says that the caller named no amount, and meant whatever was left at that time.
    """

    kind: OperationKind
    original: Transaction
    rule: Rule
    asked_on: Transaction
    key: CallerKey
    request: FollowUpRequest
    gateway: Gateway
    verbs: tuple[OperationKind, ...]
    made_by: MadeBy
    any_amount: bool = False

    @classmethod
    def of(
        cls,
        kind: OperationKind,
        original: Transaction,
        amount: Decimal,
        rule: Rule,
        arguments: FollowUpArguments,
        asked_on: Transaction | None = None,
    ) -> FollowUpOrder:
        """Return the order.

        Raises:
            InvalidInput: a text that the gateway does not take.
            UnsupportedFeature: the gateway lacks the verb.
        """
        gateway = get_gateway(original.gateway_name)
        gateway.require("decide_review" if kind in ledger.DECISIONS else kind.value)
        request = _request(original, amount, arguments.description)
        check_request(gateway, request)
        return cls(
            kind=kind,
            original=original,
            rule=rule,
            asked_on=asked_on or original,
            key=arguments.key,
            request=request,
            gateway=gateway,
            verbs=(kind,),
            made_by=arguments.made_by,
        )

    def earlier(self) -> Transaction | None:
        """Return the transaction of an earlier call with this key; None without one."""
        return _earlier(self.verbs, self.asked_on, self._asked, self.key)

    def rival_answer(self, rival: Operation) -> Transaction:
        """Return the answer of another worker that has inserted the same key meanwhile."""
        same = _parameters_as(rival, self.verbs, self.asked_on, self._asked)
        return idempotency.rival_answer(rival, same)

    @property
    def _asked(self) -> Decimal | None:
        return None if self.any_amount else self.request.amount

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
            return self.rival_answer(taken.operation)
        calls = {
            OperationKind.CAPTURE: self.gateway.capture,
            OperationKind.VOID: self.gateway.void,
            OperationKind.REFUND: self.gateway.refund,
        }
        call = calls[self.kind]
        waited = self.original.status == TransactionStatus.REQUIRES_ACTION
        row = execute.perform(self.gateway, operation, partial(call, self.request), self.original)
        if self.asked_on is not self.original:
            ledger.refresh(self.asked_on)
        if waited:
            ledger.align_undecided(self.original)
        return row

    def problem(self, family: Family) -> DineroError | None:
        """Return why it cannot be done, None if it can.

        Our rows may be out of date after a rollback. Before anything is refused, they are brought
        up to date from the journal and the rule is applied again.
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
        """Write the operation, which takes the lock; then apply the rule again under the lock.

        Raises:
            DineroError: the rule forbids it by now.
            InvalidInput: the transaction is of another account than the gateway is now.
            journal.KeyTaken: the caller's key has an operation.
        """
        original, request = self.original, self.request
        if original.live != self.gateway.live:
            modes.refuse_foreign(self.gateway, original)
        operation = locking.begin(
            self.gateway,
            self.kind,
            using=Operation.objects.alias_for_money(),
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
            family = ledger.restore_lost_rows(original, again=True)
            problem = self.rule(family, request.amount)
        if problem is not None:
            raise execute.abandon(operation, problem)
        return operation

    def _intent(self) -> Intent:
        return Intent(
            public_id=str(uuid.uuid4()),
            customer_pk=self.original.customer_pk,
            card_pk=self.original.card_pk,
            owner_pk=self.original.owner_id,
            order_reference=self.original.order_reference,
            description=self.request.description,
            last_4=self.original.last_4,
            brand=self.original.brand,
            in_transaction=in_transaction(router.db_for_write(Transaction)),
            **self.made_by.for_intent(self.original.owner_id),
        )


def check(original: Transaction, options: Mapping[str, Any]) -> None:
    """Raise what a verb would say of the form of its arguments; do nothing else.

    Raises:
        InvalidInput: wrong fields, all named in ``errors``.
    """
    given = dict(options)
    _read(original, given.pop("amount", None), given)


def _read(
    original: Transaction, amount: object, options: Mapping[str, Any]
) -> tuple[FollowUpArguments, Decimal | None]:
    """Return the arguments, and the amount if one is named. One error names every wrong field."""
    errors = InputErrors()
    arguments = errors.collect(FollowUpArguments.read, options, original)
    asked = None
    if amount is not None:
        asked = errors.collect(_amount, original, amount, Decimal(0))
    if arguments is None or errors.by_field:
        raise errors.as_exception()
    return arguments, asked


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
    """Return the transaction of an earlier call with this key, whichever verb that became."""
    operation = idempotency.operation_of(key)
    if operation is None:
        return None
    return idempotency.answer_of(operation, _parameters_as(operation, verbs, original, amount))


def _parameters_as(
    operation: Operation, verbs: tuple[OperationKind, ...], original: Transaction, amount: object
) -> dict[str, object]:
    """Return the parameters of this call, in the form that an earlier one like it has them.

    A refund may have become a void, and no amount means the one that was left at that time.
    """
    verb = operation.kind if operation.kind in verbs else verbs[0].value
    return _parameters(verb, original, operation.amount if amount is None else amount)


def _parameters(verb: str, original: Transaction, amount: object) -> dict[str, object]:
    value = amount if isinstance(amount, Decimal) else Decimal(str(amount))
    shown = str(normalise(value, original.currency))
    return {"verb": str(verb), "original": str(original.public_id), "amount": shown}
