"""A card that somebody reads out is charged once, and its number is nowhere afterwards."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from django_dinero import conf
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.integration.admin.pages import charge, messages, new_card, text, url
from tests.support import sinks
from tests.support.recording import (
    RecordingGateway,
    lose_reply,
    lose_request,
    refuse_connection,
)

pytestmark = pytest.mark.django_db

NUMBER = "4012888818888"
MALFORMED = "4012888818889"
CVV = "0738"
SECRETS = [NUMBER, MALFORMED, CVV]


def keyed(price: str = "12.50", **given: str) -> dict[str, str]:
    """What the page posts."""
    return {**new_card(NUMBER), **charge(price), **given}


@pytest.fixture
def address() -> str:
    return url("transaction_charge")


def test_a_card_is_charged_and_stored_nowhere(
    root: Client, gateway: RecordingGateway, address: str
) -> None:
    given = keyed(order_reference="A-17", description="two beers", email="eve@example.com")
    response = root.post(address, given)
    row = Transaction.objects.get()
    assert (str(row.price), row.status, row.last_4) == ("12.50", "approved", "8888")
    assert (row.order_reference, row.description) == ("A-17", "two beers")
    assert (row.customer, row.card, row.initiator) == (None, None, "merchant")
    assert response["Location"] == url("transaction_change", row.pk)
    charged = f"Charged: 12.50 USD, visa •••• 8888 (transaction {row.transaction_id})."
    assert messages(response) == [charged]
    entry = LogEntry.objects.get()
    assert entry.get_edited_object() == row
    operation = Operation.objects.get()
    assert (operation.made_by, operation.scope) == ("root", f"admin:{entry.user_id}")
    assert not Customer.objects.exists()
    assert not CreditCard.objects.exists()


def test_authorize_only(root: Client, gateway: RecordingGateway, address: str) -> None:
    root.post(address, keyed(settle="authorize"))
    assert Transaction.objects.get().kind == "authorization"


def test_the_same_page_sent_twice_is_one_charge(
    root: Client, gateway: RecordingGateway, address: str
) -> None:
    posted = keyed()
    root.post(address, posted)
    second = root.post(address, posted)
    assert gateway.verbs.count("charge") == 1
    assert messages(second)[-1].startswith("This was done before, and not once more.")


def test_the_list_leads_to_it(
    root: Client, staff: Callable[..., Client], gateway: RecordingGateway, address: str
) -> None:
    assert f'href="{address}"' in root.get(url("transaction_changelist")).content.decode()
    viewer = staff("view_transaction")
    assert f'href="{address}"' not in viewer.get(url("transaction_changelist")).content.decode()


def test_the_permission_alone_is_enough(
    staff: Callable[..., Client], gateway: RecordingGateway, address: str
) -> None:
    client = staff("charge_keyed_card")
    assert client.get(address).status_code == 200
    assert client.post(address, keyed())["Location"] == "/admin/"
    other = staff("charge_creditcard", "view_transaction", name="other")
    assert other.get(address).status_code == 403
    assert other.post(address, keyed()).status_code == 403
    assert gateway.verbs.count("charge") == 1


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"number": ""}, "number"),
        ({"number": MALFORMED}, "number"),
        ({"month": "13"}, "month"),
        ({"cvv": "12"}, "cvv"),
        ({"price": "1.234"}, "price"),
        ({"key": "short"}, "key"),
        ({"email": "eve"}, "email"),
        ({"description": NUMBER}, "description"),
    ],
)
def test_wrong_fields_are_refused_at_their_field(
    root: Client, gateway: RecordingGateway, address: str, given: dict[str, str], field: str
) -> None:
    response = root.post(address, keyed(**given))
    assert list(response.context["form"].errors) == [field]
    assert "charge" not in gateway.verbs


def test_a_decline_and_a_lost_answer(root: Client, gateway: RecordingGateway, address: str) -> None:
    declined = root.post(address, keyed(zip="46282"))
    assert "The card was declined. Nothing was charged." in text(declined)
    assert b"data-send-once" in declined.content
    gateway.faults["charge"] = lose_request
    lost = root.post(address, keyed())
    operation = Operation.objects.get(state="unknown")
    assert f"look up operation {operation.key} first" in text(lost)
    assert b"data-send-once" not in lost.content
    assert LogEntry.objects.get().get_edited_object() == operation
    # With nothing known of the first, the same amount on the same card is asked about.
    asked = root.post(address, keyed())
    assert f"A charge of 12.50 USD is not finished: operation {operation.key}" in text(asked)
    assert root.post(address, keyed("13.50")).status_code == 302


def test_a_charge_whose_worker_died_is_asked_about(
    root: Client, gateway: RecordingGateway, address: str
) -> None:
    gateway.faults["charge"] = lose_request
    root.post(address, keyed())
    died = Operation.objects.get()
    Operation.objects.update(state="sent")
    assert f"is not finished: operation {died.key}" in text(root.post(address, keyed()))
    assert gateway.verbs.count("charge") == 1


@pytest.fixture
def two_gateways(settings: Any) -> None:
    """One that takes dollars, and one that takes euros."""
    backend = "tests.support.recording.RecordingGateway"
    settings.DINERO = {
        **settings.DINERO,
        "GATEWAYS": {
            "default": {"BACKEND": backend, "OPTIONS": {}},
            "europe": {"BACKEND": backend, "OPTIONS": {"currency": "EUR"}},
        },
    }


@pytest.mark.usefixtures("two_gateways")
def test_of_several_gateways_one_is_chosen_with_its_currency(root: Client, address: str) -> None:
    page = root.get(address).content.decode()
    assert '<option value="europe">europe</option>' in page
    wrong = root.post(address, keyed(gateway_name="europe", currency="USD"))
    assert list(wrong.context["form"].errors) == ["currency"]
    root.post(address, keyed(gateway_name="europe", currency="EUR"))
    row = Transaction.objects.get()
    assert (row.gateway_name, row.currency) == ("europe", "EUR")


@pytest.mark.usefixtures("two_gateways")
def test_a_gateway_that_there_is_not(root: Client, address: str) -> None:
    response = root.post(address, keyed(gateway_name="mars", currency="USD"))
    assert response["Location"] == url("transaction_changelist")
    assert not Transaction.objects.exists()


def explode(call: Any) -> Any:
    raise ValueError(f"bad value {NUMBER} {CVV} in request")


def test_no_secret_is_found_anywhere(
    root: Client, gateway: RecordingGateway, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not through the settings: the gateway would be made anew.
    monkeypatch.setattr(conf, "admin_confirm_above", lambda: {"": Decimal(100)})
    root.raise_request_exception = False
    seen: list[str] = []
    posts = [
        keyed(number=MALFORMED, cvv=CVV),
        keyed(cvv=CVV, month="13"),
        keyed(cvv=CVV, first_name=NUMBER),
        keyed(cvv=CVV, description=NUMBER),
        keyed(cvv=CVV, sure=NUMBER),
        keyed(cvv=CVV, key=NUMBER),
        keyed("999.00", cvv=CVV),
    ]
    with sinks.every_log() as logs:
        for posted in posts:
            response = root.post(address, posted)
            seen += [response.content.decode(), *messages(response)]
        for fault in (None, explode, lose_reply, refuse_connection):
            if fault is not None:
                gateway.faults["charge"] = fault
            response = root.post(address, keyed(cvv=CVV))
            seen += [response.content.decode(), *messages(response)]
            seen.append(root.get(address).content.decode())
    assert sinks.found("\n".join(seen), SECRETS) == []
    assert sinks.found(logs.getvalue(), [NUMBER, MALFORMED]) == []
    assert sinks.found(repr(dict(root.session)), SECRETS) == []
    assert sinks.found(sinks.every_row(), SECRETS) == []
