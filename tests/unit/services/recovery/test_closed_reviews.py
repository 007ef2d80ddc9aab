"""What a held payment's row says after its operation was closed by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus
from django_dinero.exceptions import HeldForReview, NeedsAttention
from django_dinero.gateways.types import Reason, Refusal, TransactionResult
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.services.reconcile.phase import Run
from django_dinero.services.reconcile.sweep import sweep
from tests.support.recording import RecordingGateway, answer, lose_request

pytestmark = pytest.mark.django_db

NOTE: dict[str, str] = {"note": "The shop accepts the difference.", "by": "ann"}
PART = TransactionResult(ResultStatus.APPROVED, amount=Decimal("49.00"), currency="USD")


def decide(result: TransactionResult, gateway: RecordingGateway) -> None:
    """The gateway decides as it is told, and answers ``result``."""

    def fault(call: Callable[[], Any]) -> Any:
        call()
        return result

    gateway.faults["decide_review"] = fault


def always(gateway: RecordingGateway, found: Any) -> None:
    """The gateway's records of a payment are ``found`` from here on."""
    gateway.around = lambda verb, call: found if verb == "retrieve_transaction" else call()


def cannot_be_read(gateway: RecordingGateway) -> None:
    """The account may charge, and may not read what it has charged."""
    always(gateway, Refusal((Reason(ReasonKind.AUTHENTICATION, "E00011", "no details"),)))


def charge_of(held: Transaction) -> Operation:
    return Operation.objects.get(key=held.operation_key)


def stands(held: Transaction) -> tuple[str, str, Decimal]:
    """The status, currency and amount of the row."""
    held.refresh_from_db()
    return held.status, held.currency, Decimal(held.price)


def is_left_to_a_person(held: Transaction) -> Operation:
    """Its charge needs attention, though its row is held as before: a worker died between both."""
    charge = charge_of(held)
    Operation.objects.filter(pk=charge.pk).update(state="needs_attention")
    charge.refresh_from_db()
    return charge


# -- The answer to an approval has another amount --------------------------------------------------


@pytest.mark.parametrize("readable", [True, False])
def test_what_was_approved_of_it_is_booked_at_once(
    gateway: RecordingGateway, held: Transaction, readable: bool
) -> None:
    found: Any = gateway.retrieve_transaction(held.transaction_id or "")
    decide(PART, gateway)
    if readable:
        always(gateway, replace(found, status=RemoteStatus.CAPTURED, amount=Decimal("49.00")))
    else:
        cannot_be_read(gateway)
    with pytest.raises(NeedsAttention, match="another amount"):
        held.approve()
    assert stands(held) == ("approved", "USD", Decimal(49))
    assert Operation.objects.get(kind="approve_held").state == "succeeded"
    charge_of(held).close(**NOTE)
    assert stands(held) == ("approved", "USD", Decimal(49))


def test_an_authorization_is_booked_so_too(gateway: RecordingGateway, customer: Customer) -> None:
    gateway.bank.hold_next()
    with pytest.raises(HeldForReview) as caught:
        customer.charge("50.00", settle=False)
    held: Transaction = caught.value.transaction
    cannot_be_read(gateway)
    decide(replace(PART, amount=None, currency="CAD"), gateway)
    with pytest.raises(NeedsAttention):
        held.approve()
    assert stands(held) == ("approved", "CAD", Decimal(50))
    assert not held.children.exists()


def test_the_records_stand_against_the_answer(gateway: RecordingGateway, held: Transaction) -> None:
    decide(PART, gateway)
    assert held.approve().status == "approved"
    assert stands(held) == ("approved", "USD", Decimal(50))
    assert charge_of(held).state == "succeeded"


@pytest.mark.parametrize(
    ("action", "outcome"), [("decline", ResultStatus.APPROVED), ("approve", ResultStatus.HELD)]
)
def test_an_answer_that_does_not_tell_what_became_of_it_is_left_to_a_person(
    gateway: RecordingGateway, held: Transaction, action: str, outcome: ResultStatus
) -> None:
    cannot_be_read(gateway)
    decide(replace(PART, outcome=outcome), gateway)
    with pytest.raises(NeedsAttention, match=r"approved 49\.00 USD, not 50\.00"):
        getattr(held, action)()
    assert stands(held) == ("held", "USD", Decimal(50))
    gateway.around = None
    Operation.objects.get(kind=f"{action}_held").close(**NOTE)
    assert stands(held)[0] == ("approved" if action == "approve" else "declined")


# -- Closed while its row is held ------------------------------------------------------------------


@pytest.mark.parametrize(("approve", "status"), [(True, "approved"), (False, "declined")])
def test_its_row_says_what_the_gateway_says(
    gateway: RecordingGateway, held: Transaction, approve: bool, status: str
) -> None:
    charge = is_left_to_a_person(held)
    gateway.bank.decide_review(held.transaction_id or "", approve=approve)
    assert charge.close(**NOTE).state == "closed"
    assert stands(held)[0] == status


def test_what_the_gateway_holds_stays_held(gateway: RecordingGateway, held: Transaction) -> None:
    is_left_to_a_person(held).close(**NOTE)
    assert stands(held) == ("held", "USD", Decimal(50))


def test_another_amount_is_written_after_the_close_too(
    gateway: RecordingGateway, held: Transaction
) -> None:
    found: Any = gateway.retrieve_transaction(held.transaction_id or "")
    always(gateway, replace(found, status=RemoteStatus.SETTLED, amount=Decimal("49.00")))
    charge = is_left_to_a_person(held)
    charge.close(**NOTE)
    assert stands(held) == ("settled", "USD", Decimal(49))
    charge.refresh_from_db()
    assert charge.state == "closed"


def test_a_decision_that_was_closed_leaves_no_row_behind(
    gateway: RecordingGateway, held: Transaction
) -> None:
    decide(TransactionResult(ResultStatus.APPROVED, operation_key="SOMEBODYELSESKEY0000"), gateway)
    with pytest.raises(NeedsAttention):
        held.approve()
    assert stands(held)[0] == "held"
    Operation.objects.get(kind="approve_held").close(**NOTE)
    assert stands(held)[0] == "approved"
    assert charge_of(held).state == "succeeded"


@pytest.mark.parametrize("refresh", [True, False])
def test_where_the_gateway_cannot_be_asked_it_is_asked_later(
    gateway: RecordingGateway, held: Transaction, refresh: bool
) -> None:
    charge = is_left_to_a_person(held)
    gateway.bank.decide_review(held.transaction_id or "", approve=False)
    gateway.faults["retrieve_transaction"] = lose_request
    assert charge.close(**NOTE).state == "closed"
    assert stands(held)[0] == "held"
    if refresh:
        held.refresh_from_gateway()
    else:
        sweep(Run(gateway, datetime.now(UTC) - timedelta(days=1)))
    assert stands(held)[0] == "declined"


def test_nothing_is_asked_about_what_is_decided(
    gateway: RecordingGateway, customer: Customer
) -> None:
    gateway.faults["charge"] = answer(replace(PART, transaction_id="9001"))
    with pytest.raises(NeedsAttention) as caught:
        customer.charge("50.00")
    mark = gateway.mark
    caught.value.operation.close(**NOTE)
    assert gateway.since(mark) == []
