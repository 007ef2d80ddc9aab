"""Default, validate, push and pull: told before and after, done once, written into the history."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client

from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.gateways.types import Reason, Refusal, TransactionResult
from django_dinero.models import CreditCard, Customer, Operation
from tests.integration.admin.pages import confirm, messages, text, url
from tests.support.recording import (
    RecordingGateway,
    answer,
    lose_reply,
    lose_request,
    refuse_connection,
)

pytestmark = pytest.mark.django_db

REFUSED = answer(Refusal((Reason(ReasonKind.GATEWAY_ERROR, "E00014", "Not today."),)))
GONE = answer(Refusal((Reason(ReasonKind.CUSTOMER_NOT_FOUND, "E00040", "No such record."),)))


def declined(kind: ReasonKind) -> Any:
    """The issuer's no."""
    reasons = (Reason(kind, "2", "Do not honor."),)
    return answer(TransactionResult(ResultStatus.DECLINED, "0", reasons=reasons))


@pytest.fixture
def other(card: CreditCard) -> CreditCard:
    """A second card, which is not the default one."""
    return card.customer.add_card(number="5424000000000015", month=11, year=2059, zip="12345")


@pytest.fixture
def waiting(customer: Customer) -> Customer:
    """A customer whose change has not been pushed."""
    Customer.objects.filter(pk=customer.pk).update(last_name="Blogs")
    customer.refresh_from_db()
    assert customer.sync_state == "pending"
    return customer


# -- Default ---------------------------------------------------------------------------------------


def test_a_card_is_made_the_default_one(
    root: Client, card: CreditCard, other: CreditCard, gateway: RecordingGateway
) -> None:
    address = url("creditcard_make_default", other.pk)
    page = text(root.get(address))
    assert "Default until now: visa •••• 1111" in page
    assert "Nothing is charged now." in page
    mark = gateway.mark
    response = root.post(address, confirm())
    assert gateway.since(mark) == ["update_card"]
    assert response["Location"] == url("creditcard_change", other.pk)
    assert messages(response) == ["mastercard •••• 0015 is the default card now."]
    assert card.customer.default_card == other
    assert LogEntry.objects.get().get_edited_object() == other


def test_the_same_page_twice_tells_the_gateway_once(
    root: Client, other: CreditCard, gateway: RecordingGateway
) -> None:
    mark, posted = gateway.mark, confirm()
    for _n in range(2):
        response = root.post(url("creditcard_make_default", other.pk), posted)
    assert gateway.since(mark) == ["update_card"]
    assert messages(response)[-1].startswith("This page was sent before and was not sent again.")
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("fault", [REFUSED, lose_reply, lose_request, refuse_connection])
def test_a_choice_that_the_gateway_does_not_know_is_told(
    root: Client, other: CreditCard, gateway: RecordingGateway, fault: Any
) -> None:
    gateway.faults["update_card"] = fault
    page = text(root.post(url("creditcard_make_default", other.pk), confirm()))
    assert "It is the default card here, but the gateway does not know yet." in page
    other.refresh_from_db()
    assert other.is_default
    assert other.sync_state == "error"


def test_what_is_the_default_or_gone_cannot_become_it(
    root: Client, card: CreditCard, other: CreditCard
) -> None:
    response = root.get(url("creditcard_make_default", card.pk))
    assert messages(response)[-1] == "It is the default card already."
    CreditCard.objects.filter(pk=other.pk).update_without_push(sync_state="missing")
    response = root.get(url("creditcard_make_default", other.pk))
    assert "The gateway does not have this card any more." in messages(response)[-1]


# -- Validate --------------------------------------------------------------------------------------


def test_a_good_card(root: Client, card: CreditCard, gateway: RecordingGateway) -> None:
    mark, posted = gateway.mark, confirm(cvv="900")
    for _n in range(2):
        response = root.post(url("creditcard_validate", card.pk), posted)
    assert gateway.since(mark) == ["validate_card"]
    assert (
        messages(response)[0] == "The issuer says that visa •••• 1111 is good. Nothing was charged."
    )
    assert not Operation.objects.filter(kind="charge").exists()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (ReasonKind.CARD_DECLINED, "The issuer says that the card is not good."),
        (ReasonKind.CVV, "The card code (CVV) is wrong or missing."),
        (ReasonKind.EXPIRY, "The card has expired, or the date is wrong."),
    ],
)
def test_a_card_that_is_not_good(
    root: Client, card: CreditCard, gateway: RecordingGateway, kind: ReasonKind, words: str
) -> None:
    gateway.faults["validate_card"] = declined(kind)
    page = root.post(url("creditcard_validate", card.pk), confirm(cvv="123"))
    assert words in text(page)
    assert "The card stays stored as it is, and nothing was charged." in text(page)
    assert "(gateway code 2)" in text(page)
    assert 'value="123"' not in page.content.decode()
    assert LogEntry.objects.get().change_message == f"Validated: {words}"


def test_a_wrong_code_is_refused_before_anybody_is_asked(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    mark = gateway.mark
    response = root.post(url("creditcard_validate", card.pk), confirm(cvv="x"))
    assert list(response.context["form"].errors) == ["cvv"]
    assert gateway.since(mark) == []


def test_a_gateway_that_cannot_ask_has_no_button(
    root: Client, card: CreditCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RecordingGateway, "unsupported", {"validate_card": "It cannot ask."})
    address = url("creditcard_validate", card.pk)
    assert address not in root.get(url("creditcard_change", card.pk)).content.decode()
    assert "It cannot ask." in messages(root.get(address))[0]


# -- Push ------------------------------------------------------------------------------------------


def test_what_waits_is_pushed(root: Client, waiting: Customer, gateway: RecordingGateway) -> None:
    address = url("customer_push", waiting.pk)
    assert address in root.get(url("customer_change", waiting.pk)).content.decode()
    assert "Changed here: Last name" in text(root.get(address))
    mark, posted = gateway.mark, confirm()
    for _n in range(2):
        response = root.post(address, posted)
    assert gateway.since(mark) == ["update_customer"]
    assert messages(response)[0] == "Pushed: bill@example.com is synced."
    assert address not in root.get(url("customer_change", waiting.pk)).content.decode()


def test_a_push_that_is_refused_stays(
    root: Client, waiting: Customer, gateway: RecordingGateway
) -> None:
    gateway.faults["update_customer"] = REFUSED
    page = text(root.post(url("customer_push", waiting.pk), confirm()))
    assert "The gateway refused. Nothing was changed there." in page
    waiting.refresh_from_db()
    assert waiting.sync_state == "error"
    assert "Last refusal: Not today." in text(root.get(url("customer_push", waiting.pk)))


def test_a_push_whose_answer_is_lost_leads_to_the_journal(
    root: Client, waiting: Customer, gateway: RecordingGateway
) -> None:
    gateway.faults["update_customer"] = lose_reply
    page = root.post(url("customer_push", waiting.pk), confirm()).content.decode()
    operation = Operation.objects.get(state="unknown")
    assert url("operation_change", operation.pk) in page
    assert 'value="Push now"' not in page
    assert f"[{operation.key}, open]" in LogEntry.objects.get().change_message


def test_a_card_is_pushed(root: Client, card: CreditCard, gateway: RecordingGateway) -> None:
    CreditCard.objects.filter(pk=card.pk).update(city="Bern")
    mark = gateway.mark
    root.post(url("creditcard_push", card.pk), confirm())
    assert gateway.since(mark) == ["update_card"]


def test_what_does_not_wait_is_not_pushed(root: Client, customer: Customer) -> None:
    response = root.get(url("customer_push", customer.pk))
    assert messages(response) == ["There is nothing to push: it is synced."]


# -- Pull ------------------------------------------------------------------------------------------


def test_a_pull_tells_what_it_changed(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    Customer.objects.filter(pk=card.customer_pk).update_without_push(first_name="Will")
    CreditCard.objects.filter(pk=card.pk).update_without_push(last_4="9999")
    mark = gateway.mark
    response = root.post(url("customer_pull", card.customer_pk), confirm())
    assert gateway.since(mark) == ["retrieve_customer"]
    [told] = messages(response)
    assert told.startswith("Pulled: bill@example.com. ")
    assert "customer, First name: “Will” is now “Bill”" in told
    # The history keeps no name and no address: nobody is erased there.
    logged = LogEntry.objects.get().change_message
    assert logged.startswith("Pulled: customer. ")
    assert "customer, First name" in logged
    assert not any(value in logged for value in ("Will", "Bill", "bill@example.com", "“"))


def test_a_pull_that_changes_nothing_says_so(root: Client, card: CreditCard) -> None:
    response = root.post(url("creditcard_pull", card.pk), confirm())
    told = "Pulled: visa •••• 1111 is here as at the gateway; nothing had changed."
    assert messages(response) == [told]


def test_what_the_gateway_has_no_more_is_marked(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    Customer.objects.filter(pk=card.customer_pk).update_without_push(created_at="2020-01-01T00:00Z")
    gateway.faults["retrieve_customer"] = GONE
    page = text(root.post(url("customer_pull", card.customer_pk), confirm()))
    assert "The gateway does not have this customer any more." in page
    assert Customer.objects.get().sync_state == "missing"


def test_what_the_gateway_has_not_yet_is_not_pulled(
    root: Client, gateway: RecordingGateway
) -> None:
    gateway.faults["create_customer"] = refuse_connection
    with pytest.raises(Exception, match="refused"):
        Customer.objects.create(email="new@example.com")
    row = Customer.objects.get()
    response = root.get(url("customer_pull", row.pk))
    assert messages(response) == ["The gateway does not have it yet. Push it first."]


@pytest.mark.parametrize("verb", ["make-default", "validate", "push", "pull"])
def test_atomic_requests_wrap_none_of_them(
    root: Client,
    other: CreditCard,
    gateway: RecordingGateway,
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
) -> None:
    CreditCard.objects.filter(pk=other.pk).update(city="Bern")
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    blocks: list[int] = []
    outside = len(connection.atomic_blocks)

    def look(name: str, call: Any) -> Any:
        blocks.append(len(connection.atomic_blocks))
        return call()

    gateway.around = look
    root.post(url(f"creditcard_{verb.replace('-', '_')}", other.pk), confirm())
    assert set(blocks) == {outside}
