"""Which card is the default: the same one here and at the gateway, whatever was lost on the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from django_dinero.enums import ReasonKind
from django_dinero.exceptions import (
    CardNotFoundError,
    InvalidInput,
    NeedsAttention,
    OperationInProgress,
    OutcomeUnknown,
)
from django_dinero.gateways.types import LookupResult, Reason, Refusal, RemoteCard
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.services.recovery import locking
from django_dinero.services.recovery.lookup import look_up
from django_dinero.services.vault import deletions
from django_dinero.services.vault import push as vault_push
from tests.faults import vault
from tests.support.recording import (
    RecordingGateway,
    answer,
    lose_reply,
    lose_request,
    refuse_connection,
)

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]
Call = Callable[[], Any]
PAST = "2020-01-01T00:00:00Z"
SECOND: dict[str, Any] = {"number": "4222222222222", "month": 1, "year": 2031}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits: what would finish first is further up in the same thread."""
    monkeypatch.setattr(locking, "CARDS_PATIENCE", 0.0)


@pytest.fixture
def two(gateway: RecordingGateway, make_customer: Make) -> tuple[CreditCard, CreditCard]:
    """A customer's two cards; the first is the default."""
    customer = make_customer()
    return customer.cards[0], customer.add_card(**SECOND)


def defaults() -> list[str]:
    """Return the last digits of the default cards here."""
    return [card.last_4 for card in CreditCard.objects.order_by("pk") if card.is_default]


def make_default(row: CreditCard) -> None:
    """Do it as another process does, which has an instance of its own."""
    card = CreditCard.objects.get(pk=row.pk)
    card.is_default = True
    card.save()


def settle(gateway: RecordingGateway) -> list[str]:
    """Look up what has no answer, push what waits; return how the two vaults differ."""
    Operation.objects.update(lease_until=PAST)
    for operation in Operation.objects.filter(state__in=("sent", "unknown")):
        look_up(operation)
        Operation.objects.filter(pk=operation.pk).update(quarantine_until=PAST)
        look_up(operation)
    for card in CreditCard.objects.filter(sync_state__in=("pending", "error")):
        vault_push.push_card(card.pk)
    assert not Operation.objects.filter(state__in=("new", "sent", "unknown")).exists()
    return list(vault.differences(gateway.bank))


# -- A reply that was lost -------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [lose_reply, lose_request])
@pytest.mark.parametrize("is_default", [True, False])
def test_a_card_whose_reply_was_lost_keeps_its_place(
    gateway: RecordingGateway, make_customer: Make, is_default: bool, lost: Any
) -> None:
    customer = make_customer()
    gateway.faults["add_card"] = lost
    with pytest.raises(OutcomeUnknown):
        customer.add_card(**SECOND, is_default=is_default)
    assert defaults() == ["1111"]
    assert settle(gateway) == []
    assert defaults() == ["2222" if is_default and lost is lose_reply else "1111"]


def test_a_first_card_whose_reply_was_lost_is_the_default(gateway: RecordingGateway) -> None:
    customer = Customer.create("bill@example.com")
    gateway.faults["add_card"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        customer.add_card(**SECOND)
    assert settle(gateway) == []
    assert defaults() == ["2222"]


def test_a_default_that_was_chosen_after_a_lost_one_stays(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    gateway.faults["add_card"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        two[0].customer.add_card(number="4007000000027", is_default=True)
    gateway.faults["find_operation"] = refuse_connection
    make_default(two[1])
    two[1].refresh_from_db()
    assert two[1].sync_state == "pending"
    assert settle(gateway) == []
    assert defaults() == ["2222"]


def test_an_edit_that_waits_is_no_choice_of_a_default(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    gateway.faults["add_card"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        two[0].customer.add_card(number="4007000000027", is_default=True)
    two[0].zip = "99999"
    two[0].save()
    assert settle(gateway) == []
    assert defaults() == ["0027"]
    assert CreditCard.objects.get(last_4="1111").zip == "99999"


def test_a_gateway_that_tells_no_default_is_told_ours(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.faults["add_card"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        customer.add_card(**SECOND, is_default=True)
    stored = gateway.bank.customer(customer.customer_id or "").cards[1]
    told = RemoteCard(stored.customer_id, stored.id, "2222", month=1, year=2031)
    gateway.faults["find_operation"] = answer(LookupResult((told,)))
    assert look_up(Operation.objects.get(kind="add_card")).state == "succeeded"
    found = CreditCard.objects.get(last_4="2222")
    assert (found.is_default, found.sync_state) == (True, "pending")
    assert settle(gateway) == []


def test_a_found_card_that_was_mirrored_meanwhile_stays_as_it_is(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.faults["add_card"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        customer.add_card(**SECOND, is_default=True)
    Customer.retrieve(customer.customer_id or "")
    row = CreditCard.objects.get(last_4="2222")
    assert settle(gateway) == []
    assert CreditCard.objects.get(last_4="2222").pk == row.pk
    assert defaults() == ["2222"]


@pytest.mark.parametrize("lost", [lose_reply, lose_request])
def test_a_default_whose_reply_was_lost_is_pushed_again(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard], lost: Any
) -> None:
    gateway.faults["update_card"] = lost
    with pytest.raises(OutcomeUnknown):
        make_default(two[1])
    make_default(two[0])
    assert settle(gateway) == []
    assert defaults() == ["1111"]


# -- Two at once -----------------------------------------------------------------------------------


def test_two_changes_of_the_default_at_once_leave_both_sides_alike(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    def meanwhile(call: Call) -> Any:
        make_default(two[0])
        return call()

    gateway.faults["update_card"] = meanwhile
    make_default(two[1])
    assert defaults() == ["1111"]
    # The second one found the cards being changed, and went on waiting.
    assert CreditCard.objects.get(pk=two[0].pk).sync_state == "pending"
    assert settle(gateway) == []
    assert defaults() == ["1111"]


@pytest.mark.parametrize("meanwhile", ["taken", "given"])
def test_a_new_number_does_not_decide_about_a_default_that_moved_meanwhile(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard], meanwhile: str
) -> None:
    """Between the gateway's answer and the row, and with an instance that was read before."""
    mine, other = two if meanwhile == "taken" else (two[1], two[0])

    def moved(call: Call) -> Any:
        done = call()
        make_default(other if meanwhile == "taken" else mine)
        return done

    gateway.faults["update_card"] = moved
    row = CreditCard.objects.get(pk=mine.pk)
    row.number = "4007000000027"
    row.save()
    assert row.is_default == (meanwhile == "given")
    assert settle(gateway) == []
    assert defaults() == ["2222" if meanwhile == "taken" else "0027"]
    mark = gateway.mark
    row.save()
    assert gateway.since(mark) == []


def test_a_new_number_says_what_the_row_says_of_the_default(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    stale = CreditCard.objects.get(pk=two[0].pk)
    make_default(two[1])
    stale.number = "4007000000027"
    stale.save()
    assert defaults() == ["2222"]
    assert settle(gateway) == []


def test_a_new_number_may_come_with_the_default(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    card = two[1]
    card.number, card.is_default = "4007000000027", True
    card.save()
    assert defaults() == ["0027"]
    assert list(vault.differences(gateway.bank)) == []


def test_a_card_that_was_deleted_gets_no_new_number(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    stale = CreditCard.objects.get(pk=two[1].pk)
    two[1].delete()
    mark = gateway.mark
    stale.number = "4007000000027"
    with pytest.raises(CardNotFoundError) as caught:
        stale.save()
    assert gateway.since(mark) == []
    assert caught.value.operation is not None
    assert caught.value.operation.state == "failed"


def test_an_instance_that_was_read_before_does_not_bring_its_default_back(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    stale = CreditCard.objects.get(pk=two[0].pk)
    make_default(two[1])
    stale.zip = "99999"
    stale.save()
    assert not stale.is_default
    assert defaults() == ["2222"]
    assert list(vault.differences(gateway.bank)) == []


def test_a_choice_counts_whatever_the_instance_was_before(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    stale = CreditCard.objects.get(pk=two[0].pk)
    make_default(two[1])
    stale.is_default = True
    stale.save(update_fields=["zip"])
    assert defaults() == ["2222"]
    stale.save()
    assert stale.is_default
    assert defaults() == ["1111"]
    assert list(vault.differences(gateway.bank)) == []


@pytest.mark.parametrize("fields", [{"default_of"}, None])
def test_a_card_that_was_read_in_part_can_be_made_the_default(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard], fields: set[str] | None
) -> None:
    card = CreditCard.objects.only("zip", "customer_id", "card_id").get(pk=two[1].pk)
    card.is_default = True
    card.save(update_fields=fields)
    assert defaults() == ["2222"]
    assert list(vault.differences(gateway.bank)) == []


@pytest.mark.parametrize("names", [["zip"], []])
def test_a_save_that_does_not_write_the_default_takes_it_from_nobody(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard], names: list[str]
) -> None:
    two[1].is_default, two[1].zip = True, "99999"
    two[1].save(update_fields=names)
    assert defaults() == ["1111"]
    two[1].save()
    assert defaults() == ["2222"]
    assert list(vault.differences(gateway.bank)) == []


def check_a_choice_that_was_rolled_back(cards: tuple[CreditCard, CreditCard]) -> None:
    """A save that is tried again after a rollback writes what the first one wrote."""
    card = CreditCard.objects.get(pk=cards[1].pk)
    for _time in range(2):
        with pytest.raises(KeyError), transaction.atomic():
            card.is_default = True
            card.save()
            raise KeyError
    assert defaults() == ["1111"]
    card.save()
    assert defaults() == ["2222"]


def check_a_choice_that_was_overtaken(cards: tuple[CreditCard, CreditCard]) -> None:
    """A card that lost the default since does not take it back, in one transaction or another."""
    first, second = (CreditCard.objects.get(pk=card.pk) for card in cards)
    with transaction.atomic():
        second.is_default = True
        second.save()
        first.is_default = True
        first.save()
        second.zip = "77777"
        second.save()
    assert defaults() == ["1111"]
    with transaction.atomic():
        second.is_default = True
        second.save()
    make_default(cards[0])
    second.zip = "88888"
    second.save()
    assert defaults() == ["1111"]


CHECKS = (check_a_choice_that_was_rolled_back, check_a_choice_that_was_overtaken)


@pytest.mark.parametrize("check", CHECKS)
def test_choices_in_transactions(
    gateway: RecordingGateway,
    two: tuple[CreditCard, CreditCard],
    check: Callable[[tuple[CreditCard, CreditCard]], None],
) -> None:
    check(two)
    assert list(vault.differences(gateway.bank)) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("check", CHECKS)
def test_choices_in_transactions_that_are_committed(
    gateway: RecordingGateway,
    two: tuple[CreditCard, CreditCard],
    check: Callable[[tuple[CreditCard, CreditCard]], None],
) -> None:
    check(two)
    assert list(vault.differences(gateway.bank)) == []


def test_a_default_that_comes_back_is_pushed_again(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    CreditCard.objects.filter(pk=two[0].pk).update(zip="99999")
    make_default(two[1])
    first = CreditCard.objects.get(pk=two[0].pk)
    assert first.sync_state == "pending"
    first.zip, first.is_default = "12345", True  # as the gateway had it last
    first.save()
    assert defaults() == ["1111"]
    assert list(vault.differences(gateway.bank)) == []


# -- Not by itself, and not nobody -----------------------------------------------------------------


def test_the_default_is_taken_away_by_another_card_only(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    mark = gateway.mark
    two[0].is_default = False
    with pytest.raises(InvalidInput) as caught:
        two[0].save()
    assert caught.value.errors == {"is_default": ["Make another card the default one instead."]}
    two[0].save(update_fields=["zip"])
    assert defaults() == ["1111"]
    assert gateway.since(mark) == []


def test_a_deleted_default_passes_on_to_the_first_of_the_others(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    customer = two[0].customer
    customer.add_card(number="4007000000027")
    two[0].delete()
    assert defaults() == ["2222"]
    assert customer.card_id == two[1].card_id
    assert list(vault.differences(gateway.bank)) == []
    CreditCard.objects.filter(last_4="2222").delete()
    assert defaults() == ["0027"]
    assert list(vault.differences(gateway.bank)) == []


def test_a_heir_that_is_refused_says_so_on_its_row_alone(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    refusal = Refusal((Reason(ReasonKind.GATEWAY_ERROR, "E1", "not today"),))
    gateway.faults["update_card"] = answer(refusal)
    two[0].delete()
    heir = CreditCard.objects.get()
    assert (heir.is_default, heir.sync_state, heir.sync_error) == (True, "error", "not today")
    assert settle(gateway) == []


def test_a_new_card_may_be_the_default_before_it_has_a_customer(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    card = CreditCard()
    card.number, card.is_default = "4007000000027", True
    two[0].customer.cards.add(card)
    assert defaults() == ["0027"]
    assert list(vault.differences(gateway.bank)) == []


def test_a_second_card_is_not_the_default_where_the_gateway_names_none(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    gateway.bank.delete_card(two[0].customer_id, two[0].card_id)
    CreditCard.objects.all()._raw_delete("default")
    customer = Customer.retrieve(two[0].customer_id)
    assert defaults() == []
    assert customer.card_id == two[1].card_id
    customer.add_card(number="4007000000027")
    assert defaults() == []
    assert list(vault.differences(gateway.bank)) == []


def test_a_default_that_never_reached_the_gateway_and_was_deleted_leaves_both_sides_alike(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    gateway.faults["update_card"] = lose_request
    with pytest.raises(OutcomeUnknown):
        make_default(two[1])
    with pytest.raises(OutcomeUnknown):
        CreditCard.objects.get(pk=two[1].pk).delete()
    assert defaults() == ["1111"]
    Operation.objects.update(quarantine_until=PAST)
    look_up(Operation.objects.get(state="unknown"))
    for tombstone in Operation.objects.filter(kind="delete_card", state="new"):
        deletions.push_delete(tombstone.key)
    assert settle(gateway) == []


def test_a_customer_that_is_deleted_passes_nothing_on(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    mark = gateway.mark
    two[0].customer.delete()
    assert gateway.since(mark) == ["delete_customer"]
    assert not CreditCard.objects.exists()


def test_a_default_that_the_gateway_lost_passes_on(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    gateway.bank.delete_card(two[0].customer_id, two[0].card_id)
    two[0].zip = "99999"
    with pytest.raises(CardNotFoundError):
        two[0].save()
    assert (two[0].sync_state, two[0].is_default) == ("missing", False)
    assert defaults() == ["2222"]
    assert gateway.bank.card(two[1].customer_id, two[1].card_id).is_default


def test_a_default_that_the_gateway_does_not_have_leaves_the_old_one(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    gateway.bank.delete_card(two[1].customer_id, two[1].card_id)
    with pytest.raises(CardNotFoundError):
        make_default(two[1])
    assert defaults() == ["1111"]
    assert CreditCard.objects.get(last_4="1111").sync_state == "synced"


# -- What the gateway knows better -----------------------------------------------------------------


def test_a_new_number_whose_reply_was_lost_is_shown_beside_an_edit_that_waits(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    card = CreditCard.objects.get(pk=two[0].pk)
    gateway.faults["update_card"] = lose_reply
    card.number, card.month, card.year = "4007000000027", 11, 2033
    with pytest.raises(OutcomeUnknown):
        card.save()
    edited = CreditCard.objects.get(pk=card.pk)
    edited.zip = "99999"
    with pytest.raises(OutcomeUnknown):
        edited.save()
    assert settle(gateway) == []
    edited.refresh_from_db()
    assert (edited.last_4, edited.month, edited.year) == ("0027", 11, 2033)
    assert (edited.zip, edited.sync_state, edited.is_default) == ("99999", "synced", True)


def test_an_edit_of_the_date_waits_beside_a_number_that_stayed(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    CreditCard.objects.filter(pk=two[0].pk).update(month=3)
    found = Customer.retrieve(two[0].customer_id).cards[0]
    assert (found.month, found.sync_state) == (3, "pending")
    CreditCard.objects.filter(pk=two[0].pk).update_without_push(last_4="9999", brand="")
    found = Customer.retrieve(two[0].customer_id).cards[0]
    assert (found.last_4, found.brand, found.month) == ("1111", "visa", 12)
    assert found.sync_state == "pending"


def test_facts_of_an_answer_that_is_older_than_the_row_are_not_written(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    CreditCard.objects.filter(pk=two[0].pk).update(zip="99999")

    def late(call: Call) -> Any:
        found = call()
        CreditCard.objects.filter(pk=two[0].pk).update(last_4="0027", zip="88888")
        old = replace(found.cards[0], last_4="1111")
        return replace(found, cards=(old, *found.cards[1:]))

    gateway.faults["retrieve_customer"] = late
    found = Customer.retrieve(two[0].customer_id).cards[0]
    assert (found.last_4, found.zip) == ("0027", "88888")


def test_a_push_brings_back_what_the_gateway_says_of_the_number(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    CreditCard.objects.filter(pk=two[0].pk).update_without_push(last_4="9999", brand="")
    two[0].zip = "99999"
    two[0].save(update_fields=["zip"])
    two[0].refresh_from_db()
    assert (two[0].last_4, two[0].brand) == ("1111", "visa")


@pytest.mark.parametrize("model", [Customer, CreditCard])
def test_old_values_that_come_back_after_a_lost_push_are_pushed(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard], model: Any
) -> None:
    name = "email" if model is Customer else "zip"
    pk = two[0].customer_pk if model is Customer else two[0].pk
    old = getattr(model.objects.get(pk=pk), name)
    gateway.faults["update_customer" if model is Customer else "update_card"] = lose_reply
    for value in ("new@example.com", old):
        row = model.objects.get(pk=pk)
        setattr(row, name, value)
        with pytest.raises(OutcomeUnknown):
            row.save()
        row.refresh_from_db()
        assert row.sync_state == "error"
    Operation.objects.update(quarantine_until=PAST)
    assert look_up(Operation.objects.get(state="unknown")).state == "absent"
    push = vault_push.push_customer if model is Customer else vault_push.push_card
    push(pk)
    assert list(vault.differences(gateway.bank)) == []


# -- One at a time ---------------------------------------------------------------------------------


def hold(card: CreditCard, state: str, card_id: str = "") -> Operation:
    """Let another operation hold the customer's cards."""
    target = card.lock_name
    return Operation.objects.create(
        kind="update_card",
        gateway_name="default",
        lock_name=target,
        held_lock=target,
        state=state,
        customer_id=card.customer_id,
        card_id=card_id,
        lease_until="2999-01-01T00:00:00Z",
        quarantine_until="2999-01-01T00:00:00Z",
    )


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("sent", OperationInProgress),
        ("unknown", OperationInProgress),
        ("needs_attention", NeedsAttention),
    ],
)
def test_a_card_is_not_added_while_another_one_is_on_its_way(
    gateway: RecordingGateway,
    two: tuple[CreditCard, CreditCard],
    state: str,
    error: type[Exception],
) -> None:
    holder = hold(two[0], state, two[0].card_id)
    mark = gateway.mark
    with pytest.raises(error) as caught:
        two[0].customer.add_card(number="4007000000027")
    assert type(caught.value) is error
    assert caught.value.operation == holder  # type: ignore[attr-defined]
    assert "add_card" not in gateway.since(mark)


def test_what_is_unknown_of_another_card_is_not_said_of_this_one(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    holder = hold(two[0], "unknown", two[0].card_id)
    two[1].zip = "99999"
    two[1].save()
    assert two[1].sync_state == "pending"
    two[0].zip = "99999"
    with pytest.raises(OutcomeUnknown) as caught:
        two[0].save()
    assert caught.value.operation == holder
    with pytest.raises(OperationInProgress):
        two[1].delete()
    assert Operation.objects.filter(kind="delete_card", state="new").exists()


def test_cards_of_other_customers_are_free(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard], make_customer: Make
) -> None:
    hold(two[0], "sent")
    other = make_customer(email="other@example.com")
    make_default(other.add_card(**SECOND))
    assert list(vault.differences(gateway.bank)) == []


def test_a_name_that_is_too_long_for_the_column_is_cut(gateway: RecordingGateway) -> None:
    card = CreditCard(gateway_name="g" * 64, customer_id="c" * 255)
    assert len(card.lock_name) == Operation._meta.get_field("lock_name").max_length


def test_nobody_waits_for_what_has_been_sent_for_long(
    gateway: RecordingGateway,
    two: tuple[CreditCard, CreditCard],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def sleep(seconds: float) -> None:
        raise AssertionError("it waits")

    monkeypatch.setattr(locking, "CARDS_PATIENCE", 60.0)
    monkeypatch.setattr(time, "sleep", sleep)
    holder = hold(two[0], "sent")
    with pytest.raises(AssertionError, match="it waits"):
        two[0].customer.add_card(number="4007000000027")
    Operation.objects.filter(pk=holder.pk).update(updated_at=PAST)
    with pytest.raises(OperationInProgress):
        two[0].customer.add_card(number="4007000000027")


@pytest.mark.autonomous
@pytest.mark.django_db(transaction=True, databases="__all__")
def test_nobody_waits_in_a_transaction_whose_journal_is_apart(
    gateway: RecordingGateway,
    two: tuple[CreditCard, CreditCard],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(locking, "CARDS_PATIENCE", 3600.0)
    hold(two[0], "sent")
    with pytest.raises(OperationInProgress), transaction.atomic():
        two[0].customer.add_card(number="4007000000027")


def test_the_caller_of_a_transaction_is_not_made_to_wait(
    gateway: RecordingGateway,
    two: tuple[CreditCard, CreditCard],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(locking, "CARDS_PATIENCE", 3600.0)
    hold(two[0], "sent")
    with pytest.raises(OperationInProgress), transaction.atomic():
        two[0].customer.add_card(number="4007000000027")


# -- Deletes that wait -----------------------------------------------------------------------------


@pytest.fixture
def waiting(gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]) -> Operation:
    """The delete of the second card, which found the cards being changed."""
    holder = hold(two[0], "sent")
    with pytest.raises(OperationInProgress):
        two[1].delete()
    Operation.objects.filter(pk=holder.pk).update(state="failed", held_lock=None)
    return Operation.objects.get(kind="delete_card")


def test_a_card_that_is_only_still_to_be_deleted_is_no_match_of_a_lost_one(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard], waiting: Operation
) -> None:
    gateway.faults["add_card"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        two[0].customer.add_card(**SECOND, zip="54321")
    assert look_up(Operation.objects.latest("pk")).state == "succeeded"
    deletions.push_delete(waiting.key)
    assert settle(gateway) == []
    assert [card.zip for card in two[0].customer.cards] == ["12345", "54321"]


@pytest.mark.parametrize("state", ["new", "absent"])
def test_a_card_that_is_stored_again_is_not_deleted_any_more(
    gateway: RecordingGateway,
    two: tuple[CreditCard, CreditCard],
    waiting: Operation,
    state: str,
) -> None:
    Operation.objects.filter(pk=waiting.pk).update(state=state)
    again = two[0].customer.add_card(**SECOND)
    assert again.card_id == two[1].card_id
    waiting.refresh_from_db()
    assert (waiting.state, waiting.outcome) == ("failed", {"error": "stored again"})
    deletions.push_delete(waiting.key)
    assert list(vault.differences(gateway.bank)) == []


def test_a_delete_whose_worker_died_before_it_was_sent_lets_go(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard], waiting: Operation
) -> None:
    assert locking.take_lock(gateway, waiting)
    with pytest.raises(OperationInProgress):
        two[0].customer.add_card(number="4007000000027")
    Operation.objects.update(lease_until=PAST)
    two[0].customer.add_card(number="4007000000027")
    waiting.refresh_from_db()
    assert (waiting.state, waiting.held_lock, waiting.lease_until) == ("new", None, None)
    deletions.push_delete(waiting.key)
    assert list(vault.differences(gateway.bank)) == []


def test_a_delete_that_was_closed_while_it_waited_for_its_turn_holds_nothing(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard], waiting: Operation
) -> None:
    old = Operation.objects.get(pk=waiting.pk)
    two[0].customer.add_card(**SECOND)
    assert not locking.take_lock(gateway, old)
    assert (old.state, old.held_lock) == ("failed", None)


def test_what_is_closed_cannot_hold_anything(two: tuple[CreditCard, CreditCard]) -> None:
    holder = hold(two[0], "sent")
    with pytest.raises(IntegrityError), transaction.atomic():
        Operation.objects.filter(pk=holder.pk).update(state="failed")


# -- Workers that were taken for dead --------------------------------------------------------------


def slow(meanwhile: Callable[[Operation], object]) -> Callable[[Call], Any]:
    """The worker stops behind the gateway's answer until lease and quarantine are over."""

    def late(call: Call) -> Any:
        done = call()
        Operation.objects.filter(state="sent").update(lease_until=PAST, quarantine_until=PAST)
        meanwhile(Operation.objects.get(state="sent"))
        return done

    return late


def test_a_new_number_that_comes_too_late_is_pushed_once_more(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    def meanwhile(operation: Operation) -> None:
        assert look_up(operation).state == "absent"
        make_default(two[0])

    gateway.faults["update_card"] = slow(meanwhile)
    two[1].number, two[1].is_default = "4007000000027", True
    two[1].save()
    two[1].refresh_from_db()
    assert (two[1].last_4, two[1].sync_state) == ("0027", "pending")
    assert settle(gateway) == []
    assert defaults() == ["0027"]


def test_a_card_that_comes_too_late_is_not_written_beside_the_one_that_was_found(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    def meanwhile(operation: Operation) -> None:
        assert look_up(operation).state == "succeeded"
        CreditCard.objects.get(last_4="0027").delete()

    gateway.faults["add_card"] = slow(meanwhile)
    with pytest.raises(OutcomeUnknown, match="read the cards again"):
        two[0].customer.add_card(number="4007000000027", is_default=True)
    assert not CreditCard.objects.filter(last_4="0027").exists()
    assert settle(gateway) == []


def test_a_card_that_was_proven_absent_too_early_is_written_and_pushed(
    gateway: RecordingGateway, two: tuple[CreditCard, CreditCard]
) -> None:
    def meanwhile(operation: Operation) -> None:
        gateway.faults["find_operation"] = answer(LookupResult())
        assert look_up(operation).state == "absent"
        make_default(two[1])

    gateway.faults["add_card"] = slow(meanwhile)
    card = two[0].customer.add_card(number="4007000000027", is_default=True)
    assert not Operation.objects.filter(state="absent").exists()
    assert card.is_default
    assert settle(gateway) == []


@pytest.mark.parametrize("kind", ["add_card", "create_customer"])
def test_the_slower_of_two_look_ups_writes_nothing(
    gateway: RecordingGateway, make_customer: Make, kind: str
) -> None:
    """What the faster one found was changed and deleted since."""
    customer = make_customer() if kind == "add_card" else None
    gateway.faults[kind] = lose_reply
    with pytest.raises(OutcomeUnknown):
        if customer is not None:
            customer.add_card(**SECOND, is_default=True)
        else:
            make_customer()

    def overtaken(call: Call) -> Any:
        found = call()
        assert look_up(Operation.objects.get(state="unknown")).state == "succeeded"
        owner = Customer.objects.get()
        owner.email = "new@example.com"
        owner.save()
        if kind == "add_card":
            CreditCard.objects.get(last_4="2222").delete()
        else:
            owner.add_card(**SECOND, is_default=True)
        return found

    gateway.faults["find_operation"] = overtaken
    assert look_up(Operation.objects.get(state="unknown")).state == "succeeded"
    assert defaults() == ["1111" if kind == "add_card" else "2222"]
    assert settle(gateway) == []
