"""A replica may answer what shows something, and nothing that does something."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections

from django_dinero.exceptions import HeldForReview
from django_dinero.models import (
    CreditCard,
    Customer,
    Difference,
    Operation,
    Transaction,
    WebhookEvent,
)
from tests.integration.api.calling import CARD, OTHER_NUMBER, Caller, json_of
from tests.support.recording import RecordingGateway, lose_reply

pytestmark = pytest.mark.django_db

REPLICA = "replica"


class Router:
    """Reads what is ours from a replica."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return REPLICA if model._meta.app_label == "dinero" else "default"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"


@pytest.fixture
def lagging(settings: Any) -> Iterator[Callable[[], None]]:
    """Put a replica beside the primary database from here on, which lacks even the tables."""

    def begin() -> None:
        settings.DATABASE_ROUTERS = [f"{__name__}.Router"]

    connections.settings[REPLICA] = {
        **connections.settings["default"],
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ":memory:",
        "OPTIONS": {},
    }
    try:
        # By hand: a test's databases are named before this one is there, and others do not open.
        connections[REPLICA].connect()
        yield begin
    finally:
        settings.DATABASE_ROUTERS = []
        connections[REPLICA].close()
        del connections[REPLICA]
        del connections.settings[REPLICA]


Lagging = Callable[[], None]


def test_what_only_shows_is_the_projects_own_choice(
    owner: Caller, authorization: Transaction, lagging: Lagging
) -> None:
    lagging()
    one = f"transactions/{authorization.public_id}/"
    for path in ("customers/", "cards/", "transactions/", one):
        # The replica has no tables.
        assert json_of(owner.get(path), 503)["code"] == "not_sent"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("charge/", {"price": "1.00"}, 201),
        ("cards/", {"number": OTHER_NUMBER, "month": 12, "year": 2060}, 201),
    ],
)
def test_a_customers_verbs(
    owner: Caller,
    customer: Customer,
    lagging: Lagging,
    path: str,
    body: dict[str, Any],
    status: int,
) -> None:
    address = f"customers/{customer.public_id}/{path}"
    lagging()
    json_of(owner.post(address, body), status)


def test_a_new_customer(owner: Caller, gateway: RecordingGateway, lagging: Lagging) -> None:
    lagging()
    made = json_of(owner.post("customers/", {"email": "ann@example.com", **CARD}), 201)
    assert [each["last_4"] for each in made["cards"]] == [CARD["number"][-4:]]


def test_changing_and_deleting_a_customer(
    owner: Caller, customer: Customer, lagging: Lagging
) -> None:
    address = f"customers/{customer.public_id}/"
    lagging()
    json_of(owner.patch(address, {"first_name": "Ann"}), 200)
    json_of(owner.delete(address), 204)


@pytest.mark.parametrize(
    ("verb", "body", "status"),
    [("charge/", {"price": "1.00"}, 201), ("default/", {}, 200), ("validate/", {}, 200)],
)
def test_a_cards_verbs(
    owner: Caller, card: CreditCard, lagging: Lagging, verb: str, body: dict[str, Any], status: int
) -> None:
    address = f"cards/{card.public_id}/{verb}"
    lagging()
    json_of(owner.post(address, body), status)


def test_changing_and_deleting_a_card(owner: Caller, card: CreditCard, lagging: Lagging) -> None:
    address = f"cards/{card.public_id}/"
    lagging()
    json_of(owner.patch(address, {"zip": "46202"}), 200)
    json_of(owner.delete(address), 204)


@pytest.mark.parametrize(
    ("verb", "permission", "status"),
    [
        ("capture", "capture_transaction", 201),
        ("void", "void_transaction", 201),
        ("refresh", "change_transaction", 200),
    ],
)
def test_a_transactions_verbs(
    staff: Callable[..., Caller],
    authorization: Transaction,
    lagging: Lagging,
    verb: str,
    permission: str,
    status: int,
) -> None:
    caller = staff(permission, "view_transaction")
    address = f"transactions/{authorization.public_id}/{verb}/"
    lagging()
    json_of(caller.post(address), status)


@pytest.mark.parametrize(("verb", "status"), [("approve", "approved"), ("decline", "declined")])
def test_a_decision(
    staff: Callable[..., Caller],
    customer: Customer,
    gateway: RecordingGateway,
    lagging: Lagging,
    verb: str,
    status: str,
) -> None:
    gateway.bank.hold_next()
    with pytest.raises(HeldForReview) as caught:
        customer.charge("5.00")
    caller = staff("review_transaction", "view_transaction")
    address = f"transactions/{caught.value.transaction.public_id}/{verb}/"
    lagging()
    json_of(caller.post(address), 200)
    assert Transaction.objects.using("default").get().status == status


def test_whose_a_transaction_is(
    owner: Caller, authorization: Transaction, lagging: Lagging
) -> None:
    """Its owner may not capture it, which is told from the primary too."""
    address = f"transactions/{authorization.public_id}/capture/"
    lagging()
    json_of(owner.post(address), 403)


@pytest.mark.parametrize("mine", [True, False])
def test_an_operation_that_was_written_just_now(
    owner: Caller, card: CreditCard, gateway: RecordingGateway, lagging: Lagging, mine: bool
) -> None:
    gateway.faults["charge"] = lose_reply
    lost = json_of(owner.post(f"cards/{card.public_id}/charge/", {"price": "1.00"}), 202)
    if not mine:  # told by its customer alone
        Operation.objects.update(scope="", owner_pk="")
    lagging()
    json_of(owner.get(f"operations/{lost['operation']}/"), 200)


def test_the_back_offices_verbs(
    staff: Callable[..., Caller], gateway: RecordingGateway, lagging: Lagging
) -> None:
    caller = staff("close_difference", "change_webhookevent", "view_difference")
    row = Difference.objects.create(
        gateway_name="default", live=False, kind="status", subject="1", open_name="1"
    )
    event = WebhookEvent.objects.create(gateway_name="default", live=False, event_id="1")
    closing = {"note": "Explained."}
    lagging()
    json_of(caller.post(f"differences/{row.pk}/close/", closing), 200)
    caller.post(f"webhook-events/{event.pk}/replay/")
