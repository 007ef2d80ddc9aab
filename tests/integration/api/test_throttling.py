"""Card testing is stopped before the gateway is asked, and nobody else is."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache.backends.locmem import LocMemCache

from django_dinero import throttle_rates
from django_dinero.api.throttling import address_of
from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import NotSent
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import Reason, TransactionResult
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.integration.api.calling import CARD, Caller, json_of, new_key, user_with
from tests.support import sinks
from tests.support.recording import RecordingGateway, answer, lose_reply, lose_request

pytestmark = pytest.mark.django_db

#: Valid numbers of one issuer, and one of another.
OF_ONE_ISSUER = ["4111111111111111", "4111111111111129", "4111111111111137", "4111111111111145"]
OF_ANOTHER = "5424000000000015"


@pytest.fixture
def limits(settings: Any) -> Callable[..., None]:
    """Sets the rates named, and switches all other ones off."""

    def set_limits(**named: str | None) -> None:
        found = dict.fromkeys(throttle_rates.DEFAULTS)
        found |= {f"dinero-{name.replace('_', '-')}": rate for name, rate in named.items()}
        assert set(found) == set(throttle_rates.DEFAULTS)
        settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": found, "NUM_PROXIES": 1}

    return set_limits


@pytest.fixture
def clerk(gateway: RecordingGateway, db: None) -> Caller:
    """A user who may charge."""
    return Caller(user_with("clerk", "charge_creditcard"))


def charge(caller: Caller, number: str = OF_ONE_ISSUER[0], **changed: Any) -> Any:
    """Charge a new card."""
    key = changed.pop("key", "")
    body = {**CARD, "number": number, "price": "1.00", **changed}
    return caller.post("charges/", body, key=key or new_key())


def assert_stopped(response: Any, longest: int = 3600 * 5 // 4) -> None:
    """The answer is a 429 that says when to come back."""
    assert json_of(response, 429)["code"] == "throttled"
    assert 0 < int(response["Retry-After"]) <= longest


# -- Users and addresses ---------------------------------------------------------------------------


def test_a_user_is_counted_wherever_they_are(
    limits: Any, clerk: Caller, gateway: RecordingGateway
) -> None:
    limits(charge="2/hour")
    for address in ("192.0.2.1", "192.0.2.2"):
        clerk.client.defaults["HTTP_X_FORWARDED_FOR"] = address
        json_of(charge(clerk), 201)
    clerk.client.defaults["HTTP_X_FORWARDED_FOR"] = "192.0.2.3"
    assert_stopped(charge(clerk))
    assert gateway.verbs == ["charge"] * 2
    other = Caller(user_with("other", "charge_creditcard"))
    json_of(charge(other), 201)


def test_an_address_is_counted_whoever_is_there(
    limits: Any, gateway: RecordingGateway, db: None
) -> None:
    limits(address="3/hour")
    answers = []
    for number in range(4):
        caller = Caller(user_with(f"user-{number}"))
        caller.client.defaults["HTTP_X_FORWARDED_FOR"] = "198.51.100.9, 192.0.2.1"
        answers.append(caller.post("customers/", {"email": "x@example.com", **CARD}))
    assert [answer.status_code for answer in answers[:3]] == [201] * 3
    assert_stopped(answers[3])
    assert gateway.verbs == ["create_customer"] * 3
    caller.client.defaults["HTTP_X_FORWARDED_FOR"] = "198.51.100.9, 192.0.2.2"
    json_of(caller.post("customers/", {"email": "x@example.com", **CARD}), 201)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "signed_in", "address"),
    [
        (0, "198.51.100.9", False, "127.0.0.1"),
        (1, "203.0.113.5, 198.51.100.9", False, "198.51.100.9"),
        (2, "203.0.113.5, 198.51.100.9", False, "203.0.113.5"),
        (1, None, False, "127.0.0.1"),
        (None, "203.0.113.5", False, "127.0.0.1"),
        (None, "203.0.113.5", True, "127.0.0.1"),
        (1, "2001:db8:1:2:3:4:5:6", False, "2001:db8:1:2::/64"),
        (1, "2001:db8:1:2:ffff::1", False, "2001:db8:1:2::/64"),
        (1, "::ffff:203.0.113.5", False, "203.0.113.5"),
        (1, "203.0.113.5:51324", False, "203.0.113.5"),
        (1, "[2001:db8:1:2::1]:51324", False, "2001:db8:1:2::/64"),
        (1, "[2001:db8:1:2::1]", False, "2001:db8:1:2::/64"),
        (1, "[::ffff:203.0.113.5]:51324", False, "203.0.113.5"),
        (1, "fe80::1%eth0", False, "fe80::/64"),
        (None, "203.0.113.5:51324, 198.51.100.9", True, "127.0.0.1"),
        (1, "unknown", False, "unknown"),
        (1, "_hidden", False, "unknown"),
        (1, "_hidden:51324", False, "unknown"),
        (1, "[", False, "unknown"),
        (1, "[]:1", False, "unknown"),
        (1, ":1", False, "unknown"),
    ],
)
def test_addresses(
    rf: Any, settings: Any, proxies: Any, forwarded: Any, signed_in: bool, address: str
) -> None:
    settings.REST_FRAMEWORK = {"NUM_PROXIES": proxies}
    request = rf.get("/", headers={"X-Forwarded-For": forwarded} if forwarded else {})
    request.user = user_with("ann") if signed_in else None
    assert address_of(request) == address


# -- Cards -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("staff", [False, True])
def test_numbers_of_one_issuer_are_counted_together(
    limits: Any, gateway: RecordingGateway, staff: bool
) -> None:
    limits(bin="3/hour")
    callers = [Caller(user_with(f"u{n}", "charge_creditcard", is_staff=staff)) for n in range(4)]
    answers = [charge(c, n) for c, n in zip(callers, OF_ONE_ISSUER, strict=True)]
    assert [answer.status_code for answer in answers[:3]] == [201] * 3
    assert_stopped(answers[3])
    json_of(charge(callers[3], OF_ANOTHER), 201)


def test_one_number_is_counted_however_it_is_written(
    limits: Any, gateway: RecordingGateway
) -> None:
    limits(card="2/hour")
    callers = [Caller(user_with(f"u{n}", "charge_creditcard")) for n in range(3)]
    json_of(charge(callers[0], "4111111111111111"), 201)
    json_of(charge(callers[1], "4111 1111 1111 1111"), 201)
    assert_stopped(charge(callers[2], "4111-1111-1111-1111"))
    body = {"email": "x@example.com", **CARD}
    assert_stopped(callers[2].post("customers/", body))
    json_of(charge(callers[2], OF_ONE_ISSUER[1]), 201)
    assert gateway.verbs == ["charge"] * 3


def test_a_stored_card_is_counted(
    limits: Any, owner: Caller, card: CreditCard, gateway: RecordingGateway, staff: Any
) -> None:
    limits(card="2/hour")
    path = f"cards/{card.public_id}/"
    json_of(owner.post(f"{path}charge/", {"price": "1.00"}), 201)
    json_of(owner.post(f"{path}validate/"), 200)
    assert_stopped(owner.post(f"{path}charge/", {"price": "1.00"}))
    json_of(staff("charge_creditcard").post(f"{path}charge/", {"price": "1.00"}), 201)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "cards/{card}/"),
        ("POST", "cards/{card}/charge/"),
        ("POST", "cards/{card}/validate/"),
        ("POST", "customers/{customer}/cards/"),
        ("POST", "customers/{customer}/charge/"),
    ],
)
def test_strangers_do_not_use_up_what_is_counted_for_another_users_card(
    limits: Any, owner: Caller, card: CreditCard, staff: Any, method: str, path: str
) -> None:
    limits(card="1/hour")
    stranger, clerk = Caller(user_with("eve", "charge_creditcard")), staff("view_creditcard")
    path = path.format(card=card.public_id, customer=card.customer.public_id)
    for caller in (stranger, clerk) * 2:
        assert caller.send(method, path).status_code in (403, 404)
    for held in (f"cards/{card.public_id}/", f"customers/{card.customer.public_id}/"):
        json_of(owner.post(f"{held}charge/", {"price": "1.00"}), 201)
        assert_stopped(owner.post(f"{held}charge/", {"price": "1.00"}))


def test_a_changed_card_is_an_attempt(
    limits: Any, owner: Caller, card: CreditCard, gateway: RecordingGateway, staff: Any
) -> None:
    """Where the gateway checks it with its issuer, a date of expiry could be found by trying."""
    limits(store="2/hour")
    path = f"cards/{card.public_id}/"
    for month in (1, 2):
        json_of(owner.patch(path, {"month": month}), 200)
    mark = gateway.mark
    assert_stopped(owner.patch(path, {"month": 3}))
    assert gateway.since(mark) == []
    json_of(staff("change_creditcard").patch(path, {"month": 3}), 200)


def test_a_token_is_counted(limits: Any, clerk: Caller, gateway: RecordingGateway) -> None:
    limits(card="1/hour")
    token = gateway.bank.mint_token(OF_ANOTHER, month=12, year=2060)
    body = {"price": "1.00", "token": token}
    json_of(clerk.post("charges/", body), 201)
    assert_stopped(clerk.post("charges/", body))


def test_what_can_be_no_card_is_nobodys(limits: Any, gateway: RecordingGateway, db: None) -> None:
    """Forms send an empty field along, and all of them would share one counter."""
    limits(card="1/hour", bin="1/hour")
    for name in ("ann", "bob", "cat"):
        caller = Caller(user_with(name, "charge_creditcard"))
        token = gateway.bank.mint_token(OF_ANOTHER, month=12, year=2060)
        json_of(charge(caller, "", cvv="", month="", year="", token=token), 201)
        json_of(charge(caller, "4111", token=""), 400)


def test_nothing_of_a_number_is_in_the_cache(
    clerk: Caller, gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[str] = []
    for name in ("set", "add", "incr", "get_many"):
        original = getattr(LocMemCache, name)

        def record(self: Any, *args: Any, _original: Any = original, **kwargs: Any) -> Any:
            stored.append(repr((args, kwargs)))
            return _original(self, *args, **kwargs)

        monkeypatch.setattr(LocMemCache, name, record)
    with sinks.every_log() as logs:
        json_of(charge(clerk), 201)
    text = "".join(stored)
    assert text.count("dinero-card") >= 2
    assert "41111111" not in text
    assert sinks.found(text + logs.getvalue(), [OF_ONE_ISSUER[0], "clerk"]) == []


# -- Declines --------------------------------------------------------------------------------------


def test_after_so_many_declines_a_user_waits(
    limits: Any, clerk: Caller, gateway: RecordingGateway
) -> None:
    limits(declines="3/hour")
    for number in OF_ONE_ISSUER[:3]:
        json_of(charge(clerk), 201)  # what is approved does not make up for it
        json_of(charge(clerk, number, cvv="901"), 402)
    mark = gateway.mark
    assert_stopped(charge(clerk))
    body = {"email": "x@example.com", **CARD}
    assert_stopped(clerk.post("customers/", body))
    assert gateway.since(mark) == []
    json_of(clerk.get("transactions/"), 200)
    json_of(charge(Caller(user_with("other", "charge_creditcard"))), 201)


def test_after_so_many_declines_an_address_waits(
    limits: Any, gateway: RecordingGateway, settings: Any
) -> None:
    limits(address_declines="2/hour")
    for number in range(2):
        caller = Caller(user_with(f"user-{number}"))
        body = {"email": "x@example.com", **CARD, "cvv": "901"}
        json_of(caller.post("customers/", body), 402)
    assert_stopped(Caller(user_with("another")).post("customers/", {**body, "cvv": "900"}))


def test_it_cools_down(
    limits: Any, clerk: Caller, gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits(declines="1/hour")
    now = 1_800_000_000.0
    monkeypatch.setattr("django_dinero.api.throttling.time.time", lambda: now)
    json_of(charge(clerk, cvv="901"), 402)
    stopped = charge(clerk)
    assert_stopped(stopped)
    now += int(stopped["Retry-After"])
    json_of(charge(clerk), 201)


def test_what_is_malformed_is_no_decline(
    limits: Any, clerk: Caller, gateway: RecordingGateway
) -> None:
    limits(declines="1/hour")
    for _attempt in range(3):
        json_of(charge(clerk, "4111111111111112"), 400)
    json_of(charge(clerk), 201)


def test_staff_are_not_counted_for_the_declines_of_others(
    limits: Any, gateway: RecordingGateway, staff: Any
) -> None:
    limits(declines="1/hour", address_declines="1/hour", charge="1/hour", address="1/hour")
    clerk = staff("charge_creditcard")
    for _attempt in range(3):
        json_of(charge(clerk, cvv="901"), 402)
    json_of(charge(clerk), 201)


# -- Repetitions -----------------------------------------------------------------------------------


def test_a_repetition_is_not_counted_and_not_stopped(
    limits: Any, clerk: Caller, gateway: RecordingGateway
) -> None:
    limits(charge="2/hour", declines="1/hour", address="2/hour", card="2/hour", bin="2/hour")
    first = json_of(charge(clerk, key="first"), 201)
    for _attempt in range(3):
        assert json_of(charge(clerk, key="first"), 201) == first
    declined = json_of(charge(clerk, cvv="901", key="second"), 402)
    assert_stopped(charge(clerk))
    assert json_of(charge(clerk, key="first"), 201) == first
    for _attempt in range(3):
        assert json_of(charge(clerk, cvv="901", key="second"), 402) == declined
    assert gateway.verbs == ["charge"] * 2


def test_a_lost_answer_is_asked_for_though_the_rate_is_used_up(
    limits: Any, clerk: Caller, gateway: RecordingGateway
) -> None:
    limits(charge="1/hour")
    gateway.faults["charge"] = lose_reply
    json_of(charge(clerk, key="lost"), 202)
    json_of(charge(clerk, key="lost"), 201)
    assert gateway.verbs.count("charge") == 1


@pytest.mark.parametrize("is_staff", [False, True])
@pytest.mark.parametrize("path", ["cards/{card}/charge/", "customers/{customer}/charge/", ""])
def test_a_lost_charge_that_is_sent_anew_is_counted(
    limits: Any, gateway: RecordingGateway, path: str, is_staff: bool
) -> None:
    """Proven not to have happened, it is a new question to the issuer, and may be declined."""
    limits(charge="1/hour", bin="1/hour")
    caller = Caller(user_with("ann", "charge_creditcard", is_staff=is_staff))
    customer = Customer.create("ann@example.com", owner=caller.user, **CARD)
    path = path.format(card=customer.cards[0].public_id, customer=customer.public_id)
    body: dict[str, Any] = {"price": "1.00"} if path else {**CARD, "price": "1.00"}
    gateway.faults["charge"] = lose_request
    json_of(caller.post(path or "charges/", body, key="lost"), 202)
    Operation.objects.update(quarantine_until="2020-01-01T00:00:00Z")
    again = caller.post(path or "charges/", body, key="lost")
    if is_staff and path:  # neither their user nor a stored card is counted
        json_of(again, 201)
    else:
        assert_stopped(again)
        assert gateway.verbs.count("charge") == 1


def test_a_lost_charge_that_is_declined_when_it_is_sent_anew_is_counted_so(
    limits: Any, owner: Caller, declining: CreditCard, gateway: RecordingGateway
) -> None:
    limits(declines="1/hour")
    path, body = f"cards/{declining.public_id}/charge/", {"price": "1.00"}
    gateway.faults["charge"] = lose_request
    json_of(owner.post(path, body, key="lost"), 202)
    Operation.objects.update(quarantine_until="2020-01-01T00:00:00Z")
    json_of(owner.post(path, body, key="lost"), 402)
    assert_stopped(owner.post(path, body))


def test_what_never_left_is_counted_again(
    limits: Any, clerk: Caller, gateway: RecordingGateway
) -> None:
    limits(charge="2/hour")

    def refuse(call: Any) -> Any:
        raise NotSent("no connection")

    for _attempt in range(2):
        gateway.faults["charge"] = refuse
        json_of(charge(clerk, key="free"), 503)
    assert_stopped(charge(clerk, key="free"))


def test_a_customer_that_was_stored_is_answered_again(
    limits: Any, gateway: RecordingGateway, db: None
) -> None:
    limits(store="1/hour")
    ann, body = Caller(user_with("ann")), {"email": "x@example.com", **CARD}
    first = json_of(ann.post("customers/", body, key="sign-up"), 201)
    assert json_of(ann.post("customers/", body, key="sign-up"), 201) == first
    assert_stopped(ann.post("customers/", body, key="another"))
    bob = Caller(user_with("bob"))
    json_of(bob.post("customers/", body, key="sign-up"), 201)
    assert gateway.verbs == ["create_customer"] * 2


def test_a_customer_that_is_being_stored_is_no_cover_for_other_numbers(
    limits: Any, gateway: RecordingGateway, db: None
) -> None:
    limits(store="2/hour")
    ann, body = Caller(user_with("ann")), {"email": "x@example.com", **CARD}
    answers = []

    def ask_meanwhile(call: Any) -> Any:
        for number in OF_ONE_ISSUER[1:3]:
            sent = {**body, "number": number}
            answers.append(ann.post("customers/", sent, key="sign-up"))
        return call()

    gateway.faults["create_customer"] = ask_meanwhile
    json_of(ann.post("customers/", body, key="sign-up"), 201)
    assert json_of(answers[0], 409)["code"] == "operation_in_progress"
    assert_stopped(answers[1])
    assert gateway.verbs == ["create_customer"]


def test_a_refusal_that_keeps_its_key_is_answered_again(
    limits: Any, clerk: Caller, gateway: RecordingGateway
) -> None:
    limits(charge="1/hour")
    failed = (Reason(ReasonKind.GATEWAY_ERROR),)
    gateway.faults["charge"] = answer(TransactionResult(ResultStatus.FAILED, reasons=failed))
    for _attempt in range(3):
        json_of(charge(clerk, key="refused"), 502)
    assert Operation.objects.get().state == "failed"
    assert gateway.verbs == ["charge"]
    assert_stopped(charge(clerk))


def test_a_declined_customer_is_a_new_attempt_each_time(
    limits: Any, gateway: RecordingGateway, db: None
) -> None:
    limits(store="2/hour")
    ann, body = Caller(user_with("ann")), {"email": "x@example.com", **CARD, "cvv": "901"}
    for _attempt in range(2):
        json_of(ann.post("customers/", body, key="sign-up"), 402)
    assert_stopped(ann.post("customers/", body, key="sign-up"))


def test_a_key_opens_no_route_that_reads_none(
    limits: Any, owner: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    limits(store="1/hour", charge="1/hour")
    held, card = f"customers/{customer.public_id}/", f"cards/{customer.cards[0].public_id}/"
    json_of(owner.post(f"{held}charge/", {"price": "1.00"}, key="used"), 201)
    mark = gateway.mark
    json_of(owner.post(f"{held}cards/", {**CARD, "number": OF_ANOTHER}, key="used"), 201)
    assert_stopped(owner.post(f"{held}cards/", {**CARD, "number": OF_ONE_ISSUER[1]}, key="used"))
    assert_stopped(owner.post(f"{card}validate/", key="used"))
    assert gateway.since(mark) == ["add_card"]


# -- Operations ------------------------------------------------------------------------------------


def test_operations_have_a_rate_of_their_own(
    limits: Any, owner: Caller, card: CreditCard, gateway: RecordingGateway
) -> None:
    limits(operation="2/minute", charge="1/hour", declines="1/hour")
    gateway.faults["charge"] = lose_reply
    shown = json_of(owner.post(f"cards/{card.public_id}/charge/", {"price": "1.00"}), 202)
    path = f"operations/{shown['operation']}/"
    for _attempt in range(2):
        json_of(owner.get(path), 200)
    mark = gateway.mark
    assert_stopped(owner.get(path), longest=75)
    assert gateway.since(mark) == []


# -- Defaults, and a cache that fails --------------------------------------------------------------


def test_they_are_on_without_a_setting(clerk: Caller, gateway: RecordingGateway) -> None:
    for number in range(10):
        json_of(charge(clerk, OF_ONE_ISSUER[number % 2], cvv="901"), 402)
    assert_stopped(charge(clerk, OF_ANOTHER))


def test_each_can_be_switched_off(limits: Any, clerk: Caller, gateway: RecordingGateway) -> None:
    limits()
    for _attempt in range(12):
        json_of(charge(clerk, cvv="901"), 402)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache's server is down."""

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise ConnectionError(f"cannot connect with {args!r}")

    for name in ("add", "incr", "get_many", "set", "get"):
        monkeypatch.setattr(LocMemCache, name, fail)


def test_a_broken_cache_stops_nobody_who_is_signed_in_and_is_told(
    broken: None, clerk: Caller, gateway: RecordingGateway, caplog: pytest.LogCaptureFixture
) -> None:
    json_of(charge(clerk), 201)
    json_of(charge(clerk, OF_ANOTHER, cvv="901"), 402)
    told = [record for record in caplog.records if "no rate holds" in record.getMessage()]
    assert [record.levelname for record in told] == ["ERROR"] * 3  # the decline is counted too
    assert "The cache failed (ConnectionError)" in told[0].getMessage()


def price_of_order(request: Any, asked: Any) -> str:
    return "1.00"


def test_strangers_come_back_when_the_cache_works(
    settings: Any, gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch, request: Any
) -> None:
    settings.DINERO = {**settings.DINERO, "API_GUEST_CHARGES": f"{__name__}.price_of_order"}
    bank: Any = get_gateway()
    request.getfixturevalue("broken")
    refused = charge(Caller(), key=str(uuid.uuid4()))
    assert json_of(refused, 503)["code"] == "temporarily_unavailable"
    assert refused["Retry-After"] == "5"
    assert bank.verbs == []
    assert not Transaction.objects.exists()


def test_strangers_are_counted_by_their_address(settings: Any, gateway: Any) -> None:
    settings.DINERO = {**settings.DINERO, "API_GUEST_CHARGES": f"{__name__}.price_of_order"}
    settings.REST_FRAMEWORK = {
        "NUM_PROXIES": 1,
        "DEFAULT_THROTTLE_RATES": {"dinero-charge": "2/hour"},
    }
    answers = []
    for number in range(3):
        caller = Caller()
        caller.client.defaults["HTTP_X_FORWARDED_FOR"] = f"203.0.113.{number}, 192.0.2.1"
        answers.append(charge(caller, key=str(uuid.uuid4())))
    assert [answer.status_code for answer in answers] == [201, 201, 429]


@pytest.mark.parametrize("scope", throttle_rates.OF_STRANGERS)
def test_strangers_are_not_served_uncounted(settings: Any, gateway: Any, scope: str) -> None:
    settings.DINERO = {**settings.DINERO, "API_GUEST_CHARGES": f"{__name__}.price_of_order"}
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {scope: None}}
    bank: Any = get_gateway()
    assert (
        json_of(charge(Caller(), key=str(uuid.uuid4())), 503)["code"] == "temporarily_unavailable"
    )
    assert bank.verbs == []
    json_of(charge(Caller(user_with("ann"))), 201)


def test_what_no_encoding_has_is_refused_and_no_error(
    limits: Any, clerk: Caller, gateway: RecordingGateway
) -> None:
    limits(card="5/hour")
    answer = json_of(clerk.post("charges/", {"price": "1.00", "token": "\ud800"}), 400)
    assert [*answer["errors"]] == ["token"]
    assert gateway.verbs == []
