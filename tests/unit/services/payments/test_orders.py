"""An order that is paid whole is paid once, whatever happens between two looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from django_dinero.admin.messages import of_charge
from django_dinero.exceptions import (
    ActionRequired,
    CardDeclinedError,
    DuplicateTransactionError,
    HeldForReview,
    InvalidInput,
    OperationInProgress,
    OrderPaid,
    OutcomeUnknown,
)
from django_dinero.gateways.registry import get_gateway, reset
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.models.order_lock import order_lock_name
from django_dinero.sandbox.bank.records import BankRefusal
from tests.support.racing import before_statement, turns
from tests.support.recording import (
    RecordingGateway,
    lose_reply,
    lose_request,
)

pytestmark = pytest.mark.django_db

PAST = "2020-01-01T00:00:00Z"
ACTION_NUMBER = "4000000000003220"
Make = Callable[..., Customer]


def pay(card: dict[str, Any], **given: Any) -> Transaction:
    """Pay the order A-1."""
    return Transaction.create("5.00", order_reference="A-1", pays_order=True, **(card | given))


def at_bank(gateway: RecordingGateway) -> list[str]:
    """How the payments stand there, the oldest first."""
    rows = sorted(gateway.bank.transactions(), key=lambda row: int(row.id))
    return [str(row.status) for row in rows]


# -- The lock --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_who_pays_between_our_look_and_our_lock_is_seen(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    with (
        before_statement("INSERT", lambda: pay(card), about="dinero_operation"),
        pytest.raises(OrderPaid, match="paid already"),
    ):
        pay(card)
    assert gateway.verbs.count("charge") == 1
    states = Operation.objects.order_by("pk").values_list("state", "held_lock")
    assert sorted(states) == [("failed", None), ("succeeded", None)]


@pytest.mark.django_db(transaction=True)
def test_what_is_charged_without_the_lock_meanwhile_is_seen(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    """Such as by staff, who may charge an order in parts."""

    def staff() -> None:
        gateway.faults["charge"] = lose_request
        with pytest.raises(OutcomeUnknown):
            Transaction.create("2.00", order_reference="A-1", **card)

    with (
        before_statement("INSERT", staff, about="dinero_operation"),
        pytest.raises(OperationInProgress, match="not known yet"),
    ):
        pay(card)
    assert gateway.verbs.count("charge") == 1


def test_the_same_key_is_answered_and_not_refused(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    done: list[Transaction] = []

    def rival() -> None:
        done.append(pay(card, idempotency_key="A-1-1"))

    # The first look is at the key; the second, at the order's attempts, finds it paid.
    with before_statement("SELECT", int, rival, about="dinero_operation"):
        row = pay(card, idempotency_key="A-1-1")
    assert [row] == done
    assert (row.is_replay, gateway.verbs.count("charge")) == (True, 1)


@pytest.mark.django_db(transaction=True)
def test_a_refused_attempt_leaves_its_key_free(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    first: list[Transaction] = []
    with (
        before_statement("INSERT", lambda: first.append(pay(card)), about="dinero_operation"),
        pytest.raises(OrderPaid),
    ):
        pay(card, idempotency_key="A-1-1")
    first[0].void()
    assert pay(card, idempotency_key="A-1-1").status == "approved"


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_while_one_is_being_sent_the_others_are_refused(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    with turns() as worker:
        gateway.faults["charge"] = worker.hold
        worker.stops_in_the_call(lambda: pay(card))
        with pytest.raises(OperationInProgress, match="is being paid"):
            pay(card)
        # A part of it is the caller's own business, and holds nobody off.
        assert Transaction.create("1.00", order_reference="A-1", **card).status == "approved"
    assert gateway.verbs.count("charge") == 2


def test_parts_of_an_order_hold_no_lock(gateway: RecordingGateway, card: dict[str, Any]) -> None:
    for _part in range(2):
        Transaction.create("2.00", order_reference="A-1", **card)
    names = set(Operation.objects.values_list("lock_name", "held_lock"))
    assert names == {(order_lock_name("A-1", "default", live=False), None)}
    with pytest.raises(OrderPaid):
        pay(card)


def test_an_order_has_a_lock() -> None:
    name = order_lock_name("A-1", "default", live=False)
    assert order_lock_name(" A-1 ", "default", live=False) == name
    assert order_lock_name("A-2", "default", live=False) != name
    assert order_lock_name("A-1", "default", live=True) != name


def resolve(name: str) -> dict[str, Any] | None:
    """A tenant's account, whatever its name."""
    backend = "tests.support.recording.RecordingGateway"
    return {"BACKEND": backend, "OPTIONS": {}} if name.startswith("shop") else None


def test_each_tenant_has_an_order_of_this_number(settings: Any, card: dict[str, Any]) -> None:
    settings.DINERO = {**settings.DINERO, "GATEWAY_RESOLVER": f"{__name__}.resolve"}
    reset()
    for name in ("shop-1", "shop-2", "default"):
        assert pay(card, gateway_name=name).status == "approved"
        with pytest.raises(OrderPaid):
            pay(card, gateway_name=name)
    names = {name for (name,) in Operation.objects.values_list("lock_name")}
    assert len(names) == 3
    get_gateway("shop-1")


@pytest.mark.parametrize(
    ("given", "field"), [({"order_reference": ""}, "order_reference"), ({"pays_order": 1}, None)]
)
def test_what_is_wrong_is_named(
    gateway: RecordingGateway, card: dict[str, Any], given: dict[str, Any], field: str | None
) -> None:
    asked = {"order_reference": "A-1", "pays_order": True, **card, **given}
    with pytest.raises(InvalidInput) as caught:
        Transaction.create("5.00", **asked)
    assert set(caught.value.errors) == {field or "pays_order"}
    assert gateway.verbs == []


def test_a_charge_after_the_commit_is_made_once_too(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    order: dict[str, Any] = {"order_reference": "A-1", "pays_order": True}
    with transaction.atomic():
        pending = customer.charge_on_commit(5, **order)
        with pytest.raises(OperationInProgress):
            customer.charge_on_commit(5, **order)
    assert pending.transaction is not None
    with transaction.atomic(), pytest.raises(OrderPaid):
        customer.charge_on_commit(5, **order)
    assert gateway.verbs.count("charge") == 1


# -- What is not known -----------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["new", "sent"])
@pytest.mark.parametrize("guarded", [True, False])
def test_an_operation_blocks_the_order_however_old_it_is(
    gateway: RecordingGateway, card: dict[str, Any], state: str, guarded: bool
) -> None:
    name = order_lock_name("A-1", "default", live=False)
    Operation.objects.create(
        kind="charge",
        gateway_name="default",
        live=False,
        state=state,
        amount=5,
        currency="USD",
        lock_name=name,
        held_lock=name if guarded else None,
        intent={"order_reference": "A-1"},
        lease_until="2099-01-01T00:00:00Z",
    )
    Operation.objects.update(created_at=PAST)
    with pytest.raises(OperationInProgress, match="is being paid"):
        pay(card)
    assert gateway.verbs == []


def test_a_paid_order_is_told_as_what_it_is(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    pay(card)
    Transaction.objects.update(created_at=PAST)
    with pytest.raises(DuplicateTransactionError) as caught:
        pay(card)
    assert caught.value.code == "order_paid"
    assert caught.value.operation is None
    assert caught.value.user_message == "This order is paid already."  # and not "a moment ago"
    assert of_charge(caught.value).title == "This order is paid already."


@pytest.mark.parametrize("lost", [lose_reply, lose_request])
def test_what_a_dead_worker_left_is_looked_up(
    gateway: RecordingGateway, card: dict[str, Any], lost: Any
) -> None:
    gateway.faults["charge"] = lost
    with pytest.raises(OutcomeUnknown):
        pay(card)
    Operation.objects.update(state="sent", outcome={}, created_at=PAST, lease_until=PAST)
    expected = OrderPaid if lost is lose_reply else OperationInProgress
    with pytest.raises(expected):
        pay(card)
    assert gateway.verbs.count("charge") == 1
    Operation.objects.filter(state="unknown").update(quarantine_until=PAST)
    if lost is lose_request:
        assert pay(card).status == "approved"


def test_what_needs_attention_blocks_it(gateway: RecordingGateway, card: dict[str, Any]) -> None:
    gateway.faults["charge"] = lose_request
    with pytest.raises(OutcomeUnknown):
        pay(card)
    Operation.objects.update(state="needs_attention", created_at=PAST)
    with pytest.raises(OperationInProgress, match="Staff have to find out"):
        pay(card)
    Operation.objects.get().close(note="It paid nothing.", by="Ann")
    assert pay(card).status == "approved"


def test_what_is_held_blocks_it(gateway: RecordingGateway, card: dict[str, Any]) -> None:
    gateway.bank.hold_next()
    with pytest.raises(HeldForReview):
        pay(card)
    with pytest.raises(OperationInProgress, match="being reviewed"):
        pay(card)
    assert gateway.verbs.count("charge") == 1


def test_a_payment_whose_row_is_lost_still_pays(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    """A rollback may have taken the row, and the journal commits by itself."""
    pay(card)
    Transaction.objects.all().delete()
    with pytest.raises(OrderPaid):
        pay(card)
    assert Transaction.objects.get().status == "approved"
    assert gateway.verbs.count("charge") == 1


def test_what_came_to_nothing_is_no_obstacle(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    with pytest.raises(CardDeclinedError):
        pay(card, zip="46282")
    pay(card).void()
    assert pay(card).status == "approved"


# -- What its holder has not confirmed -------------------------------------------------------------


@pytest.fixture
def waiting(gateway: RecordingGateway, card: dict[str, Any]) -> Transaction:
    """A payment that a guest has left at the bank's page."""
    with pytest.raises(ActionRequired) as caught:
        pay(card, number=ACTION_NUMBER, idempotency_key="A-1-1")
    row = caught.value.transaction
    assert isinstance(row, Transaction)
    return row


def test_another_attempt_replaces_it(
    gateway: RecordingGateway, card: dict[str, Any], waiting: Transaction
) -> None:
    assert pay(card).status == "approved"
    assert at_bank(gateway) == ["voided", "captured"]
    waiting.refresh_from_db()
    assert waiting.status == "voided"
    # Nobody can confirm it any more, and its key says so.
    with pytest.raises(CardDeclinedError):
        pay(card, number=ACTION_NUMBER, idempotency_key="A-1-1")
    with pytest.raises(BankRefusal):
        gateway.bank.finish_action(str(waiting.transaction_id))
    assert at_bank(gateway) == ["voided", "captured"]


def test_what_was_confirmed_meanwhile_pays_the_order(
    gateway: RecordingGateway, card: dict[str, Any], waiting: Transaction
) -> None:
    gateway.bank.finish_action(str(waiting.transaction_id))
    with pytest.raises(OrderPaid):
        pay(card)
    assert at_bank(gateway) == ["captured"]
    waiting.refresh_from_db()
    assert waiting.status == "approved"


def test_what_was_given_to_the_order_later_is_looked_up_like_its_attempts(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    """Its holder has paid: the payment stands, and no other one takes its place."""
    with pytest.raises(ActionRequired) as caught:
        Transaction.create(5, **{**card, "number": ACTION_NUMBER})
    row = caught.value.transaction
    assert isinstance(row, Transaction)
    row.order_reference = "A-1"
    row.save(update_fields=["order_reference"])
    gateway.bank.finish_action(str(row.transaction_id))
    with pytest.raises(OrderPaid):
        pay(card)
    assert at_bank(gateway) == ["captured"]


def test_what_is_confirmed_right_before_it_is_voided_is_given_back(
    gateway: RecordingGateway, card: dict[str, Any], waiting: Transaction
) -> None:
    def confirm_first(call: Callable[[], Any]) -> Any:
        gateway.bank.finish_action(str(waiting.transaction_id))
        return call()

    gateway.faults["void"] = confirm_first
    assert pay(card).status == "approved"
    assert at_bank(gateway) == ["voided", "captured"]


@pytest.mark.parametrize("lost", [lose_reply, lose_request])
def test_a_void_without_an_answer_lets_nothing_through(
    gateway: RecordingGateway, card: dict[str, Any], waiting: Transaction, lost: Any
) -> None:
    gateway.faults["void"] = lost
    if lost is lose_reply:  # the payment itself tells that it was voided
        assert pay(card).status == "approved"
        assert at_bank(gateway) == ["voided", "captured"]
        return
    for _again in range(2):
        with pytest.raises(OperationInProgress, match="to confirm it"):
            pay(card)
    assert at_bank(gateway) == ["requires_action"]
    Operation.objects.filter(kind="void").update(quarantine_until=PAST)
    assert pay(card).status == "approved"
    assert at_bank(gateway) == ["voided", "captured"]


def test_a_gateway_that_cannot_void_keeps_it(
    gateway: RecordingGateway,
    card: dict[str, Any],
    waiting: Transaction,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(RecordingGateway, "unsupported", {"void": "it cannot"})
    with pytest.raises(OperationInProgress, match="to confirm it"):
        pay(card)
    assert at_bank(gateway) == ["requires_action"]


@pytest.mark.parametrize(
    ("changed", "replaced"),
    [({}, True), ({"owner": "ann"}, False), ({"initiator": "merchant"}, False)],
)
def test_who_replaces_it(
    gateway: RecordingGateway,
    card: dict[str, Any],
    waiting: Transaction,
    django_user_model: Any,
    changed: dict[str, Any],
    replaced: bool,
) -> None:
    ann, eve = (django_user_model.objects.create_user(name) for name in ("ann", "eve"))
    if "owner" in changed:
        changed = {"owner": ann}
    Transaction.objects.filter(pk=waiting.pk).update(**changed)
    for other in (None, eve):
        if replaced:
            break
        with pytest.raises(OperationInProgress, match="to confirm it"):
            pay(card, owner=other)
    if "initiator" not in changed:
        assert pay(card, owner=ann).status == "approved"


def test_the_attempt_itself_is_repeated_and_not_replaced(
    gateway: RecordingGateway, card: dict[str, Any], waiting: Transaction
) -> None:
    with pytest.raises(ActionRequired) as caught:
        pay(card, number=ACTION_NUMBER, idempotency_key="A-1-1")
    assert caught.value.next_action is not None
    assert at_bank(gateway) == ["requires_action"]


def test_its_own_payment_that_began_since_the_look_is_not_voided(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    """A double click: the first one comes as far as the bank's page between two looks."""

    def rival() -> None:
        with pytest.raises(ActionRequired):
            pay(card, number=ACTION_NUMBER, idempotency_key="A-1-1")

    with (
        before_statement("SELECT", int, rival, about="dinero_operation"),
        pytest.raises(ActionRequired),
    ):
        pay(card, number=ACTION_NUMBER, idempotency_key="A-1-1")
    assert at_bank(gateway) == ["requires_action"]
    assert gateway.verbs.count("charge") == 1
