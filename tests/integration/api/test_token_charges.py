"""``charges/``: tokens and new cards are charged without a customer, once, at the right price."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from django_dinero import throttle_rates
from django_dinero.gateways.registry import get_gateway
from django_dinero.models import Customer, Operation, Transaction
from tests.integration.api.calling import CARD, NUMBER, Caller, json_of, user_with
from tests.support.recording import Fault, RecordingGateway, lose_reply, lose_request

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(gateway: RecordingGateway, db: None) -> Caller:
    """A user who may charge."""
    return Caller(user_with("clerk", "charge_creditcard"))


def token_of(gateway: RecordingGateway, number: str = NUMBER) -> str:
    """A token, as a browser gets it."""
    return gateway.bank.mint_token(number, month=12, year=2060, cvv="900")


def test_a_token_is_charged_without_a_customer(clerk: Caller, gateway: RecordingGateway) -> None:
    body = {"price": "12.50", "token": token_of(gateway), "order_reference": "1042"}
    shown = json_of(clerk.post("charges/", body), 201)
    row = Transaction.objects.get()
    assert (shown["id"], shown["price"], shown["customer"]) == (str(row.public_id), "12.50", None)
    assert (row.owner, row.order_reference) == (clerk.user, "1042")
    assert "avs" not in shown
    assert not Customer.objects.exists()
    assert json_of(clerk.get(f"transactions/{row.public_id}/"), 200) == shown


def test_a_new_card_is_charged_with_its_address(clerk: Caller, gateway: RecordingGateway) -> None:
    body = {**CARD, "price": "12.50", "email": "bill@example.com", "settle": False}
    shown = json_of(clerk.post("charges/", body), 201)
    assert (shown["kind"], shown["last_4"]) == ("authorization", "1111")
    [(_verb, (request,))] = gateway.calls
    assert (request.source.address.zip, request.email) == (CARD["zip"], "bill@example.com")


def test_it_is_done_once_for_each_key(clerk: Caller, gateway: RecordingGateway) -> None:
    body = {"price": "12.50", "token": token_of(gateway)}
    assert set(json_of(clerk.post("charges/", body, key=None), 400)["errors"]) == {
        "Idempotency-Key"
    }
    first = clerk.post("charges/", body, key="order-1")
    again = clerk.post("charges/", body, key="order-1")
    assert json_of(again, 201) == json_of(first, 201)
    assert again["Idempotency-Replayed"] == "true"
    json_of(clerk.post("charges/", {**body, "price": "12.51"}, key="order-1"), 422)
    assert gateway.verbs == ["charge"]


def test_staff_choose_the_gateway_and_see_the_results(
    gateway: RecordingGateway, staff: Any
) -> None:
    body = {"price": "1.00", "token": token_of(gateway), "gateway_name": "default"}
    shown = json_of(staff("charge_creditcard").post("charges/", body), 201)
    assert shown["avs"]
    wrong = json_of(
        staff("charge_creditcard", name="b").post("charges/", {**body, "gateway_name": "x"}), 400
    )
    assert set(wrong["errors"]) == {"gateway_name"}


@pytest.mark.parametrize(
    "name", ["gateway_name", "initiator", "owner", "customer", "card", "scope"]
)
def test_users_do_not(clerk: Caller, gateway: RecordingGateway, name: str) -> None:
    body = {"price": "1.00", "token": token_of(gateway), name: "default"}
    assert set(json_of(clerk.post("charges/", body), 400)["errors"]) == {name}
    assert gateway.verbs == []


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"price"}),
        ({"price": "1.00"}, {"token"}),
        ({"price": "1.00", "token": "", "number": ""}, {"token"}),
        ({"price": "0", "token": "t"}, {"price"}),
        ({"price": 1.1, "token": "t"}, {"price"}),
        ({"price": "1.00", "token": "t", "number": NUMBER}, {"token"}),
        ({"price": "1.00", "token": "t", "currency": "EUR"}, {"currency"}),
    ],
)
def test_what_is_wrong_is_named(
    clerk: Caller, gateway: RecordingGateway, body: Any, fields: set[str]
) -> None:
    assert set(json_of(clerk.post("charges/", body), 400)["errors"]) >= fields
    assert gateway.verbs == []


def test_a_decline_says_no_more_than_elsewhere(clerk: Caller, gateway: RecordingGateway) -> None:
    shown = json_of(clerk.post("charges/", {**CARD, "price": "1.00", "cvv": "901"}), 402)
    assert set(shown) == {"code", "detail", "transaction", "operation"}
    assert (shown["code"], shown["detail"]) == ("card_declined", "The card was declined.")
    assert Transaction.objects.get().owner == clerk.user


# -- Shoppers --------------------------------------------------------------------------------------

ORDERS: dict[str, Any] = {"1042": Decimal("12.50"), "paid": None}
asked_for: list[tuple[Any, Mapping[str, str]]] = []


def price_of_order(request: Request, asked: Mapping[str, str]) -> Decimal | None:
    """What a project writes: the price of the order, None where there is nothing to pay."""
    asked_for.append((request.user, asked))
    if asked["order_reference"] not in ORDERS:
        raise NotFound
    price: Decimal | None = ORDERS[asked["order_reference"]]
    return price


@pytest.fixture
def shop(settings: Any, gateway: RecordingGateway, db: None) -> Any:
    """A shop whose guests pay."""
    asked_for.clear()
    settings.DINERO = {**settings.DINERO, "API_GUEST_CHARGES": f"{__name__}.price_of_order"}
    return settings


@pytest.fixture
def bank(shop: Any) -> RecordingGateway:
    """The gateway of the shop: a changed setting makes another one."""
    found = get_gateway()
    assert isinstance(found, RecordingGateway)
    return found


def order(bank: RecordingGateway, **changed: Any) -> dict[str, Any]:
    """The body that pays the order 1042."""
    return {"price": "12.50", "token": token_of(bank), "order_reference": "1042", **changed}


@pytest.mark.parametrize("signed_in", [False, True])
def test_a_shopper_pays_the_price_of_the_order(bank: RecordingGateway, signed_in: bool) -> None:
    user = user_with("ann") if signed_in else None
    shown = json_of(Caller(user).post("charges/", order(bank), key=str(uuid.uuid4())), 201)
    row = Transaction.objects.get()
    assert shown["id"] == str(row.public_id)
    assert (row.owner, row.price) == (user, Decimal("12.50"))
    assert "avs" not in shown
    [(who, asked)] = asked_for
    assert asked == {"order_reference": "1042", "description": "", "email": ""}
    assert who.is_authenticated == signed_in
    [(_verb, (request,))] = bank.calls
    assert request.customer_ip == "127.0.0.1"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("203.0.113.5:51324", "203.0.113.5"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6"),
        ("[2001:db8::1]:51324", "2001:db8::1"),
        ("unknown", ""),
    ],
)
def test_the_gateway_is_told_the_shoppers_own_address(
    shop: Any, bank: RecordingGateway, written: str, told: str
) -> None:
    shop.REST_FRAMEWORK = {"NUM_PROXIES": 1}
    shopper = Caller()
    shopper.client.defaults["HTTP_X_FORWARDED_FOR"] = written
    json_of(shopper.post("charges/", order(bank), key=str(uuid.uuid4())), 201)
    [(_verb, (request,))] = bank.calls
    assert (request.customer_ip or "") == told


@pytest.mark.parametrize("price", ["12.49", "0.01", "125.00"])
def test_and_no_other(bank: RecordingGateway, price: str) -> None:
    response = Caller().post("charges/", order(bank, price=price), key=str(uuid.uuid4()))
    shown = json_of(response, 400)
    assert shown["errors"] == {"price": ["The price is another one. Nothing was charged."]}
    assert bank.verbs == []
    assert not Operation.objects.exists()


@pytest.mark.parametrize(("reference", "status"), [("paid", 403), ("unknown", 404)])
def test_what_the_project_refuses_is_refused(
    bank: RecordingGateway, reference: str, status: int
) -> None:
    body = order(bank, order_reference=reference)
    json_of(Caller().post("charges/", body, key=str(uuid.uuid4())), status)
    assert bank.verbs == []


@pytest.mark.parametrize(
    "name", ["currency", "settle", "customer_ip", "gateway_name", "initiator", "owner", "scope"]
)
def test_a_shopper_chooses_nothing_that_changes_what_is_paid(
    bank: RecordingGateway, name: str
) -> None:
    response = Caller().post("charges/", order(bank, **{name: "1"}), key=str(uuid.uuid4()))
    assert set(json_of(response, 400)["errors"]) == {name}
    assert bank.verbs == []


def test_what_was_paid_is_answered_again(bank: RecordingGateway, monkeypatch: Any) -> None:
    key, body = str(uuid.uuid4()), order(bank)
    first = json_of(Caller().post("charges/", body, key=key), 201)
    monkeypatch.setitem(ORDERS, "1042", None)
    again = Caller().post("charges/", body, key=key)
    assert (json_of(again, 201), again["Idempotency-Replayed"]) == (first, "true")
    json_of(Caller().post("charges/", body, key=str(uuid.uuid4())), 403)
    assert bank.verbs == ["charge"]


@pytest.mark.parametrize(
    "key", ["1042", "order-1042-1", "f" * 32, "e695bee6-ec49-11f1-8669-02fc00000001"]
)
def test_a_strangers_key_cannot_be_guessed(bank: RecordingGateway, key: str) -> None:
    """Strangers share a scope: with a key like 1 one would be shown what another has paid."""
    shown = json_of(Caller().post("charges/", order(bank), key=key), 400)
    assert set(shown["errors"]) == {"Idempotency-Key"}
    json_of(Caller(user_with("ann")).post("charges/", order(bank), key=key), 201)


def test_a_strangers_lost_charge_is_found_with_its_key(bank: RecordingGateway) -> None:
    key, body = str(uuid.uuid4()), order(bank)
    bank.faults["charge"] = lose_reply
    lost = Caller().post("charges/", body, key=key)
    shown = json_of(lost, 202)
    assert not lost.has_header("Location")
    json_of(Caller().get(f"operations/{shown['operation']}/"), 403)
    assert json_of(Caller().post("charges/", body, key=key), 201)["price"] == "12.50"
    assert bank.verbs.count("charge") == 1


def prove_absent_next_time() -> None:
    """The quarantine of what was lost is over: a look-up that finds nothing proves it absent."""
    Operation.objects.update(quarantine_until="2020-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("now", "status"), [(None, 403), (Decimal("99.00"), 400), (Decimal("12.50"), 201)]
)
def test_a_lost_charge_is_sent_anew_at_the_price_of_then(
    bank: RecordingGateway, monkeypatch: pytest.MonkeyPatch, now: Decimal | None, status: int
) -> None:
    key = str(uuid.uuid4())
    bank.faults["charge"] = lose_request
    json_of(Caller().post("charges/", order(bank), key=key), 202)
    monkeypatch.setitem(ORDERS, "1042", now)
    again = json_of(Caller().post("charges/", order(bank), key=key), 202)
    assert again["code"] == "outcome_unknown"
    prove_absent_next_time()
    json_of(Caller().post("charges/", order(bank), key=key), status)
    assert bank.verbs.count("charge") == (2 if status == 201 else 1)
    assert len(bank.bank.transactions()) == (1 if status == 201 else 0)


def test_a_lost_charge_that_is_sent_anew_is_counted(bank: RecordingGateway, shop: Any) -> None:
    shop.REST_FRAMEWORK = {
        "DEFAULT_THROTTLE_RATES": {"dinero-charge": "1/hour"},
        "NUM_PROXIES": 0,
    }
    key = str(uuid.uuid4())
    bank.faults["charge"] = lose_request
    json_of(Caller().post("charges/", order(bank), key=key), 202)
    prove_absent_next_time()
    json_of(Caller().post("charges/", order(bank), key=key), 429)
    assert bank.verbs.count("charge") == 1


# -- An order that is paid, or may be --------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code"),
    [(lose_reply, "order_paid"), (lose_request, "operation_in_progress")],
)
def test_an_order_is_not_paid_twice_while_an_attempt_is_unknown(
    bank: RecordingGateway, fault: Fault, code: str
) -> None:
    bank.faults["charge"] = fault
    json_of(Caller().post("charges/", order(bank), key=str(uuid.uuid4())), 202)
    Operation.objects.update(created_at="2020-01-01T00:00:00Z")
    for caller in (Caller(), Caller(user_with("ann"))):
        refused = json_of(caller.post("charges/", order(bank), key=str(uuid.uuid4())), 409)
        assert set(refused) == {"code", "detail"}  # nothing of the other attempt
        assert refused["code"] == code
        assert ("It is not known yet" in refused["detail"]) is (fault is lose_request)
    assert bank.verbs.count("charge") == 1
    other = order(bank, order_reference="another")
    json_of(Caller().post("charges/", other, key=str(uuid.uuid4())), 404)


def test_nor_while_it_is_being_sent(bank: RecordingGateway) -> None:
    seen: list[Any] = []

    def ask_again(call: Any) -> Any:
        seen.append(Caller().post("charges/", order(bank), key=str(uuid.uuid4())))
        return call()

    bank.faults["charge"] = ask_again
    json_of(Caller().post("charges/", order(bank), key=str(uuid.uuid4())), 201)
    assert json_of(seen[0], 409)["code"] == "operation_in_progress"
    assert bank.verbs.count("charge") == 1


@pytest.mark.parametrize("holder", [None, "ann"])
def test_nor_while_the_cards_holder_must_confirm(
    bank: RecordingGateway, holder: str | None
) -> None:
    key, body = str(uuid.uuid4()), order(bank, token=token_of(bank, "4000000000003220"))
    shopper = Caller(user_with(holder) if holder else None)
    assert json_of(shopper.post("charges/", body, key=key), 402)["code"] == "action_required"
    # The attempt itself is answered as before.
    assert json_of(shopper.post("charges/", body, key=key), 402)["code"] == "action_required"
    if holder:  # somebody else's is nobody's to replace
        for other in (Caller(), Caller(user_with("eve"))):
            refused = other.post("charges/", order(bank), key=str(uuid.uuid4()))
            assert json_of(refused, 409)["code"] == "operation_in_progress"
    assert bank.verbs.count("charge") == 1
    json_of(shopper.post("charges/", order(bank), key=str(uuid.uuid4())), 201)
    assert json_of(shopper.post("charges/", body, key=key), 402)["code"] == "card_declined"
    entries = sorted(bank.bank.transactions(), key=lambda entry: int(entry.id))
    assert [entry.status for entry in entries] == ["voided", "captured"]


def test_what_its_holder_has_confirmed_pays_the_order(bank: RecordingGateway) -> None:
    body = order(bank, token=token_of(bank, "4000000000003220"))
    json_of(Caller().post("charges/", body, key=str(uuid.uuid4())), 402)
    [entry] = bank.bank.transactions()
    bank.bank.finish_action(entry.id)
    refused = Caller().post("charges/", order(bank), key=str(uuid.uuid4()))
    assert json_of(refused, 409)["code"] == "order_paid"
    assert bank.verbs.count("charge") == 1


def test_nor_when_it_is_paid_and_the_shop_does_not_know_yet(bank: RecordingGateway) -> None:
    json_of(Caller().post("charges/", order(bank), key=str(uuid.uuid4())), 201)
    refused = Caller().post("charges/", order(bank), key=str(uuid.uuid4()))
    assert json_of(refused, 409)["code"] == "order_paid"
    assert bank.verbs == ["charge"]


def test_after_a_decline_it_may_be_paid(bank: RecordingGateway) -> None:
    json_of(Caller().post("charges/", declined(bank), key=str(uuid.uuid4())), 402)
    json_of(Caller().post("charges/", order(bank), key=str(uuid.uuid4())), 201)


def test_what_has_no_reference_is_the_projects_to_tell_apart(
    bank: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ORDERS, "", Decimal("12.50"))
    for _attempt in range(2):
        body = order(bank)
        del body["order_reference"]
        json_of(Caller().post("charges/", body, key=str(uuid.uuid4())), 201)


def test_who_may_name_the_price_may_charge_an_order_in_parts(bank: RecordingGateway) -> None:
    clerk = Caller(user_with("clerk", "charge_creditcard"))
    for _attempt in range(2):
        json_of(clerk.post("charges/", order(bank)), 201)


def counted(shop: Any, **rates: str) -> None:
    """Only these rates, and one of strangers that nobody reaches."""
    found: dict[str, str | None] = dict.fromkeys(throttle_rates.DEFAULTS)
    found |= dict.fromkeys(throttle_rates.OF_STRANGERS, "100/hour")
    found |= {f"dinero-{name}": rate for name, rate in rates.items()}
    shop.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": found, "NUM_PROXIES": 1}


def from_address(number: int) -> Caller:
    """A stranger with an address of their own."""
    caller = Caller()
    caller.client.defaults["HTTP_X_FORWARDED_FOR"] = f"192.0.2.{number}"
    return caller


def declined(bank: RecordingGateway, **changed: Any) -> dict[str, Any]:
    """A body whose token the bank declines."""
    return order(bank, token=bank.bank.mint_token(NUMBER, month=12, year=2060, cvv="901")) | changed


@pytest.mark.parametrize("rate", ["card", "declines"])
def test_tokens_that_are_tried_on_one_order_are_counted_together(
    bank: RecordingGateway, shop: Any, monkeypatch: pytest.MonkeyPatch, rate: str
) -> None:
    counted(shop, **{rate: "2/hour"})
    monkeypatch.setitem(ORDERS, "1043", Decimal("12.50"))
    for number, reference in enumerate(("1042", " 1042")):
        body = declined(bank, order_reference=reference)
        json_of(from_address(number).post("charges/", body, key=str(uuid.uuid4())), 402)
    json_of(from_address(3).post("charges/", declined(bank), key=str(uuid.uuid4())), 429)
    assert bank.verbs.count("charge") == 2
    other = order(bank, order_reference="1043")
    json_of(from_address(3).post("charges/", other, key=str(uuid.uuid4())), 201)


def test_an_order_of_long_digits_is_counted_too(
    bank: RecordingGateway, shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted(shop, card="1/hour")
    monkeypatch.setitem(ORDERS, "1234567890123", Decimal("12.50"))
    for number, status in ((1234567890123, 402), ("1234567890123", 429), ([], 400), (None, 400)):
        body = declined(bank, order_reference=number)
        json_of(Caller().post("charges/", body, key=str(uuid.uuid4())), status)


def test_who_may_name_the_price_is_not_counted_for_an_order(
    bank: RecordingGateway, shop: Any
) -> None:
    counted(shop, card="1/hour")
    clerk = Caller(user_with("clerk", "charge_creditcard"))
    for _attempt in range(2):
        json_of(clerk.post("charges/", order(bank)), 201)


def test_a_project_without_an_anonymous_user(
    bank: RecordingGateway, shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.REST_FRAMEWORK = {"UNAUTHENTICATED_USER": None}
    json_of(Caller().get("gateways/"), 200)


def test_who_may_name_the_price_is_not_asked_for_it(bank: RecordingGateway) -> None:
    clerk = Caller(user_with("clerk", "charge_creditcard"))
    json_of(clerk.post("charges/", order(bank, price="99.00")), 201)
    assert asked_for == []
