"""Rows of a test account and of a live one, where a gateway's configuration has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from django.apps import apps
from django.db.models import UniqueConstraint

from django_dinero.enums import TransactionKind
from django_dinero.exceptions import IdempotencyKeyReused, InvalidInput, OutcomeUnknown
from django_dinero.gateways.registry import gateways, reset
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.services.reconcile.phase import Run
from django_dinero.services.reconcile.sweep import sweep
from django_dinero.services.vault.deletions import push_delete
from django_dinero.testing.factories import CreditCardFactory, CustomerFactory, OperationFactory
from tests.support.recording import RecordingGateway, lose_reply, lose_request

pytestmark = pytest.mark.django_db

NEW_CARD: dict[str, Any] = {
    "number": "5424000000000015",
    "month": "11",
    "year": "2059",
    "zip": "12345",
}


@pytest.fixture
def go_live(gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have the gateway of the same name be the live account from now on, or the test account."""

    def change(live: bool = True) -> None:
        monkeypatch.setattr(RecordingGateway, "live", property(lambda self: live))

    return change


@pytest.fixture
def asks_nothing(gateway: RecordingGateway) -> Callable[[Callable[[], Any]], InvalidInput]:
    """Run a call that is refused before the gateway is asked and before anything is written."""

    def refused(call: Callable[[], Any]) -> InvalidInput:
        mark, before = gateway.mark, (Operation.objects.count(), Transaction.objects.count())
        with pytest.raises(InvalidInput, match="gateway name of its own") as caught:
            call()
        assert gateway.since(mark) == []
        assert (Operation.objects.count(), Transaction.objects.count()) == before
        return caught.value

    return refused


# -- Rows know it ----------------------------------------------------------------------------------


@pytest.mark.parametrize("live", [True, False])
def test_every_row_is_of_the_account_that_its_gateway_was(
    gateway: RecordingGateway,
    make_customer: Callable[..., Customer],
    go_live: Callable[..., None],
    live: bool,
) -> None:
    go_live(live)
    customer = make_customer()
    customer.add_card(**NEW_CARD)
    customer.charge("5.00").void()
    customer.first_name = "William"
    customer.save()
    saved = Customer.objects.create(email="ann@example.com")
    assert saved.live is live
    known = gateway.bank.create_customer(key="", email="pulled@example.com")
    Customer.retrieve(known.id)
    card = CreditCardFactory()
    card.delete()
    for model in (Customer, CreditCard, Transaction, Operation):
        found = list(model._default_manager.values_list("live", flat=True))
        assert found
        assert set(found) == {live}, model


def test_what_somebody_says_of_a_row_stands(gateway: RecordingGateway) -> None:
    assert CustomerFactory(live=True).live is True
    assert CustomerFactory().live is False


def test_a_row_for_no_configured_gateway_is_none_of_a_live_account() -> None:
    assert OperationFactory(gateway_name="gone").live is False


def test_it_outlives_a_change_of_the_configuration(
    customer: Customer, go_live: Callable[..., None]
) -> None:
    go_live()
    for row in (Customer.objects.get(), CreditCard.objects.get()):
        with suppress(InvalidInput):
            row.save()
        row.refresh_from_db()
        assert row.live is False


def test_a_gateway_that_was_not_built_yet_is_built(customer: Customer) -> None:
    reset()
    assert OperationFactory().live is False


# -- Money -----------------------------------------------------------------------------------------


def test_a_card_of_the_test_account_is_not_charged_at_the_live_one(
    customer: Customer,
    go_live: Callable[..., None],
    asks_nothing: Callable[[Callable[[], Any]], InvalidInput],
) -> None:
    go_live()
    card = customer.cards[0]
    for charge in (customer.charge, card.charge):
        error = asks_nothing(lambda charge=charge: charge("7.00"))  # type: ignore[misc]
        assert "the gateway 'default' is a live one now" in error.errors["card"][0]
    asks_nothing(lambda: customer.charge("7.00", settle=False))


def test_a_key_of_a_test_pays_nothing_at_the_live_account(
    gateway: RecordingGateway, customer: Customer, go_live: Callable[..., None]
) -> None:
    """Orders may be counted from one again."""
    key: Any = {"idempotency_key": "order-1-1"}
    Transaction.create("7.00", **NEW_CARD, **key)
    Customer.create("ann@example.com", **key)
    go_live()
    mark = gateway.mark
    with pytest.raises(IdempotencyKeyReused, match="'default' was another account"):
        Transaction.create("7.00", **NEW_CARD, **key)
    with pytest.raises(InvalidInput, match="gateway name of its own"):
        Customer.create("ann@example.com", **key)
    assert gateway.since(mark) == []


def test_a_card_of_the_live_account_is_not_charged_at_a_test_account(
    make_customer: Callable[..., Customer],
    go_live: Callable[..., None],
    asks_nothing: Callable[[Callable[[], Any]], InvalidInput],
) -> None:
    go_live()
    customer = make_customer()
    go_live(False)
    error = asks_nothing(lambda: customer.charge("7.00"))
    assert "the gateway 'default' is for tests now" in error.errors["card"][0]


def test_no_transaction_of_the_test_account_is_followed_up_at_the_live_one(
    authorization: Transaction,
    held: Transaction,
    settled: Transaction,
    go_live: Callable[..., None],
    asks_nothing: Callable[[Callable[[], Any]], InvalidInput],
) -> None:
    go_live()
    for call in (
        authorization.capture,
        authorization.void,
        settled.refund,
        held.approve,
        held.decline,
    ):
        assert set(asks_nothing(call).errors) == {"transaction"}


def test_a_card_that_is_typed_is_charged_at_the_live_account(
    customer: Customer, go_live: Callable[..., None]
) -> None:
    go_live()
    assert Transaction.create("7.00", **NEW_CARD).live is True


# -- Customers and cards ---------------------------------------------------------------------------


def test_nothing_is_stored_or_asked_of_what_the_live_account_does_not_have(
    customer: Customer,
    go_live: Callable[..., None],
    asks_nothing: Callable[[Callable[[], Any]], InvalidInput],
) -> None:
    card = customer.cards[0]
    go_live()
    asks_nothing(lambda: customer.add_card(**NEW_CARD))
    asks_nothing(card.validate)
    card.number, card.month, card.year = "5424000000000015", 11, 2059
    asks_nothing(card.save)


def test_an_edit_is_kept_and_its_row_says_why_it_was_not_pushed(
    gateway: RecordingGateway, customer: Customer, go_live: Callable[..., None]
) -> None:
    go_live()
    mark = gateway.mark
    customer.email = "new@example.com"
    with pytest.raises(InvalidInput):
        customer.save()
    customer.refresh_from_db()
    assert (customer.email, customer.sync_state) == ("new@example.com", "error")
    assert "gateway name of its own" in customer.sync_error
    assert gateway.since(mark) == []


def test_what_is_deleted_here_is_not_deleted_at_another_account(
    gateway: RecordingGateway, customer: Customer, go_live: Callable[..., None]
) -> None:
    """Its ids may be somebody else's there."""
    other = customer.add_card(**NEW_CARD)
    go_live()
    mark = gateway.mark
    other.delete()
    customer.delete()
    assert gateway.since(mark) == []
    assert not Operation.objects.filter(kind__startswith="delete").exists()


def test_a_delete_that_waits_is_not_sent_to_another_account(
    gateway: RecordingGateway, customer: Customer, go_live: Callable[..., None]
) -> None:
    waiting = OperationFactory(
        kind="delete_customer",
        state="new",
        amount=None,
        held_lock=None,
        customer_id=customer.customer_id,
        lock_name=customer.lock_name,
    )
    go_live()
    mark = gateway.mark
    with pytest.raises(InvalidInput):
        push_delete(waiting.key)
    waiting.refresh_from_db()
    assert waiting.state == "new"
    assert gateway.since(mark) == []


def test_a_customer_that_no_account_has_yet_goes_to_the_present_one(
    gateway: RecordingGateway, go_live: Callable[..., None]
) -> None:
    gateway.faults["create_customer"] = lose_request
    row = Customer(email="ann@example.com")
    with suppress(OutcomeUnknown):
        row.save()
    Operation.objects.update(state="absent", held_lock=None)
    assert (row.customer_id, row.live) == (None, False)
    go_live()
    row.save()
    row.refresh_from_db()
    assert row.customer_id
    assert row.live is True
    assert row.add_card(**NEW_CARD).live is True


# -- The same ids at both accounts -----------------------------------------------------------------


@pytest.fixture
def everywhere(gateway: RecordingGateway, customer: Customer, charge: Transaction) -> Any:
    """A customer with a card and a payment; the live account has others under the same ids."""
    return customer, customer.cards[0], charge


def both(model: Any, **ids: Any) -> dict[bool, Any]:
    return {row.live: row for row in model._default_manager.filter(**ids)}


def test_a_live_customer_with_the_id_of_a_test_one_is_another_customer(
    everywhere: Any, go_live: Callable[..., None]
) -> None:
    customer, card, _charge = everywhere
    go_live()
    found = Customer.retrieve(customer.customer_id)
    assert found.pk != customer.pk
    assert Customer.retrieve(customer.customer_id).pk == found.pk
    rows = both(Customer, customer_id=customer.customer_id)
    assert {live: row.pk for live, row in rows.items()} == {False: customer.pk, True: found.pk}
    cards = both(CreditCard, card_id=card.card_id)
    assert cards[False].customer_pk == customer.pk
    assert cards[True].customer_pk == found.pk
    found.charge("3.00")
    found.delete()
    assert Operation.objects.filter(kind="delete_customer", live=True).exists()
    assert set(both(CreditCard)) == {False}
    customer.refresh_from_db()
    assert customer.sync_state == "synced"


def test_a_live_payment_with_the_id_of_a_test_one_is_another_payment(
    gateway: RecordingGateway, everywhere: Any, go_live: Callable[..., None]
) -> None:
    *_others, charge = everywhere
    gateway.bank.settle_batch()
    go_live()
    found = Transaction.retrieve(charge.transaction_id)
    assert (found.live, found.status, found.operation_key) == (True, "settled", None)
    assert Transaction.retrieve(charge.transaction_id).pk == found.pk
    charge.refresh_from_db()
    assert (charge.live, charge.status) == (False, "approved")
    refund = found.refund("1.00")
    assert (refund.parent, refund.live) == (found, True)


def test_a_charge_is_written_beside_a_test_payment_with_its_id(
    gateway: RecordingGateway, everywhere: Any, go_live: Callable[..., None]
) -> None:
    *_others, charge = everywhere
    Transaction.objects.filter(pk=charge.pk).update(transaction_id="next")
    charge.transaction_id = "next"
    go_live()
    live = Transaction.create("7.00", **NEW_CARD, settle=False)
    kind = TransactionKind.AUTHORIZATION
    same = {"transaction_id": live.transaction_id, "kind": kind}
    Transaction.objects.filter(pk=charge.pk).update(**same)
    live.void()
    assert {mode: row.status for mode, row in both(Transaction, **same).items()} == {
        True: "voided",
        False: "approved",
    }


def test_an_answer_with_the_id_of_a_test_payment_is_believed(
    gateway: RecordingGateway, go_live: Callable[..., None]
) -> None:
    """The live account counts its ids from one, as the test account did."""
    first = Transaction.create("7.00", **NEW_CARD)
    go_live()
    probe = Transaction.create("8.00", **NEW_CARD)
    Transaction.objects.filter(pk=first.pk).update(
        transaction_id=str(int(probe.transaction_id or "") + 1)
    )
    live = Transaction.create("9.00", **NEW_CARD)
    first.refresh_from_db()
    assert live.transaction_id == first.transaction_id
    assert (live.live, live.status, live.is_replay) == (True, "approved", False)


@pytest.mark.django_db(transaction=True)
def test_so_it_is_where_the_constraint_alone_is_asked(
    gateway: RecordingGateway, go_live: Callable[..., None]
) -> None:
    """Outside of a transaction nobody looks for the id before the row is written."""
    first = Transaction.create("7.00", **NEW_CARD)
    go_live()
    probe = Transaction.create("8.00", **NEW_CARD)
    following = str(int(probe.transaction_id or "") + 1)
    Transaction.objects.filter(pk=first.pk).update(transaction_id=following)
    live = Transaction.create("9.00", **NEW_CARD)
    assert (live.transaction_id, live.live, live.status) == (following, True, "approved")


def test_ids_of_a_gateway_are_told_apart_by_the_account() -> None:
    """Every unique constraint that has one."""
    told_apart = set()
    for model in apps.get_app_config("dinero").get_models():
        for constraint in model._meta.constraints:
            if isinstance(constraint, UniqueConstraint) and "gateway_name" in constraint.fields:
                assert "live" in constraint.fields, constraint.name
                told_apart.add(constraint.name)
        assert not model._meta.unique_together
    assert told_apart == {
        "dinero_customer_remote_id",
        "dinero_customer_key",
        "dinero_card_remote_id",
        "dinero_transaction_remote_id",
        "dinero_webhookevent_id",
    }


def test_a_sweep_of_the_live_account_leaves_the_rows_of_the_test_account_alone(
    gateway: RecordingGateway, everywhere: Any, go_live: Callable[..., None]
) -> None:
    *_others, charge = everywhere
    gateway.bank.settle_batch()
    go_live()
    sweep(Run(gateway, datetime.now(UTC) - timedelta(days=1)))
    charge.refresh_from_db()
    assert charge.status == "approved"
    assert not Transaction.objects.filter(live=True).exists()


def test_an_open_operation_of_the_test_account_keeps_nobody_off_the_live_one(
    gateway: RecordingGateway, everywhere: Any, go_live: Callable[..., None]
) -> None:
    customer, _card, _charge = everywhere
    gateway.faults["add_card"] = lose_request
    with suppress(OutcomeUnknown):
        customer.add_card(**NEW_CARD)
    gateway.faults.clear()
    go_live()
    found = Customer.retrieve(customer.customer_id)
    assert found.add_card(**NEW_CARD).live is True


def test_a_delete_that_waits_for_the_test_account_hides_nothing_of_the_live_one(
    gateway: RecordingGateway, everywhere: Any, go_live: Callable[..., None]
) -> None:
    customer, card, _charge = everywhere
    for kind, ids in (("delete_customer", {}), ("delete_card", {"card_id": card.card_id})):
        OperationFactory(
            kind=kind,
            state="new",
            amount=None,
            held_lock=None,
            customer_id=customer.customer_id,
            **ids,
        )
    Customer.objects.filter(pk=customer.pk).update_without_push(customer_id="elsewhere")
    CreditCard.objects.filter(pk=card.pk).update_without_push(card_id="elsewhere")
    identity = customer.customer_id
    go_live()
    found = Customer.retrieve(identity)
    assert [each.card_id for each in found.cards.all()] == [card.card_id]
    assert Operation.objects.filter(state="new").count() == 2


def test_a_customer_whose_creation_was_lost_is_found_at_the_account_that_has_it(
    gateway: RecordingGateway, go_live: Callable[..., None]
) -> None:
    row = CustomerFactory(customer_id=None, sync_state="pending")
    go_live()
    stored = gateway.bank.create_customer(key=row.customer_key, email=row.email)
    found = Customer.retrieve(stored.id)
    row.refresh_from_db()
    assert (found.pk, row.live, row.customer_id) == (row.pk, True, stored.id)


# -- Open ends -------------------------------------------------------------------------------------


def test_an_operation_is_not_proven_absent_at_another_account(
    gateway: RecordingGateway, customer: Customer, go_live: Callable[..., None]
) -> None:
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown) as caught:
        customer.charge("5.00")
    go_live()
    mark = gateway.mark
    operation = caught.value.operation
    assert operation is not None
    operation.look_up()
    assert operation.state == "unknown"
    assert "gateway name of its own" in operation.note("lookup")
    assert gateway.since(mark) == []
    go_live(False)
    assert operation.look_up().state == "succeeded"
    assert Transaction.objects.get().live is False


# -- A resolver ------------------------------------------------------------------------------------


class Tenants:
    """The merchants of a resolver's table, and whether each has gone live; None has left."""

    live: ClassVar[bool | None] = False


class TenantGateway(RecordingGateway):
    """A gateway that its options call live."""

    option_names = RecordingGateway.option_names | {"is_live"}

    def __init__(self, name: str, options: Mapping[str, Any] | None = None) -> None:
        given = dict(options or {})
        self._is_live = bool(given.pop("is_live"))
        super().__init__(name, given)

    @property
    def live(self) -> bool:
        return self._is_live


def find(name: str) -> dict[str, Any] | None:
    if Tenants.live is None:
        return None
    options = {"allow_in_production": True, "is_live": Tenants.live}
    return {"BACKEND": f"{__name__}.TenantGateway", "OPTIONS": options}


@pytest.fixture
def table(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool | None], None]:
    """Change the resolver's table, as another process does: nothing is built of it here."""
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {}, "GATEWAY_RESOLVER": f"{__name__}.find"}
    monkeypatch.setattr(Tenants, "live", False)
    return lambda live: monkeypatch.setattr(Tenants, "live", live)


def test_what_a_test_account_took_pays_nothing_from_the_moment_its_tenant_is_live(
    table: Callable[[bool | None], None],
) -> None:
    Transaction.create("5.00", gateway_name="ann", order_reference="1001", **NEW_CARD)
    paid = Transaction.objects.paid_for
    assert paid("1001", gateway_name="ann").exists()
    table(True)
    assert not paid("1001", gateway_name="ann").exists()


def test_a_row_is_of_the_account_that_its_tenant_has_now(
    table: Callable[[bool | None], None],
) -> None:
    assert OperationFactory(gateway_name="ann").live is False
    table(True)
    assert OperationFactory(gateway_name="ann").live is True


@pytest.mark.parametrize("at_the_look", [True, None])
def test_a_live_customer_is_deleted_at_the_gateway_also_where_a_test_account_was_built_last(
    table: Callable[[bool | None], None], at_the_look: bool | None
) -> None:
    """Without a tombstone the card would stay in the vault, and nobody would know of it."""
    table(True)
    customer = Customer.create("ann@example.com", gateway_name="ann", **NEW_CARD)
    table(False)
    gateways["ann"]
    table(at_the_look)
    with suppress(InvalidInput):  # nobody can be asked for a tenant who has left
        customer.delete()
    tombstone = Operation.objects.get(kind="delete_customer")
    assert (tombstone.live, tombstone.customer_id) == (True, customer.customer_id)
    assert tombstone.state == ("succeeded" if at_the_look else "new")
