"""Which payments an order is paid with: its own, those that stand, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Exists, OuterRef

from django_dinero.exceptions import (
    ActionRequired,
    HeldForReview,
    IdempotencyKeyReused,
    InvalidInput,
    OperationInProgress,
    OrderPaid,
    OutcomeUnknown,
)
from django_dinero.gateways.registry import get_gateway, reset
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.models.transaction_status import TransactionStatus
from django_dinero.services.payments.orders import Order
from tests.support.recording import RecordingGateway, lose_reply

pytestmark = pytest.mark.django_db

ACTION_NUMBER = "4000000000003220"
#: Two names for what some databases take for one.
ALIKE = [("Xk3aB", "xK3Ab"), ("\u00c4-1", "a-1"), ("e\u0301", "\u00e9"), ("stra\u00dfe", "strasse")]


def pay(card: dict[str, Any], reference: str = "A-1", **given: Any) -> Transaction:
    """Pay a whole order."""
    asked: dict[str, Any] = {"order_reference": reference, "pays_order": True, "price": "5.00"}
    return Transaction.create(**(asked | card | given))


def is_paid(reference: str = "A-1", **given: Any) -> bool:
    return Transaction.objects.paid_for(reference, **given).exists()


# -- The reference ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_references_that_look_alike_are_two_orders(
    gateway: RecordingGateway, card: dict[str, Any], one: str, other: str
) -> None:
    pay(card, one)
    assert (is_paid(one), is_paid(other)) == (True, False)
    assert Transaction.objects.next_attempt(other) == 1
    pay(card, other)
    for reference in (one, other):
        with pytest.raises(OrderPaid):
            pay(card, reference)
    assert gateway.verbs.count("charge") == 2


def test_an_order_does_not_wait_for_one_that_looks_like_it(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        pay(card, "Xk3aB")
    assert pay(card, "xK3Ab").status == TransactionStatus.APPROVED


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_an_attempt_that_was_closed_counts_for_its_own_order(
    gateway: RecordingGateway, one: str, other: str
) -> None:
    Operation.objects.create(
        kind="charge", gateway_name="default", live=False, state="closed", amount=5,
        currency="USD", intent={"order_reference": one},
    )  # fmt: skip
    assert Transaction.objects.next_attempt(one) == 2
    assert Transaction.objects.next_attempt(other) == 1


def test_blanks_around_a_reference_are_none_of_it(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    pay(card, " A-1 ")
    for reference in ("A-1", "A-1 ", " A-1"):
        assert is_paid(reference)
        assert Transaction.objects.next_attempt(reference) == 2


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_without_a_reference_no_order_is_asked_about(
    gateway: RecordingGateway, card: dict[str, Any], blank: Any
) -> None:
    Transaction.create("5.00", **card)
    for ask in (Transaction.objects.paid_for, Transaction.objects.next_attempt):
        with pytest.raises(InvalidInput) as caught:
            ask(blank)
        assert set(caught.value.errors) == {"order_reference"}


# -- What was given back ---------------------------------------------------------------------------


def settled(gateway: RecordingGateway, row: Transaction) -> Transaction:
    gateway.bank.settle_batch()
    row.refresh_from_gateway()
    row.refresh_from_db()
    return row


@pytest.mark.parametrize(
    ("price", "parts"), [("5.00", ["5.00"]), ("0.80", ["0.70", "0.10"]), ("0.30", ["0.10"] * 3)]
)
def test_what_was_refunded_altogether_pays_nothing(
    gateway: RecordingGateway, card: dict[str, Any], price: str, parts: list[str]
) -> None:
    row = settled(gateway, pay(card, price=price))
    for part in parts:
        assert is_paid(), "a part is left"
        row.refund(part)
    assert not is_paid()
    pay(card)
    assert is_paid()
    assert gateway.verbs.count("charge") == 2


def test_a_refund_that_is_not_approved_gives_nothing_back(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    refund = settled(gateway, pay(card)).refund()
    for status in ("held", "declined", "failed", "voided"):
        Transaction.objects.filter(pk=refund.pk).update(status=status)
        assert is_paid()


def test_an_authorization_pays_until_all_that_was_captured_is_refunded(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    row = pay(card, settle=False)
    assert is_paid()
    capture = row.capture("4.00")
    assert is_paid()
    settled(gateway, row)
    row.refund("1.00")
    assert is_paid()
    row.refund("3.00")
    assert not is_paid()
    Transaction.objects.filter(kind="refund").delete()
    Transaction.objects.filter(pk=capture.pk).update(status="charged_back")
    assert not is_paid()


# -- What was moved to another order ---------------------------------------------------------------


def pay_order(card: dict[str, Any], reference: str) -> Transaction:
    """Pay an order as the documentation does."""
    attempt = Transaction.objects.next_attempt(reference)
    paid = Transaction.objects.paid_for(reference)
    if paid:
        return paid[0]
    return pay(card, reference, idempotency_key=f"{reference}-{attempt}")


def move(row: Transaction, reference: str) -> None:
    row.order_reference = reference
    row.save(update_fields=["order_reference"])


def attempts() -> list[int]:
    return [Transaction.objects.next_attempt(reference) for reference in ("A-1", "B-7")]


def test_an_order_whose_payment_was_moved_is_paid_by_its_next_attempt(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    first = pay_order(card, "A-1")
    move(first, "B-7")
    assert (is_paid("A-1"), is_paid("B-7")) == (False, True)
    second = pay_order(card, "A-1")
    assert second != first
    assert (second.order_reference, second.is_replay) == ("A-1", False)
    assert gateway.verbs.count("charge") == 2
    assert pay_order(card, "B-7") == first


def test_no_number_comes_twice_when_a_payment_is_moved_there_and_back(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    """The key of that number would bring back what was given back."""
    moved = pay_order(card, "A-1")
    moved.void()
    move(moved, "B-7")
    assert attempts() == [2, 1]
    voided = pay_order(card, "B-7")
    voided.void()
    move(moved, "A-1")
    assert attempts() == [2, 2]
    assert pay_order(card, "B-7").status == TransactionStatus.APPROVED
    assert gateway.verbs.count("charge") == 3


def test_a_payment_that_no_order_was_named_for_is_an_attempt_where_it_is_moved_to(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    move(Transaction.create("5.00", **card), "A-1")
    assert attempts() == [2, 1]


@pytest.mark.parametrize("to", ["B-7", ""])
def test_the_key_of_what_was_moved_pays_the_order_no_more(
    gateway: RecordingGateway, card: dict[str, Any], to: str
) -> None:
    move(pay(card, idempotency_key="A-1-1"), to)
    with pytest.raises(IdempotencyKeyReused, match="does not belong to this order") as caught:
        pay(card, idempotency_key="A-1-1")
    assert caught.value.operation == Operation.objects.get()
    assert caught.value.transaction == Transaction.objects.get()
    assert gateway.verbs.count("charge") == 1


def test_who_asks_for_the_row_of_a_key_gets_it_wherever_it_was_moved_to(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    asked: dict[str, Any] = {"pays_order": False, "idempotency_key": "A-1-1"}
    row = pay(card, **asked)
    move(row, "B-7")
    assert pay(card, **asked) == row


def test_what_is_held_and_was_moved_is_not_told_as_a_payment_of_the_order(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    gateway.bank.hold_next()
    with pytest.raises(HeldForReview) as caught:
        pay(card, idempotency_key="A-1-1")
    row = caught.value.transaction
    move(row, "B-7")
    with pytest.raises(IdempotencyKeyReused):
        pay(card, idempotency_key="A-1-1")
    assert pay_order(card, "A-1").status == TransactionStatus.APPROVED
    row.approve()
    assert pay_order(card, "B-7") == row
    assert gateway.verbs.count("charge") == 2


def wait(card: dict[str, Any], **given: Any) -> Transaction:
    """A payment that its holder has not confirmed."""
    with pytest.raises(ActionRequired) as caught:
        Transaction.create("5.00", **(card | {"number": ACTION_NUMBER} | given))
    row = caught.value.transaction
    assert isinstance(row, Transaction)
    return row


@pytest.mark.parametrize("to", ["B-7", ""])
@pytest.mark.parametrize("pays_order", [True, False])
def test_what_waits_for_its_holder_stays_with_its_order(
    gateway: RecordingGateway, card: dict[str, Any], pays_order: bool, to: str
) -> None:
    """Its attempt keeps the order closed: moved away, nothing could have paid it any more."""
    row = wait(card, order_reference="A-1", pays_order=pays_order)
    with pytest.raises(InvalidInput, match="waits for the card's holder") as caught:
        move(row, to)
    assert list(caught.value.errors) == ["order_reference"]
    row.refresh_from_db()
    assert row.order_reference == "A-1"


def test_what_was_confirmed_is_moved(gateway: RecordingGateway, card: dict[str, Any]) -> None:
    row = wait(card, order_reference="A-1", pays_order=True)
    gateway.bank.finish_action(str(row.transaction_id))
    Operation.objects.get().look_up()
    move(row, "B-7")  # as it was read before
    assert (is_paid("A-1"), is_paid("B-7")) == (False, True)
    assert pay_order(card, "A-1") != row


def test_what_was_voided_is_moved(gateway: RecordingGateway, card: dict[str, Any]) -> None:
    row = wait(card, order_reference="A-1", pays_order=True)
    row.void()
    move(row, "B-7")
    assert pay_order(card, "A-1").status == TransactionStatus.APPROVED


def test_what_waits_and_has_no_order_yet_is_given_one(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    row = wait(card)
    move(row, "A-1")
    gateway.bank.finish_action(str(row.transaction_id))
    Operation.objects.get().look_up()
    assert list(Transaction.objects.paid_for("A-1")) == [row]
    with pytest.raises(OrderPaid):
        pay(card)


def test_other_fields_of_what_waits_are_saved(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    row = wait(card, order_reference="A-1")
    row.description = "Ann has called"
    row.save(update_fields=["description", "order_reference"])
    row.refresh_from_db()
    assert row.description == "Ann has called"


def test_a_charge_after_the_commit_is_not_answered_with_what_was_moved(
    gateway: RecordingGateway, customer: Customer
) -> None:
    asked: dict[str, Any] = {
        "order_reference": "A-1", "pays_order": True, "idempotency_key": "A-1-1"
    }  # fmt: skip
    move(customer.charge("5.00", **asked), "B-7")
    with transaction.atomic():
        pending = customer.charge_on_commit("5.00", **asked)
    assert isinstance(pending.error, IdempotencyKeyReused)
    assert gateway.verbs.count("charge") == 1


# -- Tenants ---------------------------------------------------------------------------------------


def resolve(name: str) -> dict[str, Any] | None:
    backend = "tests.support.recording.RecordingGateway"
    return {"BACKEND": backend, "OPTIONS": {}} if name.startswith("shop") else None


@pytest.fixture
def tenants(settings: Any) -> None:
    settings.DINERO = {**settings.DINERO, "GATEWAY_RESOLVER": f"{__name__}.resolve"}
    reset()


def test_a_tenant_is_paid_by_its_own_payments(tenants: None, card: dict[str, Any]) -> None:
    assert pay(card, gateway_name="shop-1").status == "approved"
    assert [is_paid(gateway_name=name) for name in ("shop-1", "shop-2", "default")] == [
        True,
        False,
        False,
    ]
    numbers = [
        Transaction.objects.next_attempt("A-1", gateway_name=name)
        for name in ("shop-1", "shop-2", "default")
    ]
    assert numbers == [2, 1, 1]
    get_gateway("shop-1")


def test_tenants_whose_names_look_alike_are_two(tenants: None, card: dict[str, Any]) -> None:
    for name in ("shop-Ab", "shop-aB"):
        assert not is_paid(gateway_name=name)
        assert pay(card, gateway_name=name).gateway_name == name


def test_among_tenants_the_gateway_is_named(tenants: None) -> None:
    for ask in (Transaction.objects.paid_for, Transaction.objects.next_attempt):
        with pytest.raises(InvalidInput) as caught:
            ask("A-1")
        assert set(caught.value.errors) == {"gateway_name"}


# -- A name that is in the settings no more --------------------------------------------------------

ENTRY = {"BACKEND": "tests.support.recording.RecordingGateway", "OPTIONS": {}}


@pytest.fixture(params=[True, False], ids=["resolver", "no resolver"])
def rename(settings: Any, request: pytest.FixtureRequest) -> Callable[..., None]:
    """Have the shop's gateways be these from now on."""
    extra = {"GATEWAY_RESOLVER": f"{__name__}.resolve"} if request.param else {}

    def configure(*names: str) -> None:
        settings.DINERO = {**settings.DINERO, "GATEWAYS": dict.fromkeys(names, ENTRY), **extra}
        reset()

    return configure


def test_what_a_former_gateway_took_pays_the_order(
    rename: Callable[..., None], card: dict[str, Any], django_user_model: Any
) -> None:
    rename("default", "old")
    row = pay(card, gateway_name="old")
    rename("default")
    assert is_paid(gateway_name="default")
    assert Transaction.objects.next_attempt("A-1", gateway_name="default") == 2
    with pytest.raises(OrderPaid):
        pay(card)
    (attempt,) = Order("A-1", get_gateway()).known_attempts()
    assert attempt.about == str(row.public_id)
    # As a list of orders asks.
    django_user_model.objects.create_user("A-1")
    django_user_model.objects.create_user("B-7")
    paid = Transaction.objects.paid_for(OuterRef("username"), gateway_name="default")
    assert [each.username for each in django_user_model.objects.filter(Exists(paid))] == ["A-1"]


def test_what_a_former_gateway_gave_back_does_not(
    rename: Callable[..., None], card: dict[str, Any]
) -> None:
    rename("default", "old")
    pay(card, gateway_name="old").void()
    rename("default")
    assert not is_paid(gateway_name="default")
    assert pay(card, idempotency_key="A-1-2").gateway_name == "default"


def test_what_a_former_gateway_holds_keeps_the_order(
    rename: Callable[..., None], card: dict[str, Any]
) -> None:
    rename("default", "old")
    row = pay(card, gateway_name="old")
    Transaction.objects.filter(pk=row.pk).update(status="held")
    Operation.objects.update(state="held")
    rename("default")
    with pytest.raises(OperationInProgress, match="being reviewed"):
        pay(card)


@pytest.mark.parametrize("name", ["shop-1", ":shop"])
def test_what_a_tenant_took_pays_no_order_of_the_shop(
    tenants: None, card: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(f"{__name__}.resolve", lambda name: ENTRY)
    pay(card, gateway_name=name)
    assert is_paid(gateway_name=name)
    assert not is_paid(gateway_name="default")
    assert pay(card, gateway_name="default").status == "approved"


def test_an_attempt_at_a_former_gateway_that_was_closed_counts(
    rename: Callable[..., None], card: dict[str, Any]
) -> None:
    rename("default", "old")
    pay(card, gateway_name="old")
    Transaction.objects.all().delete()
    Operation.objects.update(state="closed")
    rename("default")
    assert Transaction.objects.next_attempt("A-1", gateway_name="default") == 2
