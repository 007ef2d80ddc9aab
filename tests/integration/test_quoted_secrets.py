"""A gateway may quote what it was sent: none of it is found in anything that we raise or write."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.views.debug import ExceptionReporter

from django_dinero.cards import PaymentToken
from django_dinero.exceptions import CardDeclinedError, DineroError, InvalidInput
from django_dinero.gateways.authorizenet import AuthorizeNetGateway
from django_dinero.gateways.registry import get_gateway, reset
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.redaction import Secret
from tests.support import sinks
from tests.support.digits import GROUPINGS, grouped
from tests.support.quoting import (
    ERRORS,
    STOPS,
    QuotingAdapter,
    quoting_decline,
    quoting_error,
    quoting_refusal,
)
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

NUMBER = "5424000000000015"
OTHER = "4111111111111111"
CVV = "0738"
TOKEN = "eyJjb2RlIjoiNTBfMl8wNjAwMDUyN0MiLCJ0b2tlbiI6Ijk1NTQw"
KEY = "transaction-4Q7b"
LOGIN = "login-7Xa2"
SECRETS = [NUMBER, CVV, TOKEN, KEY, LOGIN]
CARD: dict[str, Any] = {"number": NUMBER, "cvv": CVV, "month": 12, "year": 2060, "zip": "12345"}
STORED: dict[str, Any] = {"number": OTHER, "month": 12, "year": 2060, "zip": "12345"}
TEXT = f"bad values {NUMBER}, {CVV}, {TOKEN}, {KEY}."


@pytest.fixture
def gateway(settings: Any) -> Iterator[RecordingGateway]:
    entry = {"BACKEND": "tests.support.recording.RecordingGateway"}
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry}}
    reset()
    found = get_gateway()
    assert isinstance(found, RecordingGateway)
    found.secrets = (Secret(KEY),)  # its options hold none
    yield found
    reset()


@pytest.fixture
def card(gateway: RecordingGateway) -> CreditCard:
    """A card that is stored already, with another number."""
    return Customer.create("bill@example.com", **STORED).cards[0]


def replace_number(card: CreditCard) -> None:
    card.number, card.cvv = Secret(NUMBER), Secret(CVV)
    card.save()


#: Every verb that sends a secret: the backend's verb, and ours.
VERBS: dict[str, tuple[str, Callable[[CreditCard], object]]] = {
    "charge": ("charge", lambda card: Transaction.create(5, **CARD)),
    "charge a token": ("charge", lambda card: Transaction.create(5, token=TOKEN)),
    "charge a stored card": ("charge", lambda card: card.charge(5, cvv=CVV)),
    "create": ("create_customer", lambda card: Customer.create("x@example.com", **CARD)),
    "create with a token": (
        "create_customer",
        lambda card: Customer.create("y@example.com", token=PaymentToken(Secret(TOKEN))),
    ),
    "add a card": ("add_card", lambda card: card.customer.add_card(**CARD)),
    "new number": ("update_card", replace_number),
    "validate": ("validate_card", lambda card: card.validate(cvv=CVV)),
}


def sent_by(what: str) -> list[str]:
    """The secrets that a verb sends. Only these can be known, and only these can be quoted."""
    if "token" in what:
        return [TOKEN, KEY]
    return [CVV, KEY] if what in ("charge a stored card", "validate") else [NUMBER, CVV, KEY]


def leaks(error: BaseException, log: str) -> dict[str, list[str]]:
    """Where secrets are found, by place."""
    places = {
        "text": f"{error} {error!r} {vars(error)}",
        "message to the holder": str(getattr(error, "user_message", "")),
        "pickle": sinks.pickled(error),
        "frames": sinks.traceback_with_locals(error, skip=__file__),
        "mail": mail(error),
        "chain": " ".join(map(repr, sinks.chain(error)[1:])),
        "log": log,
        "rows": sinks.every_row(),
        "instances": sinks.every_repr(),
    }
    found = {place: sinks.found(text, SECRETS) for place, text in places.items()}
    return {place: secrets for place, secrets in found.items() if secrets}


def mail(error: BaseException) -> str:
    """What Django mails to the admins, with the variables of every frame but the test's own.

    Without the settings: Django itself masks a ``transaction_key`` in them, and no ``login_id``.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    reporter = ExceptionReporter(None, type(error), error, trace)
    text = reporter.get_traceback_text().partition("\nSettings:")[0]
    return text + reporter.get_traceback_html().partition('id="settings-info"')[0]


def caught_of(kind: type[BaseException], call: Callable[[], object]) -> tuple[BaseException, str]:
    """What a call raises, and what it logs."""
    with sinks.every_log() as log, pytest.raises(kind) as caught:
        call()
    return caught.value, log.getvalue()


@pytest.mark.parametrize("what", VERBS)
def test_a_backends_refusal(what: str, card: CreditCard, gateway: RecordingGateway) -> None:
    verb, ours = VERBS[what]
    text = f"bad values {', '.join(sent_by(what))}."
    money = verb in ("charge", "validate_card")
    gateway.faults[verb] = quoting_decline(text) if money else quoting_refusal(text)
    error, log = caught_of(DineroError, lambda: ours(card))
    assert isinstance(error, CardDeclinedError)
    assert "bad values [secret], [secret]" in str(error)
    assert leaks(error, log) == {}


@pytest.mark.parametrize("what", VERBS)
@pytest.mark.parametrize("kind", ERRORS)
def test_a_backends_exception(
    what: str, kind: type[Exception], card: CreditCard, gateway: RecordingGateway
) -> None:
    verb, ours = VERBS[what]
    text = f"bad values {', '.join(sent_by(what))}."
    gateway.faults[verb] = quoting_error(kind, text)
    error, log = caught_of(DineroError, lambda: ours(card))
    assert leaks(error, log) == {}


@pytest.mark.parametrize("what", VERBS)
@pytest.mark.parametrize("kind", STOPS)
def test_a_worker_that_is_stopped_inside_a_backend(
    what: str, kind: type[BaseException], card: CreditCard, gateway: RecordingGateway
) -> None:
    verb, ours = VERBS[what]

    def stopped(call: Callable[[], object]) -> None:
        body = f"<body>{' '.join(sent_by(what))}</body>"
        try:
            raise ValueError(body)
        except ValueError:
            raise kind from None

    stopped.__code__ = stopped.__code__.replace(co_filename="backend.py")
    gateway.faults[verb] = stopped
    error, log = caught_of(kind, lambda: ours(card))
    assert leaks(error, log) == {}


@pytest.mark.parametrize("what", [name for name in VERBS if name != "validate"])
def test_a_backend_that_refuses_the_request_before_it_is_sent(
    what: str, card: CreditCard, gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = quoting_error(InvalidInput, f"bad values {', '.join(sent_by(what))}.")
    monkeypatch.setattr(type(gateway), "check_request", lambda self, request: fault(request))
    error, log = caught_of(InvalidInput, lambda: VERBS[what][1](card))
    assert leaks(error, log) == {}


@pytest.mark.parametrize("separator", GROUPINGS.values(), ids=GROUPINGS)
def test_a_number_that_is_quoted_in_groups(
    separator: str, card: CreditCard, gateway: RecordingGateway
) -> None:
    quoted = grouped(NUMBER, separator)
    gateway.faults["charge"] = quoting_decline(f"no {quoted} here")
    error, log = caught_of(DineroError, lambda: Transaction.create(5, **CARD))
    assert "no [secret] here" in str(error)
    assert quoted not in sinks.every_row() + sinks.pickled(error) + log
    assert repr(quoted)[1:-1] not in sinks.every_row()


@pytest.mark.parametrize("cvv", ["5", "12", "00"])
def test_the_rest_of_the_text_stays(cvv: str, gateway: RecordingGateway) -> None:
    code = cvv.ljust(3, "7")
    said = f"Code {code}7 or x{code} of order A{code}-1 for {code}.00"
    gateway.faults["charge"] = quoting_decline(f"{said}, not {code}.")
    error, _log = caught_of(DineroError, lambda: Transaction.create(5, **{**CARD, "cvv": code}))
    assert str(error).startswith(f"{said}, not [secret].")


def test_the_search_would_find_them(card: CreditCard) -> None:
    error = ValueError(TEXT)
    shown = leaks(error, TEXT)
    assert shown["text"] == shown["log"] == [NUMBER, CVV, TOKEN, KEY]
    assert CVV in shown["pickle"]
    assert pickle.loads(pickle.dumps(error)).args == (TEXT,)  # noqa: S301
    Operation.objects.update(customer_id=TEXT[:64])
    assert leaks(ValueError(), "")["rows"] == [NUMBER, CVV]


# -- Authorize.Net ---------------------------------------------------------------------------------


@pytest.fixture
def authorizenet(settings: Any) -> Iterator[AuthorizeNetGateway]:
    entry = {
        "BACKEND": "django_dinero.gateways.authorizenet.AuthorizeNetGateway",
        "OPTIONS": {"login_id": LOGIN, "transaction_key": KEY, "environment": "sandbox"},
    }
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry}}
    reset()
    found = get_gateway()
    assert isinstance(found, AuthorizeNetGateway)
    yield found
    reset()


@pytest.fixture
def remote_card(authorizenet: AuthorizeNetGateway) -> CreditCard:
    """The row of a card at Authorize.Net; nobody is asked for it."""
    states = {"sync_state": "synced"}
    Customer.objects.bulk_create([Customer(email="a@example.com", customer_id="77", **states)])
    customer = Customer.objects.get()
    row = CreditCard(
        customer=customer, customer_id="77", card_id="88", last_4="1111", month=1, year=2060
    )
    CreditCard.objects.bulk_create([row])
    CreditCard.objects.update_without_push(**states, default_of=customer.pk)
    return CreditCard.objects.get()


@pytest.mark.parametrize("what", VERBS)
@pytest.mark.parametrize("inside", [False, True], ids=["message", "error"])
def test_authorizenet_quotes_the_request(
    what: str, inside: bool, authorizenet: AuthorizeNetGateway, remote_card: CreditCard
) -> None:
    adapter = QuotingAdapter(inside=inside)
    authorizenet.mount(adapter)
    error, log = caught_of(DineroError, lambda: VERBS[what][1](remote_card))
    assert {LOGIN, KEY} <= set(adapter.quoted)
    if what != "new number":  # that asks for the stored card first, and is refused
        assert set(sent_by(what)) <= set(adapter.quoted)
    assert "[secret]" in str(error)
    assert leaks(error, log) == {}


def test_a_refused_question_quotes_no_key(authorizenet: AuthorizeNetGateway) -> None:
    authorizenet.mount(QuotingAdapter())
    for ask in (lambda: Customer.retrieve("77"), lambda: Transaction.retrieve("99")):
        error, log = caught_of(DineroError, ask)
        assert "[secret]" in str(error)
        assert leaks(error, log) == {}


def test_a_look_up_quotes_no_key(authorizenet: AuthorizeNetGateway) -> None:
    Operation.objects.create(
        key="A" * 20, kind="charge", state="unknown", gateway_name="default", amount=5
    )
    authorizenet.mount(QuotingAdapter())
    operation = Operation.objects.get().look_up()
    assert sinks.found(sinks.every_row() + repr(operation.outcome), SECRETS) == []
