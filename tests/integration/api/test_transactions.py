"""/transactions/: shown, settled, voided and refunded; each verb makes a row of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_dinero.api.views import transactions
from django_dinero.models import Customer, Transaction
from django_dinero.testing.factories import TransactionFactory
from tests.integration.api.calling import Caller, json_of
from tests.integration.api.test_charges import FOR_STAFF, TRANSACTION_FIELDS
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(staff: Callable[..., Caller]) -> Caller:
    """Staff who look at transactions and settle, void and refund them."""
    verbs = ("view", "capture", "void", "refund")
    return staff(*(f"{verb}_transaction" for verb in verbs), "charge_creditcard")


def test_authorize_settle_refund(
    clerk: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    path = f"customers/{customer.public_id}/charge/"
    held = json_of(clerk.post(path, {"price": "10.00", "settle": False}), 201)
    capture = json_of(clerk.post(f"transactions/{held['id']}/capture/", {"amount": "7.50"}), 201)
    assert set(capture) == TRANSACTION_FIELDS | FOR_STAFF
    assert (capture["kind"], capture["price"]) == ("capture", "7.50")
    assert capture["parent"] == held["id"]
    gateway.bank.settle_batch()
    refund = json_of(clerk.post(f"transactions/{capture['id']}/refund/", {"amount": "2.00"}), 201)
    assert (refund["kind"], refund["price"], refund["status"]) == ("refund", "2.00", "approved")
    shown = json_of(clerk.get("transactions/"), 200)["results"]
    assert [row["kind"] for row in shown] == ["refund", "capture", "authorization"]
    amounts = sorted(str(e.settled_amount or e.amount) for e in gateway.bank.transactions())
    assert amounts == ["2.00", "7.50"]


def test_settle_without_an_amount_takes_all(clerk: Caller, authorization: Transaction) -> None:
    shown = json_of(clerk.post(f"transactions/{authorization.public_id}/capture/"), 201)
    assert (shown["kind"], shown["price"]) == ("capture", "10.00")


def test_void(clerk: Caller, authorization: Transaction, gateway: RecordingGateway) -> None:
    shown = json_of(clerk.post(f"transactions/{authorization.public_id}/void/"), 201)
    assert (shown["kind"], shown["parent"]) == ("void", str(authorization.public_id))
    again = json_of(clerk.get(f"transactions/{authorization.public_id}/"), 200)
    assert again["status"] == "voided"
    [entry] = gateway.bank.transactions()
    assert entry.status == "voided"


def test_a_full_refund_of_what_has_not_settled_is_a_void(clerk: Caller, customer: Customer) -> None:
    charge = Transaction.create("10.00", customer=customer)
    shown = json_of(clerk.post(f"transactions/{charge.public_id}/refund/"), 201)
    assert shown["kind"] == "void"


def test_a_partial_refund_of_what_has_not_settled_is_a_conflict(
    clerk: Caller, customer: Customer
) -> None:
    charge = Transaction.create("10.00", customer=customer)
    path = f"transactions/{charge.public_id}/refund/"
    shown = json_of(clerk.post(path, {"amount": "3.00"}), 409)
    assert shown["code"] == "refund_refused"
    assert Transaction.objects.count() == 1


def test_the_reason_of_a_refund_or_a_void_is_for_staff(
    clerk: Caller, owner: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    """What the shop says of a payment is for its owner, too."""
    paid = Transaction.create("10.00", customer=customer, settle=False, description="Two tickets")
    taken = paid.capture("8.00", description="One was sold out")
    gateway.bank.settle_batch()
    taken.refund("2.00", description="threatened us")
    Transaction.create("5.00", customer=customer, description="A book").void(description="a fraud")
    told = [
        [row["description"] for row in json_of(each.get("transactions/"), 200)["results"]]
        for each in (clerk, owner)
    ]
    of_shop = ["A book", "One was sold out", "Two tickets"]
    assert told[0] == ["a fraud", "A book", "threatened us", *of_shop[1:]]
    assert told[1] == ["", "A book", "", *of_shop[1:]]
    void = Transaction.objects.get(kind="void")
    assert json_of(owner.get(f"transactions/{void.public_id}/"), 200)["description"] == ""


@pytest.mark.parametrize("second", ["capture", "void"])
def test_what_is_voided_stays_voided(
    clerk: Caller, authorization: Transaction, second: str
) -> None:
    json_of(clerk.post(f"transactions/{authorization.public_id}/void/"), 201)
    shown = json_of(clerk.post(f"transactions/{authorization.public_id}/{second}/"), 409)
    assert shown["code"] == "invalid_transaction"


@pytest.mark.parametrize("amount", ["0", "-1", "1e1", "10.001", 1.5, True, "", [], {}])
@pytest.mark.parametrize("verb", ["capture", "refund"])
def test_odd_amounts_are_refused(
    clerk: Caller,
    authorization: Transaction,
    gateway: RecordingGateway,
    verb: str,
    amount: Any,
) -> None:
    mark = gateway.mark
    path = f"transactions/{authorization.public_id}/{verb}/"
    shown = json_of(clerk.post(path, {"amount": amount}), 400)
    if not isinstance(amount, list | dict):  # a nested body is not looked into
        assert set(shown["errors"]) == {"amount"}
    assert gateway.since(mark) == []
    assert Transaction.objects.count() == 1


@pytest.mark.parametrize(
    ("verb", "status", "code"),
    [("capture", 422, "invalid_amount"), ("refund", 409, "refund_refused")],
)
def test_more_than_there_is_is_refused(
    clerk: Caller,
    customer: Customer,
    gateway: RecordingGateway,
    verb: str,
    status: int,
    code: str,
) -> None:
    row = Transaction.create("10.00", customer=customer, settle=verb == "refund")
    gateway.bank.settle_batch()
    path = f"transactions/{row.public_id}/{verb}/"
    shown = json_of(clerk.post(path, {"amount": "10.01"}), status)
    assert shown["code"] == code
    assert "10.00 USD" in shown["detail"]
    assert [t.price for t in Transaction.objects.exclude(status="declined")] == [row.price]


@pytest.mark.parametrize(
    ("verb", "field"),
    [
        ("capture", "price"),
        ("capture", "currency"),
        ("void", "amount"),
        ("refund", "card"),
        ("refund", "parent"),
        ("refund", "transaction_id"),
    ],
)
def test_unknown_fields_are_named(
    clerk: Caller, authorization: Transaction, verb: str, field: str
) -> None:
    path = f"transactions/{authorization.public_id}/{verb}/"
    assert set(json_of(clerk.post(path, {field: "1"}), 400)["errors"]) == {field}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_the_books_are_not_edited(clerk: Caller, authorization: Transaction, method: str) -> None:
    path = f"transactions/{authorization.public_id}/"
    body = {"price": "1.00", "status": "settled"}
    assert json_of(clerk.send(method, path, body), 405)["code"] == "method_not_allowed"
    authorization.refresh_from_db()
    assert (int(authorization.price), authorization.status) == (10, "approved")


def test_a_charge_outlives_its_card_and_customer(
    clerk: Caller, owner: Caller, customer: Customer
) -> None:
    charge = Transaction.create("10.00", customer=customer)
    assert owner.delete(f"customers/{customer.public_id}/").status_code == 204
    for caller in (clerk, owner):
        shown = json_of(caller.get(f"transactions/{charge.public_id}/"), 200)
        assert (shown["customer"], shown["card"]) == (None, None)
        assert (shown["customer_id"], shown["last_4"]) == (charge.customer_id, "1111")


def test_a_key_belongs_to_one_movement(
    clerk: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    key = "one-key-for-everything"
    path = f"customers/{customer.public_id}/charge/"
    charge = json_of(clerk.post(path, {"price": "10.00"}, key=key), 201)
    other = json_of(clerk.post(path, {"price": "10.01"}), 201)
    mark = gateway.mark
    for row, verb in ((charge, "void"), (charge, "refund"), (other, "void"), (other, "refund")):
        reply = clerk.post(f"transactions/{row['id']}/{verb}/", {}, key=key)
        assert json_of(reply, 422)["code"] == "idempotency_key_reused"
    assert gateway.since(mark) == []


def test_ones_own_are_found_by_the_customers_keys(
    owner: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    row = Transaction.create("10.00", customer=customer)
    Transaction.objects.filter(pk=row.pk).update(owner=None)
    with CaptureQueriesContext(connection) as context:
        shown = json_of(owner.get("transactions/"), 200)["results"]
    assert [each["id"] for each in shown] == [str(row.public_id)]
    (where,) = [
        each["sql"].split(" WHERE ")[1] for each in context if "dinero_creditcard" in each["sql"]
    ]
    # No database uses an index for an OR that reaches across tables.
    assert "dinero_customer" not in where
    assert "customer_pk" in where


def test_who_has_very_many_customers_sees_their_transactions(
    owner: Caller,
    customer: Customer,
    gateway: RecordingGateway,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transactions, "MANY_CUSTOMERS", 0)
    row = Transaction.create("10.00", customer=customer)
    Transaction.objects.filter(pk=row.pk).update(owner=None)
    TransactionFactory()
    shown = json_of(owner.get("transactions/"), 200)["results"]
    assert [each["id"] for each in shown] == [str(row.public_id)]


# -- Who asked -------------------------------------------------------------------------------------


def test_staff_see_who_asked_and_shoppers_do_not(
    clerk: Caller, owner: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    path = f"customers/{customer.public_id}/charge/"
    made = json_of(clerk.post(path, {"price": "10.00"}), 201)
    assert made["made_by"] == clerk.user.get_username()
    json_of(owner.post(path, {"price": "11.00"}), 201)
    customer.charge("12.00", by="nightly dunning")
    customer.charge("13.00")
    listed = json_of(clerk.get("transactions/?ordering=created_at"), 200)["results"]
    names = [clerk.user.get_username(), "", "nightly dunning", ""]
    assert [row["made_by"] for row in listed] == names
    one = json_of(clerk.get(f"transactions/{listed[2]['id']}/"), 200)
    assert one["made_by"] == "nightly dunning"
    theirs = json_of(owner.get("transactions/"), 200)["results"]
    assert len(theirs) == 4
    assert all("made_by" not in row for row in theirs)
    assert "nightly dunning" not in str(theirs)


def test_who_may_do_something_and_see_nothing_is_not_told_who_asked(
    staff: Callable[..., Caller], customer: Customer, gateway: RecordingGateway
) -> None:
    caller = staff("change_transaction", "void_transaction")
    row = customer.charge("12.00", by="nightly dunning")
    path = f"transactions/{row.public_id}"
    assert json_of(caller.post(f"{path}/refresh/"), 200)["made_by"] is None
    assert json_of(caller.post(f"{path}/void/"), 201)["made_by"] is None


def test_who_asked_is_read_once_for_a_page(
    clerk: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as context:
            json_of(clerk.get("transactions/"), 200)
        return len(context)

    customer.charge("1.00", by="a")
    few = asked()
    for number in range(4):
        customer.charge("2.00", by=f"b{number}")
    assert asked() == few
