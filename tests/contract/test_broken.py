"""Gateways with one fault each: the contract suite finds every one of them."""

from __future__ import annotations

import datetime
import inspect
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import CardDeclinedError, UnsupportedFeature
from django_dinero.gateways.base import Gateway, Request
from django_dinero.gateways.sandbox import SandboxGateway
from django_dinero.gateways.types import (
    Ack,
    CardRequest,
    ChargeRequest,
    CustomerRequest,
    FollowUpRequest,
    LookupHints,
    LookupResult,
    Reason,
    Refusal,
    RemoteCard,
    RemoteCustomer,
    RemoteTransaction,
    TransactionResult,
    WebhookNotice,
)
from tests.contract.test_sandbox import SandboxHooks


class RoundsAmounts(SandboxGateway):
    """Charges whole dollars."""

    def charge(self, request: ChargeRequest) -> TransactionResult:
        return super().charge(replace(request, amount=request.amount // 1 + 1))


class RaisesOnDecline(SandboxGateway):
    """Treats a refusal as an error."""

    def charge(self, request: ChargeRequest) -> TransactionResult:
        result = super().charge(request)
        if result.outcome is ResultStatus.DECLINED:
            raise CardDeclinedError("no")
        return result


class ApprovesEverything(SandboxGateway):
    """Does not read the answer's code."""

    def charge(self, request: ChargeRequest) -> TransactionResult:
        return replace(super().charge(request), outcome=ResultStatus.APPROVED, reasons=())


class GivesNoReason(SandboxGateway):
    """Says only "declined"."""

    def charge(self, request: ChargeRequest) -> TransactionResult:
        result = super().charge(request)
        only = (Reason(ReasonKind.CARD_DECLINED),) if result.reasons else ()
        return replace(result, reasons=only)


class KeepsNoKey(SandboxGateway):
    """Does not send our key along."""

    def charge(self, request: ChargeRequest) -> TransactionResult:
        return replace(super().charge(replace(request, operation_key="X")), operation_key="")


class ClaimsToHonourKeys(SandboxGateway):
    """Promises that a repeated key is answered with the first charge."""

    honours_operation_key = True

    def charge(self, request: ChargeRequest) -> TransactionResult:
        amount = request.amount + len(self.bank.transactions())
        return super().charge(replace(request, amount=amount))


class KeepsStateOnItself(SandboxGateway):
    """Answers the last caller alone; the suite's six threads are made to meet here at each call."""

    meeting = threading.Barrier(6)

    def charge(self, request: ChargeRequest) -> TransactionResult:
        self.last = request
        self.meeting.wait(timeout=20)
        return super().charge(self.last)


class FindsNothing(SandboxGateway):
    """Says that it looked everywhere."""

    def find_operation(self, key: str, hints: LookupHints) -> LookupResult:
        return LookupResult()


class FindsByAmount(SandboxGateway):
    """Takes any charge of this amount for ours."""

    def find_operation(self, key: str, hints: LookupHints) -> LookupResult:
        walk = self.iter_transactions(hints.since)
        return LookupResult(tuple(found for found in walk if found.amount == hints.amount))


class NeverSure(SandboxGateway):
    """Never proves absence."""

    def find_operation(self, key: str, hints: LookupHints) -> LookupResult:
        return replace(super().find_operation(key, hints), complete=False)


class FindsTheOriginal(SandboxGateway):
    """Takes the transaction itself for what should follow it."""

    def find_operation(self, key: str, hints: LookupHints) -> LookupResult:
        if hints.transaction_id:
            found = self.retrieve_transaction(hints.transaction_id)
            return LookupResult((found,) if isinstance(found, RemoteTransaction) else ())
        return super().find_operation(key, hints)


class RaisesForUnknownIds(SandboxGateway):
    """Lets an error through."""

    def retrieve_transaction(self, transaction_id: str) -> RemoteTransaction | Refusal:
        found = super().retrieve_transaction(transaction_id)
        if isinstance(found, Refusal):
            raise KeyError(transaction_id)
        return found


class RefusesASecondDelete(SandboxGateway):
    """Makes a push that is repeated fail for ever."""

    def delete_customer(self, customer_id: str) -> Ack | Refusal:
        answer = super().delete_customer(customer_id)
        if isinstance(answer, Ack) and answer.already:
            return Refusal((Reason(ReasonKind.CUSTOMER_NOT_FOUND),))
        return answer


class StoresCardsTwice(SandboxGateway):
    """Answers a duplicate with a new id."""

    def add_card(self, request: CardRequest) -> RemoteCard | Refusal:
        answer = super().add_card(request)
        if isinstance(answer, Refusal) and answer.existing_id:
            return RemoteCard(request.customer_id, "new", "1111")
        return answer


class LosesTheCustomerKey(SandboxGateway):
    """Stores a customer under a key of its own."""

    def create_customer(self, request: CustomerRequest) -> RemoteCustomer | Refusal:
        return super().create_customer(replace(request, customer_key=request.customer_key[::-1]))


class CapturesTheWhole(SandboxGateway):
    """Ignores the amount of a capture."""

    def capture(self, request: FollowUpRequest) -> TransactionResult:
        found = self.retrieve_transaction(request.transaction_id)
        whole = found.amount if isinstance(found, RemoteTransaction) else request.amount
        return super().capture(replace(request, amount=whole))


class RefundsWhatIsLeft(SandboxGateway):
    """Cuts a refund that is too large down, without a word."""

    def refund(self, request: FollowUpRequest) -> TransactionResult:
        found = self.retrieve_transaction(request.transaction_id)
        most = found.amount if isinstance(found, RemoteTransaction) else request.amount
        return super().refund(replace(request, amount=min(request.amount, most)))


class ListsOnePage(SandboxGateway):
    """Stops after the first page."""

    def iter_transactions(
        self, since: datetime.datetime, until: datetime.datetime | None = None
    ) -> Iterator[RemoteTransaction]:
        yield from list(super().iter_transactions(since, until))[:1]


class ForgetsTheBatch(SandboxGateway):
    """Does not say when a listed transaction settled."""

    def iter_transactions(
        self, since: datetime.datetime, until: datetime.datetime | None = None
    ) -> Iterator[RemoteTransaction]:
        for remote in super().iter_transactions(since, until):
            yield replace(remote, settled_at=None, batch_id="")


class SettlesEverything(SandboxGateway):
    """Says of what still waits that it has settled."""

    def iter_transactions(
        self, since: datetime.datetime, until: datetime.datetime | None = None
    ) -> Iterator[RemoteTransaction]:
        for remote in super().iter_transactions(since, until):
            yield replace(remote, settled_at=remote.settled_at or since)


class ListsTwice(SandboxGateway):
    """Shows what is on two of its pages twice."""

    def iter_transactions(
        self, since: datetime.datetime, until: datetime.datetime | None = None
    ) -> Iterator[RemoteTransaction]:
        yield from super().iter_transactions(since, until)
        yield from super().iter_transactions(since, until)


class ListsEagerly(SandboxGateway):
    """Reads the whole account before it answers."""

    def iter_customers(self, after: str = "") -> Any:
        return list(super().iter_customers(after))


class TakesAnyCurrency(SandboxGateway):
    """Forgets the checks of its base."""

    required_card_fields = ("cvv",)

    def check_request(self, request: Request) -> None:
        return None


class ShowsItsKey(SandboxGateway):
    """Keeps its options in the clear."""

    option_names = SandboxGateway.option_names | {"api_key"}

    def __init__(self, name: str, options: Any = None) -> None:
        super().__init__(name, options)
        self.given = options


class ForgetsToDeclare(SandboxGateway):
    """Has no webhooks and does not say so."""

    unsupported: ClassVar[dict[str, str]] = {}


class SaysSomethingElse(SandboxGateway):
    """Gives another reason than the declared one."""

    unsupported: ClassVar[dict[str, str]] = {"void": "it settles at once"}

    def void(self, request: FollowUpRequest) -> TransactionResult:
        raise UnsupportedFeature("no")


class BelievesWebhooks(SandboxGateway):
    """Reads a webhook without its signature."""

    unsupported: ClassVar[dict[str, str]] = {}

    def parse_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> WebhookNotice:
        return WebhookNotice("1", "paid", "transaction", "1")


BROKEN: dict[type[Gateway], tuple[str, ...]] = {
    RoundsAmounts: ("test_a_charge_is_recorded_as_it_was_asked",),
    RaisesOnDecline: ("test_a_decline_is_an_answer_not_an_error",),
    ApprovesEverything: (
        "test_a_decline_is_an_answer_not_an_error",
        "test_a_held_charge_is_neither_paid_nor_declined",
        "test_a_card_that_is_not_stored_is_not_charged",
    ),
    GivesNoReason: (
        "test_a_wrong_address_is_declined_as_that",
        "test_a_wrong_cvv_is_declined_as_that",
        "test_a_wrong_address_and_a_wrong_cvv_are_both_named",
    ),
    KeepsNoKey: (
        "test_a_charge_is_found_by_its_key",
        "test_all_transactions_are_gone_through_lazily",
    ),
    ClaimsToHonourKeys: ("test_the_same_key_again",),
    KeepsStateOnItself: ("test_many_threads_use_one_instance",),
    FindsNothing: (
        "test_a_charge_is_found_by_its_key",
        "test_a_customer_is_found_by_our_key",
        "test_a_card_is_found_among_those_that_were_known",
        "test_a_refund_is_found_by_its_key",
    ),
    FindsByAmount: ("test_a_charge_that_was_never_sent_is_proven_absent",),
    NeverSure: ("test_a_charge_that_was_never_sent_is_proven_absent",),
    FindsTheOriginal: (
        "test_a_capture_is_found_once_it_is_made",
        "test_a_void_is_found_once_it_is_made",
        "test_a_refund_is_found_by_its_key",
    ),
    RaisesForUnknownIds: (
        "test_a_transaction_that_is_not_there_is_not_found",
        "test_every_other_verb_answers",
    ),
    RefusesASecondDelete: ("test_deleting_twice_is_a_success",),
    StoresCardsTwice: ("test_the_same_card_again_is_not_stored_twice",),
    LosesTheCustomerKey: (
        "test_a_customer_is_stored_with_our_key",
        "test_a_customer_is_found_by_our_key",
    ),
    CapturesTheWhole: ("test_an_authorization_is_captured_in_part",),
    RefundsWhatIsLeft: ("test_no_more_is_refunded_than_was_taken",),
    ListsOnePage: ("test_all_transactions_are_gone_through_lazily",),
    ForgetsTheBatch: ("test_settled_transactions_are_listed_too",),
    SettlesEverything: ("test_settled_transactions_are_listed_too",),
    ListsTwice: ("test_all_transactions_are_gone_through_lazily",),
    ListsEagerly: ("test_all_customers_are_gone_through_lazily",),
    TakesAnyCurrency: (
        "test_another_currency_is_refused_before_sending",
        "test_all_wrong_fields_are_named_at_once",
    ),
    ShowsItsKey: ("test_no_credential_is_shown",),
    ForgetsToDeclare: ("test_every_verb_is_here_or_declared_as_missing",),
    SaysSomethingElse: ("test_a_missing_verb_says_why",),
    BelievesWebhooks: ("test_a_webhook_without_a_signature_is_refused",),
}


def suite_of(backend: type[Gateway]) -> type[SandboxHooks]:
    """The suite for a backend, as its author would write it."""
    given = {"api_key": "s3cret-key"} if backend is ShowsItsKey else {}
    body = {"gateway_class": backend, "options": given}
    return type(f"Test{backend.__name__}", (SandboxHooks,), body)


def run(suite: type[SandboxHooks], name: str) -> None:
    """Run one test of a suite as pytest would."""
    instance = suite()
    method = getattr(instance, name)
    wanted = inspect.signature(method).parameters
    method(*[instance.make_gateway() for _ in wanted])


@pytest.mark.parametrize(
    ("backend", "name"),
    [(backend, name) for backend, names in BROKEN.items() for name in names],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_fault_fails_the_suite(backend: type[Gateway], name: str) -> None:
    with pytest.raises((AssertionError, CardDeclinedError, KeyError, pytest.fail.Exception)):
        run(suite_of(backend), name)


@pytest.mark.parametrize("name", sorted({name for names in BROKEN.values() for name in names}))
def test_without_a_fault_the_same_tests_pass(name: str) -> None:
    run(suite_of(SandboxGateway), name)
