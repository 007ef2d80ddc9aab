"""An order is paid once, however often it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
import requests
from django.test import Client

from django_dinero.exceptions import (
    CardDeclinedError,
    CardNotFoundError,
    InvalidInput,
    NotSent,
    OutcomeUnknown,
)
from django_dinero.models import Operation, Transaction
from django_dinero.wallet.views import Payable
from django_dinero.wallet.wallet import Wallet
from tests.integration.wallet import urls
from tests.integration.wallet.conftest import ACTION_NUMBER, NUMBER, add, attempt_in, pay_form
from tests.support.recording import RecordingGateway, lose_reply, lose_request, refuse_connection

pytestmark = pytest.mark.django_db

PAGE = "/pay/A-1/"
ORDER_IN_EUR = Payable("A-2", Decimal("20"), "EUR")


def pay(client: Client, card: Any, attempt: int = 1) -> Any:
    return client.post(PAGE, pay_form(card, attempt))


def text(client: Client) -> str:
    return client.get(PAGE).content.decode()


def test_a_payment_and_its_receipt(
    client: Client, wallet: Wallet, gateway: RecordingGateway, shopper: Any
) -> None:
    card = add(wallet, gateway)
    assert "1,250.50\u00a0USD" in text(client)
    answer = pay(client, card)
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    row = Transaction.objects.get()
    assert (row.order_reference, row.description, row.owner) == ("A-1", "Two beers", shopper)
    page = text(client)
    for shown in ("1,250.50\u00a0USD", "Two beers", "1111", row.transaction_id):
        assert shown is not None
        assert shown in page


def test_the_gateway_hears_where_the_shopper_is(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    posted = pay_form(add(wallet, gateway))
    client.post(PAGE, posted, REMOTE_ADDR="203.0.113.9")
    (request,) = next(args for verb, args in gateway.calls if verb == "charge")
    assert request.customer_ip == Transaction.objects.get().customer_ip == "203.0.113.9"


def test_a_double_click_the_back_button_and_a_reload(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway)
    for _again in range(3):
        assert pay(client, card).status_code == 302
    assert pay(client, card, attempt=2).status_code == 302
    assert gateway.verbs.count("charge") == 1
    assert Transaction.objects.count() == 1


def test_a_decline_is_answered_the_same_until_the_page_offers_another_attempt(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway)
    card.zip = "46282"
    card.save()
    for _again in range(2):
        answer = pay(client, card)
        assert answer.status_code == 402
        assert "The card was declined." in answer.content.decode()
        assert attempt_in(answer.content.decode()) == 2
    assert gateway.verbs.count("charge") == 1
    good = add(wallet, gateway, "5424000000000015")
    pay(client, good, attempt=2)
    assert gateway.verbs.count("charge") == 2
    assert [row.status for row in Transaction.objects.order_by("pk")] == ["declined", "approved"]


@pytest.mark.parametrize("changed", [Payable("A-2", Decimal("500"), "USD"), ORDER_IN_EUR])
def test_a_price_that_the_page_did_not_show_is_not_charged(
    client: Client,
    wallet: Wallet,
    gateway: RecordingGateway,
    monkeypatch: pytest.MonkeyPatch,
    changed: Payable,
) -> None:
    """As when the basket is changed in another tab."""
    card = add(wallet, gateway)
    monkeypatch.setattr(urls.Pay, "get_order", lambda self: changed)
    answer = client.post("/pay/A-2/", pay_form(card, amount="20.00 USD"))
    page = answer.content.decode()
    assert answer.status_code == 409
    shown = f"{changed.price:.2f}\u00a0{changed.currency}"
    assert f"This order costs {shown} now. Nothing was charged: pay once more." in page
    assert f'name="shown_amount" value="{changed.price:.2f} {changed.currency}"' in page
    assert "charge" not in gateway.verbs
    assert not Operation.objects.filter(kind="charge").exists()


def test_the_amount_that_a_form_sends_is_never_charged(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway)
    for amount in ("0.01 USD", "-1250.50 USD", "1250.50", "1250.50 EUR", "none"):
        assert client.post(PAGE, pay_form(card, amount=amount)).status_code == 409
    assert "charge" not in gateway.verbs
    assert pay(client, card).status_code == 302
    assert Transaction.objects.get().price == Decimal("1250.50")


def test_a_payment_that_waits_is_not_replaced_at_a_price_that_was_not_shown(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    pay(client, add(wallet, gateway, ACTION_NUMBER))
    good, mark = add(wallet, gateway), gateway.mark
    answer = client.post(PAGE, pay_form(good, 2, "20.00 USD"))
    assert answer.status_code == 409
    assert ">continue</a>" in answer.content.decode()
    assert "void" not in gateway.since(mark)
    assert "charge" not in gateway.since(mark)


def test_nobody_skips_an_attempt(wallet: Wallet, gateway: RecordingGateway) -> None:
    """Whose answer was lost may have been paid: a later number would pay once more."""
    card = add(wallet, gateway)
    gateway.faults["charge"] = lose_reply
    order: dict[str, Any] = {"order_reference": "A-2", "card": card.public_id}
    with pytest.raises(OutcomeUnknown):
        wallet.pay("20", attempt=1, **order)
    assert wallet.pay("20", attempt=7, **order).is_paid
    assert gateway.verbs.count("charge") == 1


def test_a_number_that_others_have_passed_is_not_used(
    wallet: Wallet, gateway: RecordingGateway
) -> None:
    """Two keys for one order could both be charged."""
    card = add(wallet, gateway)
    card.zip = "46282"
    card.save()
    order: dict[str, Any] = {"order_reference": "B-1", "card": card.public_id}
    with pytest.raises(CardDeclinedError):
        card.charge("20", order_reference="B-1")  # by staff, without a key
    for attempt in (1, 2):
        with pytest.raises(CardDeclinedError):
            wallet.pay("20", attempt=attempt, **order)
    keys = Operation.objects.filter(kind="charge").order_by("pk")
    assert list(keys.values_list("idempotency_key", flat=True)) == [None, "B-1-2"]


def test_a_number_whose_attempt_never_left_is_not_used_after_others(
    wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway)
    card.zip = "46282"
    card.save()
    gateway.faults["charge"] = refuse_connection
    order: dict[str, Any] = {"order_reference": "B-1", "card": card.public_id}
    with pytest.raises(NotSent):
        wallet.pay("20", **order)
    with pytest.raises(CardDeclinedError):
        card.charge("20", order_reference="B-1")
    with pytest.raises(CardDeclinedError):
        wallet.pay("20", attempt=1, **order)
    last = Operation.objects.filter(kind="charge").latest("pk")
    assert last.idempotency_key == "B-1-2"


def test_while_nobody_knows_nothing_is_charged_again(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway)
    gateway.faults["charge"] = lose_request
    for _again in range(2):
        answer = pay(client, card)
        assert answer.status_code == 402
        assert "It is not known yet whether this was done." in answer.content.decode()
    assert gateway.verbs.count("charge") == 1


def test_another_card_pays_nothing_while_nobody_knows(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway)
    other = add(wallet, gateway, "5424000000000015")
    gateway.faults["charge"] = lose_request
    pay(client, card)
    page = text(client)
    assert "It is not known yet whether this was done." in page
    assert "<form" not in page
    answer = pay(client, other)
    assert answer.status_code == 402
    assert "It is not known yet whether this was done." in answer.content.decode()
    assert "<form" not in answer.content.decode()
    found = wallet.pay("1250.50", order_reference="A-1", card=other.public_id, attempt=2)
    assert (found.is_unknown, found.is_paid, found.transaction) == (True, False, None)
    assert gateway.verbs.count("charge") == 1


def test_an_answer_that_was_lost_is_found_by_the_page(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway)
    gateway.faults["charge"] = lose_reply
    assert pay(client, card).status_code == 302
    assert "<dl" in text(client)
    assert gateway.verbs.count("charge") == 1


def test_an_unknown_attempt_stays_one_after_staff_have_charged_in_vain(
    wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway)
    order: dict[str, Any] = {"order_reference": "B-1", "card": card.public_id}
    gateway.faults["charge"] = lose_request
    with pytest.raises(OutcomeUnknown):
        wallet.pay("20", **order)
    card.zip = "46282"
    card.save()
    with pytest.raises(CardDeclinedError):
        card.charge("21", order_reference="B-1")
    assert wallet.attempt("B-1") == 2
    for attempt in (None, 1, 2):
        assert wallet.pay("20", attempt=attempt, **order).is_unknown
    assert gateway.verbs.count("charge") == 2


def test_while_an_attempt_runs_nothing_is_sent(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway)
    seen: list[Any] = []

    def meanwhile(call: Any) -> Any:
        seen.append(wallet.pay("5", order_reference="B-1", card=card.public_id))
        return call()

    gateway.faults["charge"] = meanwhile
    assert wallet.pay("5", order_reference="B-1", card=card.public_id).is_paid
    assert [each.is_unknown for each in seen] == [True]
    assert gateway.verbs.count("charge") == 1


def test_a_card_has_to_be_chosen(client: Client, wallet: Wallet, gateway: RecordingGateway) -> None:
    add(wallet, gateway)
    answer = client.post(PAGE, {"attempt": "1", "shown_amount": "1250.50 USD"})
    assert answer.status_code == 422
    assert "Choose a card." in answer.content.decode()
    assert client.get("/pay/another/").status_code == 404
    assert gateway.verbs.count("charge") == 0


@pytest.mark.parametrize(
    ("field", "sent"),
    [("attempt", ""), ("attempt", "none"), ("attempt", "0"), ("shown_amount", "")],
)
def test_a_form_without_a_hidden_field_names_it(
    client: Client, wallet: Wallet, gateway: RecordingGateway, field: str, sent: str
) -> None:
    posted = {**pay_form(add(wallet, gateway)), field: sent}
    if not sent:
        del posted[field]
    answer = client.post(PAGE, posted)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert f"“{field}”" in page
    assert "Choose a card." not in page
    assert gateway.verbs.count("charge") == 0


def test_a_card_of_somebody_else_pays_nothing(
    client: Client, gateway: RecordingGateway, django_user_model: Any
) -> None:
    other = Wallet(django_user_model.objects.create_user("ada", "ada@example.com"))
    card = add(other, gateway)
    assert pay(client, card).status_code == 402
    assert gateway.verbs.count("charge") == 0


@pytest.mark.parametrize("fault", [lose_reply, lose_request])
def test_what_others_have_tried_counts_however_old_it_is(
    client: Client, wallet: Wallet, gateway: RecordingGateway, fault: Any
) -> None:
    """Such as a guest by the API, or staff."""
    card = add(wallet, gateway)
    gateway.faults["charge"] = fault
    with pytest.raises(OutcomeUnknown):
        card.charge("1250.50", order_reference="A-1")
    Operation.objects.update(created_at="2020-01-01T00:00:00Z")
    page = text(client)
    assert ("<dl" in page) is (fault is lose_reply)
    assert "<form" not in page
    answer = pay(client, card)
    assert answer.status_code == (302 if fault is lose_reply else 402)
    assert gateway.verbs.count("charge") == 1


# -- What the bank asks for ------------------------------------------------------------------------


def finish(client: Client, decision: str) -> None:
    """Follow the page's link to the bank, and decide there."""
    page = text(client)
    address = page.partition('href="')[2].partition('"')[0].replace("&amp;", "&")
    back = "http://testserver" + PAGE
    assert "return_url=" + quote(back, safe="") in address
    answer = requests.post(
        address,
        data={"decision": decision, "return_url": back},
        allow_redirects=False,
        timeout=10,
    )
    assert answer.headers["Location"] == back


def test_a_payment_that_is_confirmed(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway, ACTION_NUMBER)
    for _again in range(2):
        assert pay(client, card).status_code == 302
    finish(client, "confirm")
    assert "1,250.50\u00a0USD" in text(client)
    assert Transaction.objects.get().status == "approved"
    assert gateway.verbs.count("charge") == 1


def test_a_payment_that_is_refused_can_be_made_with_another_card(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway, ACTION_NUMBER)
    pay(client, card)
    finish(client, "refuse")
    assert attempt_in(text(client)) == 2
    pay(client, add(wallet, gateway), attempt=2)
    assert [row.status for row in Transaction.objects.order_by("pk")] == ["declined", "approved"]


def test_another_card_replaces_a_payment_that_nobody_confirms(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    pay(client, add(wallet, gateway, ACTION_NUMBER))
    good = add(wallet, gateway)
    # The form before it, sent once more, replaces nothing.
    assert pay(client, good, attempt=1).status_code == 302
    assert "continue" in text(client)
    assert attempt_in(text(client)) == 2
    for _again in range(2):
        assert pay(client, good, attempt=2).status_code == 302
    assert "<dl" in text(client)
    statuses = Transaction.objects.order_by("pk").values_list("kind", "status")
    assert list(statuses) == [
        ("charge", "voided"),
        ("void", "approved"),
        ("charge", "approved"),
    ]
    assert gateway.verbs.count("charge") == 2


def test_what_is_confirmed_before_another_card_is_tried_is_the_payment(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    pay(client, add(wallet, gateway, ACTION_NUMBER))
    good = add(wallet, gateway)
    [entry] = gateway.bank.transactions()
    gateway.bank.finish_action(entry.id)
    assert pay(client, good, attempt=2).status_code == 302
    assert "<dl" in text(client)
    assert gateway.verbs.count("charge") == 1


def test_by_itself_the_wallet_replaces_nothing(wallet: Wallet, gateway: RecordingGateway) -> None:
    order: dict[str, Any] = {"order_reference": "B-1"}
    first = wallet.pay("5", card=add(wallet, gateway, ACTION_NUMBER).public_id, **order)
    good = add(wallet, gateway).public_id
    assert (first.needs_action, first.is_replaceable) == (True, True)
    assert wallet.pay("5", card=good, **order).needs_action
    paid = wallet.pay("5", card=good, attempt=wallet.attempt("B-1"), **order)
    assert (paid.is_paid, paid.is_replaceable) == (True, False)


def test_a_payment_that_is_held(client: Client, wallet: Wallet, gateway: RecordingGateway) -> None:
    card = add(wallet, gateway)
    gateway.bank.hold_next(1)
    assert pay(client, card).status_code == 302
    assert "held" in text(client)
    assert pay(client, card, attempt=2).status_code == 302
    assert gateway.verbs.count("charge") == 1


def test_an_order_may_stand_in_the_query(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    """Without it there is no such page, and the money is taken."""
    page, card = "/pay/?order=A-1&lang=de", add(wallet, gateway)
    for attempt in (1, 1, 2):  # paid, repeated, and paid already
        answer = client.post(f"{page}&n={NUMBER}", pay_form(card, attempt))
        assert (answer.status_code, answer["Location"]) == (302, page)
    assert "<dl" in client.get(page).content.decode()
    assert gateway.verbs.count("charge") == 1


def test_the_bank_leads_back_to_an_order_in_the_query(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    page = "/pay/?order=A-1"
    client.post(page, pay_form(add(wallet, gateway, ACTION_NUMBER)))
    shown = client.get(f"{page}&n={NUMBER}").content.decode()
    back = quote(f"http://testserver{page}", safe="")
    assert f'return_url={back}"' in shown


# -- An order that was changed after its payment began ---------------------------------------------


def test_what_was_confirmed_at_the_old_price_pays_nothing(
    client: Client,
    wallet: Wallet,
    gateway: RecordingGateway,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    card = add(wallet, gateway, ACTION_NUMBER)
    monkeypatch.setitem(urls.PRICES, "A-1", Decimal("1.00"))
    client.post(PAGE, pay_form(card, amount="1.00 USD"))
    monkeypatch.setitem(urls.PRICES, "A-1", Decimal("501.00"))
    page = text(client)
    assert "This was sent before, with other values." in page
    assert "continue" not in page
    row = Transaction.objects.get()
    gateway.bank.finish_action(str(row.transaction_id))
    page = text(client)
    assert "<dl" not in page  # no receipt
    assert "<form" not in page
    assert "This was sent before, with other values." in page
    good = add(wallet, gateway)
    for attempt in (1, 2):
        assert pay(client, good, attempt).status_code == 302
    assert gateway.verbs.count("charge") == 1


@pytest.mark.parametrize(("price", "currency"), [("501", "USD"), ("5", "EUR")])
def test_another_price_or_currency_is_not_paid(
    wallet: Wallet, gateway: RecordingGateway, price: str, currency: str
) -> None:
    card = add(wallet, gateway)
    wallet.pay("5", order_reference="B-1", card=card.public_id)
    found = wallet.payment("B-1", price, currency)
    again = wallet.pay(price, order_reference="B-1", card=card.public_id, currency=currency)
    for each in (found, again):
        assert each is not None
        assert (each.has_other_amount, each.is_paid) == (True, False)
    same = wallet.payment("B-1", Decimal("5.00"))
    assert same is not None
    assert same.is_paid
    assert gateway.verbs.count("charge") == 1


def test_what_staff_have_charged_afterwards_pays_it(
    wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway)
    wallet.pay("5", order_reference="B-1", card=card.public_id)
    row = card.charge("7", order_reference="B-1")
    found = wallet.payment("B-1", "7")
    assert found is not None
    assert (found.transaction, found.is_paid) == (row, True)


# -- Without pages ---------------------------------------------------------------------------------


def test_the_wallet_by_itself(wallet: Wallet, gateway: RecordingGateway) -> None:
    assert wallet.cards == []
    card = add(wallet, gateway)
    paid = wallet.pay("5", order_reference="B-1", card=card.public_id)
    assert paid.is_paid
    assert wallet.payment("B-1", "5") == paid
    assert wallet.action_address(paid, "http://testserver/") == ""
    wallet.remove_card(card.public_id)
    assert wallet.cards == []
    with pytest.raises(CardNotFoundError):
        wallet.pay("5", order_reference="B-2", card=card.public_id)


def test_a_decline_raises(wallet: Wallet, gateway: RecordingGateway) -> None:
    card = add(wallet, gateway)
    card.zip = "46282"
    card.save()
    with pytest.raises(CardDeclinedError):
        wallet.pay("5", order_reference="B-1", card=card.public_id)
    assert wallet.payment("B-1", "5") is None
    assert wallet.attempt("B-1") == 2


@pytest.mark.parametrize("reference", ["Order 7", "Bestellung-Ö", "x" * 63, "y" * 255])
def test_an_order_reference_that_is_no_key(
    wallet: Wallet, gateway: RecordingGateway, reference: str
) -> None:
    card = add(wallet, gateway)
    for _again in range(2):
        paid = wallet.pay("5", order_reference=reference, card=card.public_id, attempt=1)
        assert paid.is_paid
    assert gateway.verbs.count("charge") == 1
    keys = Operation.objects.filter(kind="charge").values_list("idempotency_key", flat=True)
    assert [len(key or "") for key in keys] == [64]


# -- What was given back, and old tabs -------------------------------------------------------------


@pytest.mark.parametrize("status", ["voided", "expired", "returned", "charged_back", "settled"])
def test_an_old_tab_is_not_told_that_what_was_given_back_pays(
    client: Client, wallet: Wallet, gateway: RecordingGateway, status: str
) -> None:
    card = add(wallet, gateway)
    row = wallet.pay("20.00", order_reference="A-2", card=card.public_id, attempt=1).transaction
    assert row is not None
    if status == "settled":
        gateway.bank.settle_batch()
        row.refresh_from_gateway()
        row.refund()
    else:
        Transaction.objects.filter(pk=row.pk).update(status=status)
    payment = wallet.pay("20.00", order_reference="A-2", card=card.public_id, attempt=1)
    assert (payment.is_paid, payment.is_undone, payment.transaction) == (False, True, row)
    assert wallet.payment("A-2", "20.00") is None
    response = client.post("/pay/A-2/", pay_form(card, amount="20.00 USD"))
    page = response.content.decode()
    assert response.status_code == 402
    assert "declined or given back" in page
    assert gateway.verbs.count("charge") == 1
    next_form = pay_form(card, attempt_in(page), "20.00 USD")
    assert client.post("/pay/A-2/", next_form).status_code == 302
    paid = wallet.payment("A-2", "20.00")
    assert paid is not None and paid.is_paid
    assert gateway.verbs.count("charge") == 2


def test_an_order_whose_payment_was_moved_to_another_one_is_paid_once_more(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway)
    asked: dict[str, Any] = {"order_reference": "A-2", "card": card.public_id}
    moved = wallet.pay("20.00", attempt=1, **asked).transaction
    assert moved is not None
    moved.order_reference = "B-7"
    moved.save(update_fields=["order_reference"])
    assert wallet.payment("A-2", "20.00") is None
    old = wallet.pay("20.00", attempt=1, **asked)
    assert (old.is_paid, old.is_undone, old.transaction) == (False, True, moved)
    response = client.post("/pay/A-2/", pay_form(card, amount="20.00 USD"))
    assert response.status_code == 402
    assert attempt_in(response.content.decode()) == 2
    assert gateway.verbs.count("charge") == 1
    paid = wallet.pay("20.00", attempt=2, **asked)
    assert paid.is_paid
    assert paid.transaction != moved
    assert gateway.verbs.count("charge") == 2


def test_another_card_in_an_old_tab_is_told_what_to_do(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    bad, good = add(wallet, gateway), add(wallet, gateway, "5424000000000015")
    bad.zip = "46282"
    bad.save()
    client.post("/pay/A-2/", pay_form(bad, amount="20.00 USD"))
    response = client.post("/pay/A-2/", pay_form(good, amount="20.00 USD"))
    page = response.content.decode()
    assert response.status_code == 402
    assert "declined or given back" in page
    assert gateway.verbs.count("charge") == 1
    client.post("/pay/A-2/", pay_form(good, attempt_in(page), "20.00 USD"))
    payment = wallet.payment("A-2", "20.00")
    assert payment is not None and payment.is_paid


@pytest.mark.parametrize("blank", ["", "  "])
def test_an_order_has_a_name(wallet: Wallet, gateway: RecordingGateway, blank: str) -> None:
    card = add(wallet, gateway)
    card.charge("20.00")
    asked: list[Callable[[], object]] = [
        lambda: wallet.pay("20.00", order_reference=blank, card=card.public_id),
        lambda: wallet.payment(blank, "20.00"),
        lambda: wallet.attempt(blank),
    ]
    for ask in asked:
        with pytest.raises(InvalidInput) as caught:
            ask()
        assert set(caught.value.errors) == {"order_reference"}
    assert gateway.verbs.count("charge") == 1


def test_blanks_around_a_reference_make_no_other_attempt(
    wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway)
    for reference in ("A-2", "A-2 ", " A-2"):
        payment = wallet.pay("20.00", order_reference=reference, card=card.public_id, attempt=1)
        assert payment.is_paid
        assert wallet.is_repetition(reference, 1)
    assert gateway.verbs.count("charge") == 1


def test_another_tenants_payment_pays_nothing(
    settings: Any, shopper: Any, gateway: RecordingGateway
) -> None:
    settings.DINERO = {**settings.DINERO, "GATEWAY_RESOLVER": f"{__name__}.resolve"}
    rows = []
    for name in ("shop-1", "shop-2"):
        wallet = Wallet(shopper, name)
        tenant = wallet.gateway
        assert isinstance(tenant, RecordingGateway)
        card = add(wallet, tenant)
        assert wallet.payment("A-2", "20.00") is None
        assert wallet.attempt("A-2") == 1
        rows.append(wallet.pay("20.00", order_reference="A-2", card=card.public_id).transaction)
    assert [row and row.gateway_name for row in rows] == ["shop-1", "shop-2"]


def resolve(name: str) -> dict[str, Any] | None:
    """A tenant's account."""
    backend = "tests.support.recording.RecordingGateway"
    return {"BACKEND": backend, "OPTIONS": {}} if name.startswith("shop-") else None
