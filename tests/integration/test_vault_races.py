"""Cards of one customer changed at the same moment: no raw error, and both sides alike after it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from django_dinero.exceptions import NotSent
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.sandbox.bank.records import MaskedCard
from django_dinero.services.recovery import locking
from django_dinero.services.vault import deletions, push
from tests.databases import VENDOR
from tests.faults import vault
from tests.support.racing import at_once, turns
from tests.support.recording import RecordingGateway, refuse_connection
from tests.unit.services.conftest import card, make_customer

__all__ = ["card", "make_customer"]

ALIASES = ["default"] if VENDOR == "sqlite" else ["default", "journal"]
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, databases=ALIASES)]

ROUNDS = 8
Make = Callable[..., Customer]
BUSY = {"operation_in_progress"}


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine is no reason to give up."""
    monkeypatch.setattr(locking, "CARDS_PATIENCE", 60.0)


@pytest.fixture
def cards(gateway: RecordingGateway, make_customer: Make) -> list[CreditCard]:
    """Three cards of a customer."""
    customer = make_customer()
    customer.add_card(number="4222222222222")
    customer.add_card(number="4007000000027")
    return list(customer.cards)


def make_default(pk: int) -> None:
    """Make a card the default, read in this thread."""
    row = CreditCard.objects.get(pk=pk)
    row.is_default = True
    row.save()


def edit(pk: int, zip_code: str) -> None:
    """Change another field of a card, read in this thread."""
    row = CreditCard.objects.get(pk=pk)
    row.zip = zip_code
    row.save()


def replace_number(pk: int, number: str) -> None:
    """Give a card another number."""
    row = CreditCard.objects.get(pk=pk)
    row.number = number
    row.save()


def delete(pk: int) -> None:
    """Delete a card, read in this thread."""
    CreditCard.objects.get(pk=pk).delete()


def refusals(found: list[object]) -> set[str]:
    """Return the codes among what was returned."""
    return {each for each in found if isinstance(each, str)}


def differences(gateway: RecordingGateway) -> list[str]:
    """Push and delete what found the cards being changed; return how the two vaults differ."""
    for tombstone in Operation.objects.filter(kind="delete_card", state="new"):
        deletions.push_delete(tombstone.key)
    for row in CreditCard.objects.filter(sync_state="pending"):
        push.push_card(row.pk)
    assert not Operation.objects.exclude(state__in=("succeeded", "declined", "failed")).exists()
    return list(vault.differences(gateway.bank))


def test_defaults_at_once_leave_one(gateway: RecordingGateway, cards: list[CreditCard]) -> None:
    for _round in range(ROUNDS):
        found = at_once(*[partial(make_default, row.pk) for row in cards for _twice in range(2)])
        assert refusals(found) == set()
        assert differences(gateway) == []
        assert CreditCard.objects.filter(default_of__isnull=False).count() == 1


def test_whatever_is_done_to_cards_at_once_leaves_both_sides_alike(
    gateway: RecordingGateway, cards: list[CreditCard]
) -> None:
    customer = cards[0].customer
    for n in range(ROUNDS):
        rows = list(CreditCard.objects.order_by("pk"))
        add: Callable[[], Any] = partial(
            Customer.objects.get(pk=customer.pk).add_card,
            number="4012888818888",
            zip=f"{n:05}",
            is_default=n % 2 == 0,
        )
        found = at_once(
            partial(make_default, rows[0].pk),
            partial(make_default, rows[1].pk),
            partial(edit, rows[0].pk, f"{n + 100:05}"),
            partial(replace_number, rows[1].pk, ("5424000000000015", "4007000000027")[n % 2]),
            partial(delete, rows[2].pk),
            add,
        )
        assert refusals(found) <= BUSY
        assert differences(gateway) == []
        assert CreditCard.objects.filter(default_of__isnull=False).count() == 1


def test_a_default_that_moves_while_its_customer_is_retrieved_leaves_both_sides_alike(
    gateway: RecordingGateway, cards: list[CreditCard]
) -> None:
    customer_id = cards[0].customer_id
    for n in range(ROUNDS):
        # Changed elsewhere, so that the rows of all cards are written.
        for row in cards:
            source = MaskedCard(row.last_4, 1 + n % 12, 2040)
            gateway.bank.update_card(customer_id, row.card_id, source, {"zip": f"{n:05}"})
        chosen = cards[n % len(cards)].pk
        found = at_once(
            partial(make_default, chosen),
            partial(Customer.retrieve, customer_id),
            partial(Customer.retrieve, customer_id),
        )
        assert refusals(found) == set()
        Customer.retrieve(customer_id)  # what was changed elsewhere while another one was read
        assert differences(gateway) == []
        assert CreditCard.objects.get(default_of__isnull=False).pk == chosen


def test_a_card_that_is_retrieved_while_it_is_stored_has_one_row(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    customer_id = str(customer.customer_id)
    for n in range(ROUNDS):
        found = at_once(
            partial(customer.add_card, number="4222222222222", zip=f"{n:05}", is_default=True),
            *[partial(Customer.retrieve, customer_id)] * 3,
        )
        assert refusals(found) == set()
        assert differences(gateway) == []
        CreditCard.objects.order_by("pk").last().delete()  # type: ignore[union-attr]


def test_whoever_edits_first_and_chooses_then_waits_for_nobody_who_waits_for_it(
    gateway: RecordingGateway, cards: list[CreditCard]
) -> None:
    def edit_and_choose(edited: int, chosen: int) -> None:
        with transaction.atomic():
            edit(edited, "77777")
            make_default(chosen)

    def choose_by_key(pk: int) -> None:
        values: dict[str, Any] = {"is_default": True}
        CreditCard.objects.update_or_create(pk=pk, defaults=values)

    a, b, c = (row.pk for row in cards)
    for _round in range(ROUNDS):
        found = at_once(
            *(partial(edit_and_choose, a, b), partial(edit_and_choose, c, a)),
            *(partial(choose_by_key, a), partial(choose_by_key, c), partial(make_default, b)),
        )
        assert refusals(found) == set()
        assert differences(gateway) == []


def test_cards_of_several_customers_are_deleted_at_once(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    numbers = ("4222222222222", "4007000000027", "4012888818888")
    for n in range(ROUNDS // 2):
        one, other = (make_customer(email=f"{n}-{m}@example.com") for m in range(2))
        for number in numbers:
            one.add_card(number=number)
            other.add_card(number=number)

        def delete_all(last_4s: tuple[str, str]) -> None:
            CreditCard.objects.filter(last_4__in=last_4s).delete()

        found = at_once(
            partial(delete_all, ("1111", "0027")), partial(delete_all, ("2222", "8888"))
        )
        assert refusals(found) <= BUSY
        assert differences(gateway) == []


def test_a_card_that_is_deleted_and_stored_again_at_once_is_there_or_not(
    gateway: RecordingGateway, cards: list[CreditCard]
) -> None:
    customer = cards[0].customer
    for _round in range(ROUNDS):
        row = CreditCard.objects.get(last_4="2222")
        add = partial(Customer.objects.get(pk=customer.pk).add_card, number="4222222222222")
        found = at_once(partial(delete, row.pk), add)
        assert refusals(found) <= {*BUSY, "duplicate_card"}
        assert differences(gateway) == []
        if not CreditCard.objects.filter(last_4="2222").exists():
            customer.add_card(number="4222222222222")


def test_a_push_sends_what_the_row_says_when_its_turn_comes(
    gateway: RecordingGateway, cards: list[CreditCard]
) -> None:
    with turns() as workers:
        gateway.faults["update_card"] = workers.hold
        workers.stops_in_the_call(partial(edit, cards[0].pk, "99999"))
        workers.waits(partial(make_default, cards[1].pk))
        workers.waits(partial(make_default, cards[2].pk))
    sent = {args[0].card_id: args[0] for verb, args in gateway.calls if verb == "update_card"}
    assert not sent[cards[1].card_id].is_default
    assert sent[cards[2].card_id].is_default
    assert list(vault.differences(gateway.bank)) == []


def test_a_row_that_was_pushed_while_it_waited_for_its_turn_is_not_pushed_again(
    gateway: RecordingGateway, cards: list[CreditCard]
) -> None:
    with turns() as workers:
        gateway.faults["update_card"] = workers.hold
        workers.stops_in_the_call(partial(edit, cards[0].pk, "99999"))
        workers.waits(partial(edit, cards[1].pk, "11111"))
        workers.waits(partial(push.push_card, cards[1].pk))
    assert gateway.verbs.count("update_card") == 2
    last = Operation.objects.get(state="failed")
    assert last.outcome == {"error": "nothing left to push"}
    assert list(vault.differences(gateway.bank)) == []


def test_a_customer_is_pushed_as_the_row_says_when_its_turn_comes(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    """A worker that read the row before another one pushed must not send the old values."""
    customer = make_customer()
    for n in range(ROUNDS):
        at_once(*[partial(edit_customer, customer.pk, f"{n}-{m}@example.com") for m in range(4)])
        assert list(vault.differences(gateway.bank)) == []


def test_edits_of_different_fields_at_once_all_count(
    gateway: RecordingGateway, cards: list[CreditCard]
) -> None:
    names = ("city", "company", "zip", "phone")
    for n in range(ROUNDS):
        at_once(*[partial(set_field, cards[0].pk, name, f"{n}") for name in names])
        row = CreditCard.objects.get(pk=cards[0].pk)
        assert [getattr(row, name) for name in names] == [f"{n}"] * 4
        assert differences(gateway) == []


def set_field(pk: int, name: str, value: str) -> None:
    """Change one field of a card, read in this thread."""
    row = CreditCard.objects.get(pk=pk)
    setattr(row, name, value)
    row.save()


def test_a_customer_that_is_stored_again_while_its_delete_is_sent_is_there_or_not(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    again = partial(make_customer, idempotency_key="sign-up-1")
    for _round in range(ROUNDS):
        again()
        gateway.faults["delete_customer"] = refuse_connection
        with pytest.raises(NotSent):
            Customer.objects.get().delete()
        waiting = Operation.objects.get(kind="delete_customer", state="new")
        found = at_once(partial(deletions.push_delete, waiting.key), again)
        assert refusals(found) <= BUSY
        if not Customer.objects.exists():
            again()
        for tombstone in Operation.objects.filter(kind="delete_customer", state="new"):
            deletions.push_delete(tombstone.key)
        assert list(vault.differences(gateway.bank)) == []


def edit_customer(pk: int, email: str) -> None:
    """Change a customer, read in this thread."""
    row = Customer.objects.get(pk=pk)
    row.email = email
    row.save()


def test_a_customer_that_is_deleted_while_its_default_moves_takes_all_along(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    for n in range(ROUNDS):
        customer = make_customer(email=f"{n}@example.com")
        second = customer.add_card(number="4222222222222")
        found = at_once(
            partial(make_default_if_there, second.pk),
            partial(make_default_if_there, customer.cards[0].pk),
            partial(Customer.delete, Customer.objects.get(pk=customer.pk)),
        )
        assert refusals(found) <= {*BUSY, "customer_not_found", "card_not_found"}
        assert list(vault.differences(gateway.bank)) == []


def make_default_if_there(pk: int) -> None:
    """As :func:`make_default`; the card may be gone before it is read, or before it is written."""
    try:
        make_default(pk)
    except CreditCard.DoesNotExist:
        pass
    except DatabaseError as error:  # of a row that is gone, and no other
        if "did not affect any rows" not in str(error):
            raise
