"""A person is erased here, in the journal and at the gateway; the books stay."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core import serializers
from django.db import connection
from django.test.utils import CaptureQueriesContext, isolate_apps

from django_dinero.db.failures import retry_on_conflict
from django_dinero.exceptions import OperationInProgress, OutcomeUnknown
from django_dinero.models import CreditCard, Customer, Operation, Transaction, WebhookEvent
from django_dinero.services.vault.erasure import erase, erase_traces
from tests.support.recording import RecordingGateway, lose_reply, refuse_connection

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]
#: What must be nowhere afterwards.
# No word that a random key may hold.
PLANTED = (
    "ann@example.com",
    "Anneliese",
    "Nightingale",
    "203.0.113.7",
    "for Ann's birthday",
    "12 Elm",
)


@pytest.fixture
def ann(gateway: RecordingGateway, make_customer: Make) -> Customer:
    """A customer about whom something stands everywhere."""
    user = get_user_model().objects.create(username="ann")
    customer = make_customer(
        email="ann@example.com",
        first_name="Anneliese",
        last_name="Nightingale",
        owner=user,
        address="12 Elm",
    )
    customer.add_card(number="5424000000000015", month=12, year=2040, address="12 Elm")
    charge = customer.charge(
        "5.00",
        settle=False,
        customer_ip="203.0.113.7",
        description="for Ann's birthday",
        order_reference="1001",
    )
    charge.capture("4.00", description="for Ann's birthday")
    customer.email = "ANN@example.com"
    customer.save()
    for object_id in (charge.transaction_id, customer.customer_id):
        WebhookEvent.objects.create(
            gateway_name="default",
            live=False,
            event_id=f"e{object_id}",
            event_type="x",
            object_id=object_id or "",
            state="applied",
            body='{"email": "ann@example.com"}',
        )
    for row in (customer, *customer.cards.all()):
        logged(row, "Pushed: ann@example.com (Anneliese Nightingale) is up to date.")
    return customer


def logged(row: Customer | CreditCard, text: str = "") -> LogEntry:
    """Write an entry into the admin's log, as its pages do."""
    staff, _created = get_user_model().objects.get_or_create(username="staff")
    return LogEntry.objects.create(
        user=staff,
        content_type=ContentType.objects.get_for_model(row),
        object_id=str(row.pk),
        object_repr=str(row),
        action_flag=CHANGE,
        change_message=text,
    )


def everything() -> str:
    """All that is stored, as text: every table of the project but for the owner's own row."""
    models = [each for each in apps.get_models() if each._meta.managed and not each._meta.proxy]
    models.remove(get_user_model())
    return json.dumps(
        [serializers.serialize("json", each._default_manager.all()) for each in models],
        ensure_ascii=False,
    )


def test_nothing_of_a_person_is_left(gateway: RecordingGateway, ann: Customer) -> None:
    before = everything()
    assert all(text in before for text in PLANTED)
    customer_id = ann.customer_id or ""
    erased = erase(ann)
    after = everything()
    assert [text for text in PLANTED if text.lower() in after.lower()] == []
    assert customer_id not in {each.id for each in gateway.bank.customers()}
    assert (erased.cards, erased.transactions, erased.events, erased.waits) == (2, 2, 2, "")
    assert not Customer.objects.exists() and not CreditCard.objects.exists()


def test_the_books_stay_as_they_were(gateway: RecordingGateway, ann: Customer) -> None:
    columns = (
        *("transaction_id", "price", "currency", "status", "kind", "order_reference"),
        *("last_4", "brand", "operation_key", "auth_code"),
    )
    before = list(Transaction.objects.order_by("pk").values_list(*columns))
    erase(ann)
    assert list(Transaction.objects.order_by("pk").values_list(*columns)) == before
    assert all(row.owner_id is None for row in Transaction.objects.all())
    assert not Operation.objects.exclude(owner_pk="").exists()


def refunded_elsewhere(gateway: RecordingGateway, paid: Transaction) -> Transaction:
    """Refund a payment in the gateway's own pages, with a row that names no customer.

    It has the customer of its payment, unless somebody else has written it.
    """

    def nameless(call: Callable[[], Any]) -> Any:
        return replace(call(), customer_id="", card_id="", description="Refund for Nightingale")

    gateway.bank.settle_batch()
    gateway.bank.refund(paid.transaction_id or "", Decimal("2.00"))
    (refund,) = (each for each in gateway.bank.transactions() if each.kind == "refund")
    gateway.faults["retrieve_transaction"] = nameless
    row = Transaction.retrieve(refund.id)
    Transaction.objects.filter(pk=row.pk).update(customer_id="", card_id="")
    row.refresh_from_db()
    WebhookEvent.objects.create(
        gateway_name="default",
        live=False,
        event_id="refunded",
        object_id=refund.id,
        body='{"email": "ann@example.com"}',
    )
    return row


@pytest.mark.parametrize("has_row", [True, False])
def test_a_refund_from_elsewhere_that_names_no_customer_is_found(
    gateway: RecordingGateway, ann: Customer, has_row: bool
) -> None:
    row = refunded_elsewhere(gateway, ann.charge("5.00"))
    assert (row.customer_id, row.owner) == ("", ann.owner)
    if has_row:
        erased = erase(ann)
    else:
        ann.delete()
        erased = erase_traces("ann@example.com")
    after = everything().lower()
    assert [text for text in PLANTED if text.lower() in after] == []
    assert not Transaction.objects.exclude(owner=None).exists()
    assert (erased.transactions, erased.events) == (4, 3)


def test_what_followed_a_capture_that_names_no_customer_is_found(
    gateway: RecordingGateway, ann: Customer
) -> None:
    capture = Transaction.objects.get(kind="capture")
    gateway.bank.settle_batch()
    refund = capture.refund("1.00")
    assert refund.parent == capture
    nameless = Transaction.objects.filter(kind__in=("capture", "refund"))
    nameless.update(customer_id="", description="for Ann's birthday")
    assert erase(ann).transactions == 3
    assert "for Ann's birthday" not in everything()
    assert not Transaction.objects.exclude(owner=None).exists()


def test_another_customer_is_left_alone(
    gateway: RecordingGateway, ann: Customer, make_customer: Make
) -> None:
    bob = make_customer(email="bob@example.com", first_name="Bob")
    bob.charge("6.00", description="for Bob", customer_ip="203.0.113.8")
    erase(ann)
    row = Transaction.objects.get(customer=bob)
    assert (row.description, row.customer_ip) == ("for Bob", "203.0.113.8")
    creation = Operation.objects.get(kind="create_customer", customer_id=bob.customer_id)
    assert creation.intent["email"] == "bob@example.com"


def test_a_payment_without_an_outcome_comes_first(gateway: RecordingGateway, ann: Customer) -> None:
    gateway.faults["charge"] = lose_reply
    with suppress(OutcomeUnknown):
        ann.charge("5.00", description="for Ann's birthday")
    with pytest.raises(OperationInProgress, match="nothing was erased"):
        erase(ann)
    assert Customer.objects.filter(pk=ann.pk).exists()
    assert "for Ann's birthday" in everything()
    Operation.objects.get(state="unknown").look_up()
    erase(ann)
    assert "for Ann" not in everything()


def test_where_the_gateway_does_not_answer_the_delete_waits(
    gateway: RecordingGateway, ann: Customer
) -> None:
    gateway.faults["delete_customer"] = refuse_connection
    erased = erase(ann)
    assert erased.waits == "connection refused"
    after = everything().lower()
    assert [text for text in PLANTED if text.lower() in after] == []
    assert Operation.objects.filter(kind="delete_customer", state="new").exists()


def test_it_takes_no_more_queries_for_more_payments(
    gateway: RecordingGateway, ann: Customer, make_customer: Make
) -> None:
    def queries(customer: Customer) -> int:
        with CaptureQueriesContext(connection) as context:
            erase(customer)
        return sum("dinero_operation" not in each["sql"] for each in context.captured_queries)

    bob = make_customer(email="bob@example.com")
    bob.charge("5.00")
    few = queries(bob)
    for _time in range(5):
        ann.charge("5.00")
    ann.cards[1].delete()
    assert queries(ann) == few


class KilledError(BaseException):
    """The process dies."""


def test_a_process_that_is_killed_before_the_delete_begins_again(
    gateway: RecordingGateway, ann: Customer, monkeypatch: Any
) -> None:
    def die(self: Customer) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(Customer, "delete", die)
        with pytest.raises(KilledError):
            erase(ann)
    assert Customer.objects.filter(pk=ann.pk).exists()
    assert erase(Customer.objects.get(pk=ann.pk)).transactions == 2
    assert "Anneliese" not in everything()


# -- Who is no customer (any more) ----------------------------------------------------------------


def test_whoever_was_deleted_before_is_erased_too(
    gateway: RecordingGateway, ann: Customer, make_customer: Make
) -> None:
    make_customer(email="bob@example.com").charge("6.00", description="for Bob")
    ann.delete()
    assert "for Ann's birthday" in everything()
    erased = erase_traces("Ann@Example.com")
    after = everything().lower()
    assert [text for text in PLANTED if text.lower() in after] == []
    assert "for bob" in after and "bob@example.com" in after
    assert (erased.cards, erased.transactions, erased.events) == (0, 2, 2)
    assert erase_traces("ann@example.com").operations == 0


def test_a_guest_is_erased(gateway: RecordingGateway, card: dict[str, Any]) -> None:
    guest: dict[str, Any] = {
        "email": "eve@example.com",
        "description": "for Eve",
        "customer_ip": "203.0.113.9",
    }
    charge = Transaction.create("5.00", settle=False, **guest, **card)
    charge.capture("4.00", description="for Eve")
    erased = erase_traces("EVE@example.com")
    after = everything()
    assert [text for text in (*guest.values(), "for Eve") if text in after] == []
    assert (erased.transactions, erased.operations) == (2, 2)


def test_what_followed_a_guests_payment_is_erased_too(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    charge = Transaction.create("5.00", settle=False, email="eve@example.com", **card)
    capture = charge.capture()
    gateway.bank.settle_batch()
    refund = capture.refund("2.00", description="for Eve")
    assert refund.parent == capture
    Transaction.objects.filter(pk=capture.pk).update(transaction_id="CAPTURE-1")
    for object_id in (charge.transaction_id, "CAPTURE-1", refund.transaction_id):
        WebhookEvent.objects.create(
            gateway_name="default",
            live=False,
            event_id=f"e{object_id}",
            object_id=object_id or "",
            body='{"email": "eve@example.com"}',
        )
    erased = erase_traces("eve@example.com")
    after = everything()
    assert [text for text in ("eve@example.com", "for Eve") if text in after] == []
    assert (erased.transactions, erased.events) == (3, 3)


def test_the_event_of_another_account_with_the_id_of_a_guests_payment_is_kept(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    charge = Transaction.create("5.00", email="eve@example.com", **card)
    accounts = [("default", False), ("default", True), ("other", False)]
    for name, live in accounts:
        WebhookEvent.objects.create(
            gateway_name=name,
            live=live,
            event_id="1",
            object_kind="transaction",
            object_id=charge.transaction_id or "",
            body="what was said",
        )
    assert erase_traces("eve@example.com").events == 1
    kept = WebhookEvent.objects.filter(body="what was said").order_by("pk")
    assert list(kept.values_list("gateway_name", "live")) == accounts[1:]


def test_a_customer_who_had_the_address_once_keeps_the_payments(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    bob = make_customer(email="old@example.com")
    bob.charge("6.00", description="for Bob")
    bob.email = "bob@example.com"
    bob.save()
    erase_traces("old@example.com")
    assert "old@example.com" not in everything()
    assert Transaction.objects.get().description == "for Bob"


def test_an_open_payment_of_a_guest_comes_first(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    gateway.faults["charge"] = lose_reply
    with suppress(OutcomeUnknown):
        Transaction.create("5.00", email="eve@example.com", **card)
    with pytest.raises(OperationInProgress, match="nothing was erased"):
        erase_traces("eve@example.com")
    assert "eve@example.com" in everything()


def test_whoever_is_killed_finds_the_rest_again(
    gateway: RecordingGateway, ann: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What leads to a person goes last, wherever the process dies."""
    ann.delete()
    for survived in range(20):
        left = iter(range(survived))

        def die(act: Callable[[], Any], using: str) -> Any:
            if next(left, None) is None:  # noqa: B023 - called within the loop
                raise KeyboardInterrupt
            return retry_on_conflict(act, using)

        monkeypatch.setattr("django_dinero.services.vault.erasure.retry_on_conflict", die)
        try:
            erase_traces("ann@example.com")
        except KeyboardInterrupt:
            continue
        break
    assert 1 < survived < 19
    after = everything().lower()
    assert [text for text in PLANTED if text.lower() in after] == []


# -- The admin's log -------------------------------------------------------------------------------


def test_the_log_keeps_who_did_something_and_when(
    gateway: RecordingGateway, ann: Customer, make_customer: Make
) -> None:
    bob = make_customer(email="bob@example.com")
    other = logged(bob, "Pushed: bob@example.com is up to date.")
    columns = ("pk", "user", "action_time", "action_flag", "content_type", "object_id")
    before = list(LogEntry.objects.order_by("pk").values_list(*columns))
    assert erase(ann).log_entries == 3
    assert list(LogEntry.objects.order_by("pk").values_list(*columns)) == before
    emptied = set(
        LogEntry.objects.exclude(pk=other.pk).values_list("object_repr", "change_message")
    )
    assert emptied == {("erased", "")}
    other.refresh_from_db()
    assert "bob@example.com" in other.object_repr and "bob@example.com" in other.change_message


def test_the_log_of_a_proxy_of_the_project_counts(
    gateway: RecordingGateway, ann: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with isolate_apps("django_dinero"):

        class Regular(Customer):
            class Meta:
                app_label = "dinero"
                proxy = True

    models = [*apps.get_models(), Regular]
    monkeypatch.setattr(apps, "get_models", lambda: models)
    entry = logged(ann)
    entry.content_type = ContentType.objects.create(app_label="dinero", model="regular")
    entry.save()
    erase(ann)
    entry.refresh_from_db()
    assert entry.object_repr == "erased"


def test_who_was_deleted_before_is_found_in_the_log_by_the_address(
    gateway: RecordingGateway, ann: Customer, make_customer: Make
) -> None:
    longer = logged(make_customer(email="joann@example.com"))
    ann.refresh_from_db()
    logged(ann)  # as ANN@example.com by now
    ann.delete()
    Operation.objects.update(intent={})  # as retention leaves them
    erased = erase_traces("ann@example.com")
    # Of the customer two, and one of each card.
    assert (erased.operations, erased.log_entries) == (0, 4)
    entries = serializers.serialize("json", LogEntry.objects.exclude(pk=longer.pk))
    assert "ann@example.com" not in entries.lower()
    longer.refresh_from_db()
    assert longer.object_repr == "joann@example.com"


def test_without_the_admin_there_is_no_log(
    gateway: RecordingGateway, ann: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apps, "is_installed", lambda name: name != "django.contrib.admin")
    assert erase(ann).log_entries == 0
    assert erase_traces("nobody@example.com").log_entries == 0


# -- The owner's lock ------------------------------------------------------------------------------


def first_customer(**given: Any) -> Customer:
    """Return the only customer of an owner, who is so made."""
    return Customer.create("eve@example.com", one_per_owner=True, **given)


def names_owner(pk: object) -> bool:
    """Whether an operation leads to a user."""
    columns = ("owner_pk", "lock_name", "intent")
    rows = list(Operation.objects.values_list(*columns))
    return any(
        owner == str(pk) or lock.endswith(f"owner:default:{pk}") or "owner_pk" in intent
        for owner, lock, intent in rows
    )


@pytest.mark.parametrize("left", ["nothing", "another owner", "only traces"])
def test_the_lock_of_the_owners_first_customer_leads_to_nobody(
    gateway: RecordingGateway, left: str
) -> None:
    users = get_user_model().objects
    eve = users.create(username="eve")
    customer = first_customer(owner=eve)
    assert names_owner(eve.pk)
    if left == "another owner":
        customer.owner = users.create(username="bob")
        customer.save()
    if left == "only traces":
        customer.delete()
        erased = erase_traces("eve@example.com")
    else:
        erased = erase(customer)
    assert not names_owner(eve.pk)
    # Of the lock, the creation and the delete; without its row the creation and the lock lead on.
    assert erased.operations >= 3


def test_the_locks_of_others_stay(gateway: RecordingGateway) -> None:
    users = get_user_model().objects
    eve, bob = (users.create(username=name) for name in ("eve", "bob"))
    customer = first_customer(owner=eve)
    first_customer(owner=bob)
    erase(customer)
    assert not Operation.objects.filter(lock_name=f"owner:default:{eve.pk}").exists()
    assert Operation.objects.filter(lock_name=f"owner:default:{bob.pk}").count() == 1


@pytest.mark.parametrize("has_row", [True, False])
def test_an_owner_whose_customer_is_being_made_comes_later(
    gateway: RecordingGateway, has_row: bool
) -> None:
    eve = get_user_model().objects.create(username="eve")
    customer = first_customer(owner=eve)
    lock = Operation.objects.get(lock_name=f"owner:default:{eve.pk}")
    held = {"state": "new", "held_lock": lock.lock_name}
    Operation.objects.filter(pk=lock.pk).update(**held)
    if has_row:
        with pytest.raises(OperationInProgress, match="nothing was erased"):
            erase(customer)
    else:
        customer.delete()
        with pytest.raises(OperationInProgress, match="nothing was erased"):
            erase_traces("eve@example.com")
    lock.refresh_from_db()
    assert lock.held_lock == lock.lock_name


def test_a_lock_that_is_taken_while_the_person_is_erased_is_held_on(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    eve = get_user_model().objects.create(username="eve")
    customer = first_customer(owner=eve)
    name = f"owner:default:{eve.pk}"
    delete = Customer.delete

    def meanwhile(self: Customer) -> Any:
        Operation.objects.create(
            kind="create_customer",
            gateway_name="default",
            live=False,
            lock_name=name,
            held_lock=name,
            owner_pk=str(eve.pk),
        )
        return delete(self)

    monkeypatch.setattr(Customer, "delete", meanwhile)
    erase(customer)
    (lock,) = Operation.objects.filter(lock_name=name)
    assert (lock.held_lock, lock.owner_pk) == (name, str(eve.pk))
