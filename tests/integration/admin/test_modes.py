"""Rows of a test account: badges, a filter, and no page that acts on them elsewhere."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.test import Client

from django_dinero.exceptions import OutcomeUnknown
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.testing.factories import (
    CreditCardFactory,
    CustomerFactory,
    OperationFactory,
    TransactionFactory,
)
from tests.integration.admin.pages import messages, text, url
from tests.support.recording import RecordingGateway, lose_reply

pytestmark = pytest.mark.django_db

BADGE = '<span class="dinero-test">test</span>'


class LiveGateway(RecordingGateway):
    """Real money moves there."""

    live = True


def nobody(name: str) -> None:
    """A resolver that knows no further gateway."""


FACTORIES = {
    "customer": CustomerFactory,
    "creditcard": CreditCardFactory,
    "transaction": TransactionFactory,
    "operation": OperationFactory,
}


@pytest.mark.parametrize("name", FACTORIES)
def test_lists_and_pages_say_which_rows_are_tests(root: Client, name: str) -> None:
    factory: Any = FACTORIES[name]
    rows = {live: factory(live=live) for live in (True, False)}
    changelist = url(f"{name}_changelist")
    assert root.get(changelist).content.decode().count(BADGE) == 1
    for value, live in (("1", True), ("0", False)):
        found = root.get(changelist, {"live": value})
        assert [row.pk for row in found.context["cl"].result_list] == [rows[live].pk]
        page = root.get(url(f"{name}_change", rows[live].pk)).content.decode()
        assert (BADGE in page) is not live
    assert root.get(changelist, {"live": "?"}).context["cl"].result_count == 2


def test_a_page_that_moves_no_money_says_so(
    root: Client, card: CreditCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [
        url("creditcard_charge", card.pk),
        url("creditcard_delete", card.pk),
        url("customer_delete", card.customer_pk),
        url("customer_add"),
        url("transaction_charge"),
    ]
    for address in pages:
        assert text(root.get(address)).count("test No real money moves.") == 1, address
    monkeypatch.setattr(RecordingGateway, "live", property(lambda self: True))
    CreditCard.objects.update_without_push(live=True)
    Customer.objects.update_without_push(live=True)
    for address in pages:
        assert "No real money moves." not in text(root.get(address)), address


def test_deleting_many_says_whether_all_are_a_test_accounts(root: Client, card: CreditCard) -> None:
    other = Customer.create("grace@example.com")
    keys = [str(card.customer_pk), str(other.pk)]
    chosen = {"action": "delete_selected", "_selected_action": keys}
    asked = root.post(url("customer_changelist"), chosen)
    assert text(asked).count("test No real money moves.") == 1
    Customer.objects.filter(pk=other.pk).update_without_push(live=True)
    assert "No real money moves." not in text(root.post(url("customer_changelist"), chosen))
    assert "No real money moves." not in text(root.get(url("customer_changelist")))


def test_among_several_gateways_a_live_one_counts(root: Client, settings: Any) -> None:
    entry = {"BACKEND": "tests.support.recording.RecordingGateway", "OPTIONS": {}}
    live = {**entry, "BACKEND": f"{__name__}.LiveGateway"}
    pages = [url("transaction_charge"), url("customer_add")]
    for gateways, shown in (({"a": entry, "b": entry}, 1), ({"a": entry, "b": live}, 0)):
        settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry, **gateways}}
        for address in pages:
            assert text(root.get(address)).count("No real money moves.") == shown, address
    resolver = {"GATEWAYS": {"default": entry}, "GATEWAY_RESOLVER": f"{__name__}.nobody"}
    settings.DINERO = {**settings.DINERO, **resolver}
    for address in pages:  # any name may be typed there
        assert "No real money moves." not in text(root.get(address)), address


def test_no_page_acts_on_rows_of_another_account(
    root: Client, card: CreditCard, gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Transaction.create("50.00", card=card, settle=False)
    gateway.faults["charge"] = lose_reply
    with suppress(OutcomeUnknown):
        card.charge("7.00")
    pages = {
        url("customer_add_card", card.customer_pk): url("customer_change", card.customer_pk),
        url("creditcard_charge", card.pk): url("creditcard_change", card.pk),
        url("transaction_capture", row.pk): url("transaction_change", row.pk),
        url("transaction_void", row.pk): url("transaction_change", row.pk),
        url("operation_look_up", Operation.objects.get(state="unknown").pk): url(
            "operation_change", Operation.objects.get(state="unknown").pk
        ),
    }
    assert {root.get(address).status_code for address in pages} == {200}
    monkeypatch.setattr(RecordingGateway, "live", property(lambda self: True))
    for address, home in pages.items():
        response = root.get(address)
        assert response["Location"] == home
        (message,) = messages(response)
        assert "Give the live account a gateway name of its own" in message
        root.get(home)  # shows the message
    tools = root.get(url("transaction_change", row.pk)).content.decode()
    assert url("transaction_capture", row.pk) not in tools
