"""The customers and cards of both sides that were touched lately."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_dinero.enums import ReasonKind
from django_dinero.exceptions import DineroError, GatewayError, NotSent
from django_dinero.gateways.types import Reason, Refusal
from django_dinero.identifiers import digest
from django_dinero.models import (
    CreditCard,
    Customer,
    Difference,
    Operation,
    Reconciliation,
    Transaction,
)
from django_dinero.models.difference import DifferenceKind
from django_dinero.services.reconcile import differences, rollbacks
from django_dinero.services.reconcile.differences import Found
from django_dinero.services.reconcile.phase import Run
from django_dinero.services.reconcile.run import reconcile
from django_dinero.services.reconcile.vault import compare_touched
from django_dinero.testing.factories import CreditCardFactory, CustomerFactory, OperationFactory
from tests.faults import vault
from tests.support.aging import grow_old
from tests.support.cards import PAST, SECOND, Make
from tests.support.recording import RecordingGateway, answer

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def swept(gateway: RecordingGateway, **given: Any) -> dict[str, int]:
    """Sweep what was touched within a day, and return what was counted."""
    run = Run(gateway, datetime.now(UTC) - DAY, **given)
    compare_touched(run)
    return {name.removeprefix("vault_"): n for name, n in run.counts.items() if n}


def be_over() -> None:
    Operation.objects.filter(lease_until__isnull=False).update(lease_until=PAST)
    Operation.objects.filter(quarantine_until__isnull=False).update(quarantine_until=PAST)


def let_hours_pass(hours: int) -> None:
    """Let this time have passed since anything was written here."""
    ago = timedelta(hours=hours)
    for operation in Operation.objects.all():
        Operation.objects.filter(pk=operation.pk).update(created_at=operation.created_at - ago)
    for rows in (Customer.objects, CreditCard.objects):
        for row in rows.all():
            rows.filter(pk=row.pk).update_without_push(updated_at=row.updated_at - ago)
    for run in Reconciliation.objects.all():
        began = run.started_at - ago / 2
        Reconciliation.objects.filter(pk=run.pk).update(started_at=began)


def rolled_back(row: Customer | CreditCard) -> None:
    """Take the row as a rollback of the caller does; its operation stays."""
    Transaction.objects.all()._raw_delete("default")
    if isinstance(row, Customer):
        CreditCard.objects.filter(customer=row)._raw_delete("default")
        kind = "create_customer"
    else:
        kind = "add_card"
    type(row).objects.filter(pk=row.pk)._raw_delete("default")
    operation = Operation.objects.filter(kind=kind).latest("pk")
    intent = {**operation.intent, "in_transaction": True}
    Operation.objects.filter(pk=operation.pk).update(intent=intent)


# -- Both sides have it --------------------------------------------------------------------------


def test_what_was_touched_is_compared_and_nothing_else(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer, other = make_customer(), make_customer(email="other@example.com")
    be_over()
    Operation.objects.filter(customer_id=other.customer_id).update(created_at=PAST)
    Customer.objects.filter(pk=other.pk).update_without_push(updated_at=PAST)
    CreditCard.objects.filter(customer=other).update_without_push(updated_at=PAST)
    mark = gateway.mark
    assert swept(gateway) == {"compared": 1}
    assert [arguments for _verb, arguments in gateway.calls[mark:]] == [(customer.customer_id,)]


@pytest.mark.parametrize(
    ("ago", "state", "since", "visited"),
    [
        (timedelta(minutes=5), "finished", DAY, 0),
        (timedelta(minutes=5), "broken", DAY, 1),
        (timedelta(hours=4), "finished", DAY, 1),
        (timedelta(minutes=5), "finished", 30 * DAY, 1),
        (timedelta(minutes=5), "a later start", DAY, 1),
        (timedelta(minutes=5), "broken elsewhere", DAY, 0),
    ],
)
def test_what_the_last_run_has_visited_is_not_visited_again(
    gateway: RecordingGateway,
    make_customer: Make,
    ago: timedelta,
    state: str,
    since: timedelta,
    visited: int,
) -> None:
    make_customer()
    be_over()
    now = datetime.now(UTC)
    touched = now - timedelta(hours=2)
    Operation.objects.update(created_at=touched)
    for rows in (Customer.objects, CreditCard.objects):
        rows.update_without_push(updated_at=touched)
    account = {"gateway_name": "default", "live": False, "since": now}
    columns: dict[str, Any] = {"state": state}
    if state == "a later start":
        columns = {"state": "finished", "is_watermark": False}
    elif state == "broken elsewhere":
        columns = {"state": "broken", "phases_done": ["vault"]}
    run = Reconciliation.objects.create(**account, **columns)
    Reconciliation.objects.filter(pk=run.pk).update(started_at=now - ago)
    again = Run(gateway, now - since)
    compare_touched(again)
    assert again.counts["vault_compared"] == visited


def test_cards_of_the_other_account_of_the_name_lead_nowhere(
    gateway: RecordingGateway,
) -> None:
    """Test and live accounts have rows of their own: what is touched there costs nothing here."""
    with CaptureQueriesContext(connection) as before:
        swept(gateway)
    CreditCardFactory(live=True, customer__live=True)
    with CaptureQueriesContext(connection) as after:
        swept(gateway)
    assert len(after) == len(before)


@pytest.mark.parametrize("what", ["operation", "card", "customer"])
def test_any_trace_is_enough(gateway: RecordingGateway, make_customer: Make, what: str) -> None:
    make_customer()
    be_over()
    if what != "operation":
        Operation.objects.update(created_at=PAST)
    if what != "customer":
        Customer.objects.update_without_push(updated_at=PAST)
    if what != "card":
        CreditCard.objects.update_without_push(updated_at=PAST)
    assert swept(gateway) == {"compared": 1}


def test_rows_take_what_the_gateway_has_and_edits_that_wait_stay(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer, edited = make_customer(), make_customer(email="edited@example.com")
    for row in (customer, edited):
        gateway.bank.update_customer(
            row.customer_id or "", key=row.customer_key, email="t@example.com"
        )
    Customer.objects.filter(pk=edited.pk).update(email="mine@example.com")
    be_over()
    assert swept(gateway, dry_run=True) == {"compared": 2, "differing": 2}
    customer.refresh_from_db()
    assert customer.email == "bill@example.com"
    assert swept(gateway) == {"compared": 2, "differing": 2}
    emails = set(Customer.objects.values_list("email", flat=True))
    assert emails == {"t@example.com", "mine@example.com"}


# -- Gone at the gateway -------------------------------------------------------------------------


def test_a_customer_that_is_gone_is_marked_and_told_until_its_row_is_deleted(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.bank.delete_customer(customer.customer_id or "")
    be_over()
    told = {"compared": 1, "gone": 1, "differences": 1}
    assert swept(gateway, dry_run=True) == told
    assert not Difference.objects.exists()
    assert swept(gateway) == told
    assert swept(gateway) == told
    difference = Difference.objects.get()
    assert (difference.kind, difference.times_seen) == ("vault_only_here", 2)
    assert difference.customer_id == customer.customer_id
    customer.refresh_from_db()
    assert customer.sync_state == CreditCard.objects.get().sync_state == "missing"
    Customer.objects.all().delete()
    assert swept(gateway)["differences_resolved"] == 1
    assert Difference.objects.get().state == "resolved"


@pytest.mark.parametrize("what", ["customer", "card", "row"])
def test_what_a_person_has_closed_does_not_come_back(
    gateway: RecordingGateway, make_customer: Make, what: str
) -> None:
    customer = make_customer()
    card = customer.cards[0]
    if what == "customer":
        gateway.bank.delete_customer(customer.customer_id or "")
    elif what == "card":
        gateway.bank.delete_card(card.customer_id, card.card_id)
    else:
        CreditCard.objects.all()._raw_delete("default")
        Customer.objects.all()._raw_delete("default")
    be_over()
    assert swept(gateway)["differences"] == 1
    Difference.objects.get().close(note="They moved to another account.", by="Ann")
    again = swept(gateway)
    assert (again["explained"], again.get("differences")) == (1, None)
    assert Difference.objects.get().state == "closed"


def test_a_card_that_is_gone_is_marked_and_told(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    card = make_customer().cards[0]
    gateway.bank.delete_card(card.customer_id, card.card_id)
    be_over()
    assert swept(gateway) == {"compared": 1, "differing": 1, "differences": 1}
    difference = Difference.objects.get()
    assert (difference.kind, difference.card_id) == ("vault_only_here", card.card_id)
    assert swept(gateway) == {"compared": 1, "differences": 1}


@pytest.mark.parametrize("case", ["row", "operation"])
def test_what_was_just_stored_is_not_called_gone(
    gateway: RecordingGateway, make_customer: Make, case: str
) -> None:
    customer = make_customer()
    gateway.bank.delete_customer(customer.customer_id or "")
    if case == "row":
        be_over()
        grow_old(10)
    assert swept(gateway) == {"compared": 1, "unsettled": 1}
    customer.refresh_from_db()
    assert customer.sync_state == "synced"


# -- Rolled back here ----------------------------------------------------------------------------


@pytest.mark.parametrize("of_a_card", [False, True])
def test_what_a_run_has_seen_here_is_not_deleted_there_when_its_row_is_gone(
    gateway: RecordingGateway, make_customer: Make, of_a_card: bool
) -> None:
    """Somebody deletes rows past this app, or restores a table from a dump."""
    customer = make_customer()
    operations = Operation.objects.filter(kind__in=("create_customer", "add_card"))
    if of_a_card:
        customer.add_card(number="5555555555554444", month="12", year="2030")
    for each in operations:
        operations.filter(pk=each.pk).update(intent={**each.intent, "in_transaction": True})
    be_over()
    swept(gateway, dry_run=True)
    assert operations.filter(intent__has_key="in_transaction").count() == 1 + of_a_card
    swept(gateway)
    assert not operations.filter(intent__has_key="in_transaction").exists()
    rows = CreditCard.objects.filter(last_4="4444") if of_a_card else CreditCard.objects.all()
    rows._raw_delete("default")
    if not of_a_card:
        Customer.objects.all()._raw_delete("default")
    counted = swept(gateway)
    assert "taken_back" not in counted
    assert not {"delete_customer", "delete_card"}.intersection(gateway.verbs)


def test_a_customer_whose_row_was_rolled_back_is_deleted_at_the_gateway(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    rolled_back(make_customer())
    assert swept(gateway) == {"unsettled": 1}
    be_over()
    assert swept(gateway, dry_run=True) == {"taken_back": 1}
    assert len(list(gateway.iter_customers())) == 1
    assert swept(gateway) == {"taken_back": 1}
    assert list(gateway.iter_customers()) == []
    delete = Operation.objects.get(kind="delete_customer")
    assert (delete.state, Customer.objects.count()) == ("succeeded", 0)
    mark = gateway.mark
    assert swept(gateway) == {}
    assert gateway.since(mark) == []


def test_a_card_whose_row_was_rolled_back_is_deleted_at_the_gateway(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    rolled_back(customer.add_card(**SECOND))
    assert swept(gateway) == {"unsettled": 1}
    assert len(customer.cards) == 1
    be_over()
    assert swept(gateway) == {"taken_back": 1, "compared": 1}
    assert list(vault.differences(gateway.bank)) == []
    assert len(customer.cards) == 1


@pytest.mark.parametrize("what", ["customer", "card"])
def test_what_has_a_row_of_another_name_of_the_account_is_not_deleted(
    gateway: RecordingGateway, make_customer: Make, what: str
) -> None:
    """Two names in the settings may stand for one account, and each pulls it whole."""
    customer = make_customer()
    row: Any = customer if what == "customer" else customer.add_card(**SECOND)
    card_id = None if row is customer else row.card_id
    rolled_back(row)
    other = CustomerFactory(gateway_name="other", customer_id=customer.customer_id)
    if card_id is not None:
        CreditCardFactory(customer=other, card_id=card_id)
    be_over()
    assert "taken_back" not in swept(gateway)
    (remote,) = gateway.iter_customers()
    assert len(remote.cards) == (1 if what == "customer" else 2)


def test_the_same_ids_at_the_other_account_of_the_name_change_nothing(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    card = customer.add_card(**SECOND)
    rolled_back(card)
    ids = {"customer_id": customer.customer_id, "live": True}
    CustomerFactory(**ids, updated_at=PAST)
    OperationFactory(**ids, kind="charge", state="succeeded", card_id=card.card_id)
    OperationFactory(**ids, kind="delete_customer", state="succeeded")
    be_over()
    assert swept(gateway) == {"taken_back": 1, "compared": 1}
    assert len(customer.cards) == 1


def test_a_card_that_was_the_default_gives_that_back(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    first = customer.cards[0]
    card = customer.add_card(**SECOND, is_default=True)
    rolled_back(card)
    CreditCard.objects.filter(pk=first.pk).update_without_push(default_of=customer.pk)
    be_over()
    assert swept(gateway) == {"taken_back": 1, "compared": 1}
    stored = gateway.bank.customer(customer.customer_id or "").cards
    assert [(each.id, each.is_default) for each in stored] == [(first.card_id, True)]
    assert CreditCard.objects.get().is_default
    assert list(vault.differences(gateway.bank)) == []


def test_a_card_whose_customer_is_deleted_here_meanwhile(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = make_customer()
    rolled_back(customer.add_card(**SECOND))
    be_over()
    is_wanted = rollbacks.is_wanted

    def deleted_meanwhile(operation: Operation) -> bool:
        customer.delete()
        return is_wanted(operation)

    monkeypatch.setattr(rollbacks, "is_wanted", deleted_meanwhile)
    assert swept(gateway) == {"unsettled": 1}
    assert list(gateway.iter_customers()) == []


def test_a_card_of_a_customer_whose_id_another_account_has_too(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    rolled_back(customer.add_card(**SECOND))
    Customer.objects.bulk_create(
        [Customer(gateway_name="default", live=True, customer_id=customer.customer_id)]
    )
    be_over()
    assert swept(gateway) == {"taken_back": 1, "compared": 1}
    assert len(gateway.bank.customer(customer.customer_id or "").cards) == 1


def test_the_delete_is_committed_before_it_is_sent_and_waits_if_it_fails(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    rolled_back(make_customer())
    be_over()
    states: list[str] = []

    def look(call: Any) -> Any:
        states.append(Operation.objects.get(kind="delete_customer").state)
        raise NotSent("no route")

    gateway.faults["delete_customer"] = look
    assert swept(gateway) == {"take_back_waits": 1}
    assert states == ["sent"]
    assert Operation.objects.filter(kind="delete_customer", state="new").count() == 1


def test_one_that_was_paid_with_gets_its_row_back(
    gateway: RecordingGateway, make_customer: Make, django_user_model: Any
) -> None:
    ann = django_user_model.objects.create(username="ann")
    customer = make_customer(owner=ann, first_name="Ann")
    customer.charge("5.00")
    rolled_back(customer)
    be_over()
    assert swept(gateway) == {"restored": 1, "compared": 1}
    row = Customer.objects.get()
    assert (row.customer_id, row.owner, row.first_name) == (customer.customer_id, ann, "Ann")
    assert len(row.cards) == 1


def test_a_row_that_lost_only_its_id_gets_it_back(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    CreditCard.objects.all()._raw_delete("default")
    Customer.objects.update_without_push(customer_id=None)
    be_over()
    assert swept(gateway) == {"restored": 1, "compared": 1}
    row = Customer.objects.get()
    assert (row.pk, row.customer_id) == (customer.pk, customer.customer_id)


def test_what_no_transaction_explains_is_left_to_a_person(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    """Rows that somebody took by hand: their customers are not deleted at the gateway."""
    customer = make_customer()
    CreditCard.objects.all()._raw_delete("default")
    Customer.objects.all()._raw_delete("default")
    be_over()
    assert swept(gateway) == {"only_there": 1, "differences": 1}
    difference = Difference.objects.get()
    assert (difference.kind, difference.customer_id) == ("vault_only_there", customer.customer_id)
    assert len(list(gateway.iter_customers())) == 1
    # The same id at the account that its gateway was before is somebody else.
    CustomerFactory(customer_id=customer.customer_id, live=True, updated_at=PAST)
    assert swept(gateway) == {"only_there": 1, "differences": 1}
    gateway.bank.delete_customer(customer.customer_id or "")
    assert swept(gateway) == {"differences_resolved": 1}


def test_a_delete_that_the_gateway_refused_is_told(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    refusal = Refusal((Reason(ReasonKind.GATEWAY_ERROR, "E1", "no"),))
    gateway.faults["delete_customer"] = answer(refusal)
    with pytest.raises(GatewayError):
        make_customer().delete()
    be_over()
    assert swept(gateway) == {"only_there": 1, "differences": 1}
    assert Difference.objects.get().kind == "vault_only_there"


def test_what_was_deleted_here_is_not_told(gateway: RecordingGateway, make_customer: Make) -> None:
    make_customer().delete()
    kept = make_customer(email="kept@example.com")
    kept.add_card(**SECOND).delete()
    be_over()
    mark = gateway.mark
    assert swept(gateway) == {"compared": 1}
    assert len(gateway.since(mark)) == 1


# -- A gateway that does not answer --------------------------------------------------------------


def test_one_that_cannot_be_read_does_not_stop_the_others(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    for number in range(3):
        make_customer(email=f"c{number}@example.com")
    be_over()

    def out(call: Any) -> Any:
        raise NotSent("no route")

    gateway.faults["retrieve_customer"] = out
    assert swept(gateway) == {"unreadable": 1, "compared": 2}


def test_what_a_run_could_not_read_is_read_by_the_next_one(
    gateway: RecordingGateway, make_customer: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing touches it again, and the next run visits only what was touched since this one."""
    customer = make_customer()
    be_over()

    def hidden(call: Any) -> Any:
        raise GatewayError("not now")

    gateway.faults["retrieve_customer"] = hidden
    first = reconcile("default")
    assert (first.state, first.unread) == ("finished", [customer.customer_id])
    assert f"Customer {customer.customer_id} could not be read" in caplog.text
    let_hours_pass(5)
    gateway.bank.update_customer(customer.customer_id or "", email="theirs@example.com")
    second = reconcile("default")
    assert (second.counts["vault_compared"], second.unread) == (1, [])
    assert Customer.objects.get().email == "theirs@example.com"
    let_hours_pass(5)
    mark = gateway.mark
    reconcile("default")
    assert "retrieve_customer" not in gateway.since(mark)


def test_a_run_that_goes_on_after_the_comparison_knows_what_stayed_unread(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    """The worker died in a later phase."""
    customer = make_customer()
    be_over()
    run = Reconciliation.objects.create(
        gateway_name="default",
        live=False,
        since=datetime.now(UTC) - DAY,
        running_name=digest({"gateway": "default", "live": False}),
        lease_until=PAST,
        phases_done=["vault"],
        unread=[customer.customer_id],
    )
    ended = reconcile("default")
    assert (ended.pk, ended.unread) == (run.pk, [customer.customer_id])


def test_a_gateway_that_is_out_breaks_the_phase_off(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        make_customer(email=f"c{number}@example.com")
    be_over()

    def out(customer_id: str) -> Any:
        raise NotSent("no route")

    monkeypatch.setattr(gateway, "retrieve_customer", out)
    with pytest.raises(DineroError, match="no route"):
        swept(gateway)


@pytest.mark.parametrize("live", [False, True])
def test_a_row_of_another_account_wants_no_customer(gateway: RecordingGateway, live: bool) -> None:
    CustomerFactory(customer_key="K", customer_id=None, live=live)
    creation = OperationFactory(
        kind="create_customer", state="succeeded", customer_key="K", customer_id="7"
    )
    assert rollbacks.is_wanted(creation) is not live


def test_differences_that_the_gateway_does_not_tell_of_break_nothing_off_and_go_behind(
    gateway: RecordingGateway,
) -> None:
    for number in range(5):
        found = Found(
            kind=DifferenceKind.VAULT_ONLY_THERE,
            subject=f"customer:{number}",
            reason="customer_only_there",
            customer_id=str(number),
        )
        differences.record(gateway, found)

    def fail_thrice(call: Callable[[], Any]) -> Any:
        gateway.faults["retrieve_customer"] = fail_thrice
        raise GatewayError("not this one")

    gateway.faults["retrieve_customer"] = fail_thrice
    run = Run(gateway, datetime.now(UTC) - DAY)
    compare_touched(run)
    assert run.counts["vault_unreadable"] == 3
    gateway.faults.clear()
    asked = gateway.mark
    compare_touched(Run(gateway, datetime.now(UTC) - DAY))
    first = [arguments for _verb, arguments in gateway.calls[asked:]][:2]
    assert first == [("3",), ("4",)]
    assert not Difference.objects.filter(state="open").exists()
