"""Customers: what is sent, what comes back, and which refusal is which."""

from __future__ import annotations

import pytest

from django_dinero.cards import Address, CardDetails, PaymentToken
from django_dinero.enums import ReasonKind
from django_dinero.exceptions import NotSent, OutcomeUnknown
from django_dinero.gateways.types import (
    Ack,
    CustomerRequest,
    CustomerUpdate,
    Reason,
    Refusal,
    RemoteCard,
    RemoteCustomer,
)
from django_dinero.redaction import Secret
from tests.support.scripted import NOT_FOUND, Answer, Asked, no, ok, scripted

K = ReasonKind
KEY, OPERATION = "CUSTOMER-KEY", "OPERATION-KEY"
ADA = Address("Ada", "Byron", zip="12180")
CARD = CardDetails(Secret("4111111111111111"), Secret("900"), 3, 2040, ADA)
NEW = CustomerRequest(OPERATION, KEY, "ada@example.com", "Ada", "Byron")
WITH_CARD = CustomerRequest(OPERATION, KEY, "ada@example.com", "Ada", "Byron", CARD)
ONE_CARD = (
    "<customerPaymentProfileIdList><numericString>20</numericString></customerPaymentProfileIdList>"
)
CREATED = "<customerProfileId>10</customerProfileId>"
MASKED = (
    "<customerPaymentProfileId>20</customerPaymentProfileId><payment><creditCard>"
    "<cardNumber>XXXX1111</cardNumber><expirationDate>2040-03</expirationDate>"
    "<cardType>Visa</cardType></creditCard></payment>"
)


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Sleep not at all, and note for how long it would have been."""
    slept: list[float] = []
    monkeypatch.setattr("django_dinero.gateways.authorizenet.patience.time.sleep", slept.append)
    return slept


def refused(found: object) -> Reason:
    """Return the one reason of a refusal."""
    assert isinstance(found, Refusal)
    (reason,) = found.reasons
    return reason


# -- Creating --------------------------------------------------------------------------------------


def test_a_customer_without_a_card() -> None:
    gateway, client = scripted(ok(CREATED + "<customerPaymentProfileIdList/>"))
    assert gateway.create_customer(NEW) == RemoteCustomer(
        "10", KEY, "ada@example.com", "Ada", "Byron"
    )
    profile = {
        "merchantCustomerId": KEY,
        "description": "django-dinero",
        "email": "ada@example.com",
    }
    assert client.asked == [Asked("createCustomerProfile", {"profile": profile}, True, OPERATION)]


@pytest.mark.parametrize("mode", ["none", "testMode", "liveMode"])
def test_a_customer_with_a_card(mode: str) -> None:
    gateway, client = scripted(ok(CREATED + ONE_CARD), validation_mode=mode)
    found = gateway.create_customer(WITH_CARD)
    card = RemoteCard("10", "20", "1111", "visa", 3, 2040, ADA, is_default=True)
    assert found == RemoteCustomer("10", KEY, "ada@example.com", "Ada", "Byron", (card,))
    (asked,) = client.asked
    assert asked.values["validationMode"] == mode
    assert len(asked.values["profile"]["paymentProfiles"]) == 1


def test_the_card_of_a_token_is_asked_for() -> None:
    shown = ok(f"<paymentProfile>{MASKED}</paymentProfile>")
    gateway, client = scripted(ok(CREATED + ONE_CARD), shown)
    token = PaymentToken(Secret("a-nonce"), address=ADA)
    found = gateway.create_customer(CustomerRequest(OPERATION, KEY, "", card=token))
    assert isinstance(found, RemoteCustomer)
    assert found.cards == (RemoteCard("10", "20", "1111", "visa", 3, 2040, is_default=True),)
    assert client.asked[1] == Asked(
        "getCustomerPaymentProfile",
        {
            "customerProfileId": "10",
            "customerPaymentProfileId": "20",
            "unmaskExpirationDate": "true",
        },
        False,
        "",
    )


@pytest.mark.parametrize(
    "lost", [NotSent("no"), OutcomeUnknown("lost"), no("E00001"), ok("<paymentProfile/>")]
)
def test_a_customer_is_stored_even_if_the_card_is_not_shown(lost: Answer | Exception) -> None:
    gateway, _client = scripted(ok(CREATED + ONE_CARD), lost)
    token = PaymentToken(Secret("a-nonce"))
    found = gateway.create_customer(CustomerRequest(OPERATION, KEY, "", card=token))
    assert isinstance(found, RemoteCustomer)
    assert found.cards == (RemoteCard("10", "20", "", is_default=True),)


@pytest.mark.parametrize("ids", ["", "<customerPaymentProfileIdList/>"])
def test_a_customer_whose_card_has_no_id_is_looked_up(ids: str) -> None:
    gateway, _client = scripted(ok(CREATED + ids))
    with pytest.raises(OutcomeUnknown, match="no card"):
        gateway.create_customer(WITH_CARD)


@pytest.mark.parametrize("inner", ["", "<customerProfileId/>"])
def test_a_customer_without_an_id_may_exist(inner: str) -> None:
    gateway, _client = scripted(ok(inner))
    with pytest.raises(OutcomeUnknown, match="customerProfileId"):
        gateway.create_customer(NEW)


@pytest.mark.parametrize(
    ("text", "existing"),
    [("A duplicate record with ID 35938239 already exists.", "35938239"),
     ("A duplicate record already exists.", "")],
)  # fmt: skip
def test_a_duplicate_customer(text: str, existing: str) -> None:
    gateway, _client = scripted(no("E00039", text))
    found = gateway.create_customer(WITH_CARD)
    reason = Reason(K.DUPLICATE_CUSTOMER, "E00039", text)
    assert found == Refusal((reason,), existing_id=existing)


def direct(*fields: str) -> str:
    """Return a list of one direct response."""
    text = ",".join(fields)
    return f"<validationDirectResponseList><string>{text}</string></validationDirectResponseList>"


@pytest.mark.parametrize(
    ("fields", "kinds"),
    [
        (("2", "1", "2", "Declined.", "000000", "P", "0"), [K.CARD_DECLINED]),
        (("2", "1", "27", "No match, sorry.", "000000", "N", "0"), [K.AVS]),
        (("2", "1", "45", "Both.", "000000", "N", "0"), [K.AVS, K.CVV]),
        (("3", "1", "8", "Expired.", "000000", "P", "0"), [K.EXPIRY]),
        (("3", "1", "999", "Something.", "000000", "P", "0"), [K.GATEWAY_ERROR]),
        (("4", "1", "253", "Under review.", "000000", "P", "0"), [K.HELD]),
    ],
)
def test_the_check_of_the_card_says_why(fields: tuple[str, ...], kinds: list[ReasonKind]) -> None:
    gateway, _client = scripted(no("E00027", "The transaction was unsuccessful.", direct(*fields)))
    found = gateway.create_customer(WITH_CARD)
    assert isinstance(found, Refusal)
    assert [reason.kind for reason in found.reasons] == kinds
    assert found.reasons[0].code == fields[2]
    assert found.reasons[0].text == fields[3]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (no("E00027", "Card Code is required."), K.CVV),
        (no("E00027", "This transaction has been declined.", direct("nonsense")), K.CARD_DECLINED),
        (no("E00042", "No more.", direct("1", "1", "1", "OK", "0", "P", "0")), K.CARD_LIMIT),
        (no("E00013", "Phone is invalid.", direct("2", "1", "2", "No")), K.GATEWAY_ERROR),
        (no("E00027", "Why.", direct("1", "1", "1", "OK", "0", "P", "0")), K.GATEWAY_ERROR),
        (no("E00041", "One or more fields must contain a value."), K.GATEWAY_ERROR),
    ],
)
def test_else_the_message_says_why(answer: Answer, kind: ReasonKind) -> None:
    gateway, _client = scripted(answer)
    reason = refused(gateway.create_customer(WITH_CARD))
    assert reason == Reason(kind, answer.code, answer.text)


def test_an_echoed_number_does_not_come_out() -> None:
    echo = "The value 4111111111111111 is invalid"
    for code in ("E00003", "E00039", "E00041"):
        gateway, _client = scripted(no(code, echo))
        assert refused(gateway.create_customer(WITH_CARD)).text == "The value [secret] is invalid"


# -- Reading, updating, deleting -------------------------------------------------------------------


def test_a_customer_is_read_with_all_cards() -> None:
    cards = f"<paymentProfiles>{MASKED}</paymentProfiles>" * 2
    gateway, client = scripted(ok(f"<profile>{CREATED}{cards}</profile>"))
    found = gateway.retrieve_customer("10")
    assert isinstance(found, RemoteCustomer)
    assert [(card.card_id, card.month) for card in found.cards] == [("20", 3), ("20", 3)]
    values = {"customerProfileId": "10", "unmaskExpirationDate": "true"}
    assert client.asked == [Asked("getCustomerProfile", values, False, "")]


def test_a_customer_that_is_not_there() -> None:
    gateway, client = scripted(NOT_FOUND)
    assert refused(gateway.retrieve_customer("10")).kind is K.CUSTOMER_NOT_FOUND
    assert len(client.asked) == 1


UPDATE = CustomerUpdate(OPERATION, "10", KEY, "new@example.com", "Ada", "Byron")
THEIRS = "<description>Ada Byron, Mill Street</description><email>old@example.com</email>"


def test_a_customers_update_keeps_what_is_not_ours() -> None:
    profile = f"<profile>{THEIRS}{CREATED}<profileType>guest</profileType></profile>"
    gateway, client = scripted(ok(profile), ok())
    assert gateway.update_customer(UPDATE) == Ack()
    sent = {
        "merchantCustomerId": KEY,
        "description": "Ada Byron, Mill Street",
        "email": "new@example.com",
        "customerProfileId": "10",
        "profileType": "guest",
    }
    assert client.operations == ["getCustomerProfile", "updateCustomerProfile"]
    assert client.asked[1] == Asked("updateCustomerProfile", {"profile": sent}, True, OPERATION)


def test_a_customers_update_that_is_refused() -> None:
    found = ok(f"<profile>{CREATED}</profile>")
    for answer, kind in ((NOT_FOUND, K.CUSTOMER_NOT_FOUND), (no("E00001"), K.GATEWAY_ERROR)):
        for answers in ((answer,), (found, answer)):
            gateway, client = scripted(*answers)
            assert refused(gateway.update_customer(UPDATE)).kind is kind
            assert len(client.asked) == len(answers)


def test_a_customer_is_deleted() -> None:
    gateway, client = scripted(ok())
    assert gateway.delete_customer("10") == Ack()
    values = {"customerProfileId": "10"}
    assert client.asked == [Asked("deleteCustomerProfile", values, True, "")]


@pytest.mark.parametrize("gone", [NOT_FOUND, ok(code="I00003", text="Deleted before.")])
def test_a_customer_that_is_gone_is_deleted(gone: Answer) -> None:
    gateway, _client = scripted(gone)
    assert gateway.delete_customer("10") == Ack(already=True)


def test_a_customer_that_cannot_be_deleted() -> None:
    gateway, _client = scripted(no("E00106", "Tied to a subscription."))
    assert refused(gateway.delete_customer("10")).kind is K.GATEWAY_ERROR


# -- "Not found" of what was just created ----------------------------------------------------------


def test_what_was_just_created_is_waited_for(naps: list[float]) -> None:
    found = ok(f"<profile>{CREATED}</profile>")
    gateway, client = scripted(ok(CREATED), NOT_FOUND, NOT_FOUND, found)
    gateway.create_customer(NEW)
    assert isinstance(gateway.retrieve_customer("10"), RemoteCustomer)
    assert naps == [0.5, 1.0]
    assert client.operations == ["createCustomerProfile", *["getCustomerProfile"] * 3]


def test_not_for_ever(naps: list[float]) -> None:
    gateway, _client = scripted(ok(CREATED), *[NOT_FOUND] * 5, replication_seconds=4)
    gateway.create_customer(NEW)
    assert refused(gateway.retrieve_customer("10")).kind is K.CUSTOMER_NOT_FOUND
    # The last pause is what was left of the four seconds.
    assert naps == [0.5, 1.0, 2.0, 0.5]


def test_as_long_as_was_ever_reported_by_default(naps: list[float]) -> None:
    gateway, _client = scripted(ok(CREATED), *[NOT_FOUND] * 6)
    gateway.create_customer(NEW)
    assert refused(gateway.retrieve_customer("10")).kind is K.CUSTOMER_NOT_FOUND
    assert naps == [0.5, 1.0, 2.0, 4.0, 7.5]
    assert sum(naps) == 15


def test_not_where_it_is_switched_off(naps: list[float]) -> None:
    gateway, _client = scripted(ok(CREATED), NOT_FOUND, replication_seconds=0)
    gateway.create_customer(NEW)
    gateway.retrieve_customer("10")
    assert naps == []


def test_not_for_another_answer_nor_another_customer(naps: list[float]) -> None:
    gateway, _client = scripted(ok(CREATED), no("E00001"), NOT_FOUND)
    gateway.create_customer(NEW)
    gateway.retrieve_customer("10")
    gateway.retrieve_customer("11")
    assert naps == []


def test_not_for_what_was_deleted_since(naps: list[float]) -> None:
    gateway, _client = scripted(ok(CREATED), ok(), NOT_FOUND)
    gateway.create_customer(NEW)
    gateway.delete_customer("10")
    gateway.retrieve_customer("10")
    assert naps == []
