"""Cards: stored, updated as a whole, deleted, validated; duplicates with and without their id."""

from __future__ import annotations

import pytest

from django_dinero.cards import Address, CardDetails, PaymentToken
from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import NotSent, OutcomeUnknown
from django_dinero.gateways.types import (
    Ack,
    CardRequest,
    CardUpdate,
    Reason,
    Refusal,
    RemoteCard,
    TransactionResult,
)
from django_dinero.redaction import Secret
from tests.support.scripted import NOT_FOUND, Answer, Asked, no, ok, scripted

K = ReasonKind
OPERATION = "OPERATION-KEY"
ADA = Address("Ada", "Byron", zip="12180")
CARD = CardDetails(Secret("4111111111111111"), Secret("900"), 3, 2040, ADA)
TOKEN = PaymentToken(Secret("a-nonce"), address=ADA)
ADDED = (
    "<customerProfileId>10</customerProfileId>"
    "<customerPaymentProfileId>20</customerPaymentProfileId>"
)
DUPLICATE = "A duplicate customer payment profile already exists."


def shown(card_id: str, last_4: str, zip_code: str = "12180") -> str:
    """Return a payment profile's elements."""
    return (
        f"<billTo><zip>{zip_code}</zip><email>a@b.example</email></billTo>"
        f"<customerPaymentProfileId>{card_id}</customerPaymentProfileId><payment><creditCard>"
        f"<cardNumber>XXXX{last_4}</cardNumber><expirationDate>XXXX</expirationDate>"
        "<cardType>MasterCard</cardType></creditCard></payment>"
    )


def customer(*cards: str) -> Answer:
    """Answer with a customer that has cards."""
    profiles = "".join(f"<paymentProfiles>{card}</paymentProfiles>" for card in cards)
    return ok(f"<profile><customerProfileId>10</customerProfileId>{profiles}</profile>")


def refused(found: object) -> Reason:
    """Return the one reason of a refusal."""
    assert isinstance(found, Refusal)
    (reason,) = found.reasons
    return reason


# -- Adding ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("default", [True, False])
def test_a_card_is_added(default: bool) -> None:
    gateway, client = scripted(ok(ADDED), validation_mode="liveMode")
    found = gateway.add_card(CardRequest(OPERATION, "10", CARD, default))
    assert found == RemoteCard("10", "20", "1111", "visa", 3, 2040, ADA, is_default=default)
    (asked,) = client.asked
    assert (asked.operation, asked.changes) == ("createCustomerPaymentProfile", True)
    assert (asked.key, asked.values["validationMode"]) == (OPERATION, "liveMode")


def test_a_token_is_added_and_asked_for() -> None:
    gateway, client = scripted(
        ok(ADDED), ok(f"<paymentProfile>{shown('20', '4444')}</paymentProfile>")
    )
    found = gateway.add_card(CardRequest(OPERATION, "10", TOKEN, True))
    assert isinstance(found, RemoteCard)
    assert (found.card_id, found.last_4, found.brand) == ("20", "4444", "mastercard")
    assert found.is_default
    assert client.asked[1].values["unmaskExpirationDate"] == "true"


def test_a_card_without_an_id_may_exist() -> None:
    gateway, _client = scripted(ok("<customerProfileId>10</customerProfileId>"))
    with pytest.raises(OutcomeUnknown, match="customerPaymentProfileId"):
        gateway.add_card(CardRequest(OPERATION, "10", CARD))


def test_a_duplicate_that_names_the_other() -> None:
    gateway, client = scripted(no("E00039", DUPLICATE, ADDED))
    found = gateway.add_card(CardRequest(OPERATION, "10", CARD))
    assert found == Refusal((Reason(K.DUPLICATE_CARD, "E00039", DUPLICATE),), existing_id="20")
    assert len(client.asked) == 1


@pytest.mark.parametrize(
    ("answer", "existing"),
    [
        (customer(shown("20", "1111"), shown("21", "4444")), "20"),
        (customer(shown("20", "1111", "99999"), shown("21", "1111")), "21"),
        (customer(shown("20", "1111"), shown("21", "1111")), ""),
        (customer(shown("20", "4444")), ""),
        (customer(), ""),
        (NOT_FOUND, ""),
        (NotSent("no"), ""),
        (OutcomeUnknown("lost"), ""),
    ],
)
def test_a_duplicate_that_names_nobody_is_looked_for(
    answer: Answer | Exception, existing: str
) -> None:
    gateway, client = scripted(no("E00039", DUPLICATE, "<customerPaymentProfileId/>"), answer)
    found = gateway.add_card(CardRequest(OPERATION, "10", CARD))
    assert isinstance(found, Refusal)
    assert (found.reasons[0].kind, found.existing_id) == (K.DUPLICATE_CARD, existing)
    assert client.operations == ["createCustomerPaymentProfile", "getCustomerProfile"]


def test_a_duplicate_of_a_token_cannot_be_looked_for() -> None:
    gateway, client = scripted(no("E00039", DUPLICATE))
    found = gateway.add_card(CardRequest(OPERATION, "10", TOKEN))
    assert isinstance(found, Refusal)
    assert (found.existing_id, len(client.asked)) == ("", 1)


LINE = "<validationDirectResponse>{}</validationDirectResponse>"
DECLINED = no("E00027", "No.", LINE.format("2|1|65|CVV mismatch.|000000|Y|0"))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(DECLINED, K.CVV), (NOT_FOUND, K.CUSTOMER_NOT_FOUND), (no("E00042"), K.CARD_LIMIT),
     (no("E00114", "Invalid OTS Token."), K.INVALID_CARD), (no("E00001"), K.GATEWAY_ERROR)],
)  # fmt: skip
def test_a_card_that_is_refused(answer: Answer, kind: ReasonKind) -> None:
    gateway, _client = scripted(answer)
    assert refused(gateway.add_card(CardRequest(OPERATION, "10", CARD))).kind is kind


# -- Updating --------------------------------------------------------------------------------------

STORED = ok(f"<paymentProfile>{shown('20', '1111')}</paymentProfile>")


def update(card: CardDetails | PaymentToken | None = None) -> CardUpdate:
    """Return an update to another address and expiry date."""
    return CardUpdate(OPERATION, "10", "20", ADA, 5, 2041, is_default=True, card=card)


def test_an_update_reads_merges_and_writes() -> None:
    gateway, client = scripted(STORED, ok(), validation_mode="liveMode")
    found = gateway.update_card(update())
    assert found == RemoteCard("10", "20", "1111", "mastercard", 5, 2041, ADA, is_default=True)
    read, written = client.asked
    # Masked, as the gateway wants it back.
    ids = {"customerProfileId": "10", "customerPaymentProfileId": "20"}
    assert read.values == {**ids, "unmaskExpirationDate": None}
    assert (read.changes, written.changes, written.key) == (False, True, OPERATION)
    profile = written.values["paymentProfile"]
    card = {"cardNumber": "XXXX1111", "expirationDate": "2041-05"}
    assert profile["payment"] == {"creditCard": card}
    assert profile["billTo"]["email"] == "a@b.example"
    assert profile["billTo"]["firstName"] == "Ada"
    # A masked number cannot be checked, and need not be.
    assert written.values["validationMode"] == "none"


def test_an_update_with_another_number_has_it_checked() -> None:
    gateway, client = scripted(STORED, ok(), validation_mode="liveMode")
    found = gateway.update_card(update(CARD))
    assert found == RemoteCard("10", "20", "1111", "visa", 3, 2040, ADA, is_default=True)
    assert client.asked[1].values["validationMode"] == "liveMode"


def test_an_update_by_a_token_asks_what_it_was() -> None:
    answer = ok(f"<paymentProfile>{shown('20', '4444')}</paymentProfile>")
    gateway, client = scripted(STORED, ok(), answer)
    found = gateway.update_card(update(TOKEN))
    assert isinstance(found, RemoteCard)
    assert (found.last_4, found.is_default, len(client.asked)) == ("4444", True, 3)


def test_an_update_of_what_is_gone_writes_nothing() -> None:
    gateway, client = scripted(NOT_FOUND)
    assert refused(gateway.update_card(update())).kind is K.CARD_NOT_FOUND
    assert len(client.asked) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(NOT_FOUND, K.CARD_NOT_FOUND), (no("E00039", DUPLICATE), K.DUPLICATE_CARD),
     (DECLINED, K.CVV), (no("E00013", "Expiration Date is invalid."), K.EXPIRY)],
)  # fmt: skip
def test_an_update_that_is_refused(answer: Answer, kind: ReasonKind) -> None:
    gateway, _client = scripted(STORED, answer)
    assert refused(gateway.update_card(update())).kind is kind


# -- Deleting, validating --------------------------------------------------------------------------


def test_a_card_is_deleted() -> None:
    gateway, client = scripted(ok(), NOT_FOUND, ok(code="I00003"), no("E00105"))
    assert gateway.delete_card("10", "20") == Ack()
    assert gateway.delete_card("10", "20") == Ack(already=True)
    assert gateway.delete_card("10", "20") == Ack(already=True)
    assert refused(gateway.delete_card("10", "20")).kind is K.GATEWAY_ERROR
    values = {"customerProfileId": "10", "customerPaymentProfileId": "20"}
    assert client.asked == [Asked("deleteCustomerPaymentProfile", values, True, "")] * 4


TOLD = "<directResponse>{}</directResponse>"


@pytest.mark.parametrize(
    ("mode", "sent"), [("liveMode", "liveMode"), ("testMode", "testMode"), ("none", "testMode")]
)
def test_a_card_is_validated(mode: str, sent: str) -> None:
    fields = ["1", "1", "1", "Approved.", "ABC123", "Y", "60", *[""] * 31, "M", *[""] * 11]
    line = ",".join([*fields, "XXXX1111", "Visa"])
    gateway, client = scripted(ok(TOLD.format(line)), validation_mode=mode)
    assert gateway.validate_card("10", "20", Secret("900")) == TransactionResult(
        ResultStatus.APPROVED,
        transaction_id="60",
        auth_code="ABC123",
        avs="Y",
        cvv="M",
        last_4="1111",
        brand="visa",
    )
    values = {"customerProfileId": "10", "customerPaymentProfileId": "20"}
    values |= {"cardCode": Secret("900"), "validationMode": sent}  # type: ignore[dict-item]
    assert client.asked == [Asked("validateCustomerPaymentProfile", values, True, "")]


@pytest.mark.parametrize("inner", ["", "<directResponse/>", TOLD.format("whatever")])
def test_a_validation_without_details_is_what_it_says(inner: str) -> None:
    gateway, _client = scripted(ok(inner))
    assert gateway.validate_card("10", "20") == TransactionResult(ResultStatus.APPROVED)


@pytest.mark.parametrize(
    ("answer", "outcome", "kinds"),
    [
        (
            no("E00027", "No.", TOLD.format("2,1,45,Both.,,N,0")),
            ResultStatus.DECLINED,
            [K.AVS, K.CVV],
        ),
        (ok(TOLD.format("2,1,2,Declined.,,P,0")), ResultStatus.DECLINED, [K.CARD_DECLINED]),
        (no("E00027", "No.", TOLD.format("3,1,8,Expired.,,P,0")), ResultStatus.FAILED, [K.EXPIRY]),
        (no("E00027", "No.", TOLD.format("4,1,253,Wait.,,P,60")), ResultStatus.HELD, [K.HELD]),
        (
            no("E00001", "No.", TOLD.format("1,1,1,Yes.,,P,0")),
            ResultStatus.FAILED,
            [K.GATEWAY_ERROR],
        ),
        (no("E00027", "Card Code is required."), ResultStatus.FAILED, [K.CVV]),
        (NOT_FOUND, ResultStatus.FAILED, [K.CARD_NOT_FOUND]),
    ],
)
def test_a_validation_that_fails(
    answer: Answer, outcome: ResultStatus, kinds: list[ReasonKind]
) -> None:
    gateway, _client = scripted(answer)
    found = gateway.validate_card("10", "20")
    assert found.outcome is outcome
    assert [reason.kind for reason in found.reasons] == kinds
    assert found.transaction_id in ("", "60")


@pytest.mark.parametrize("created", ["customer", "card"])
def test_a_card_that_was_just_created_is_waited_for(
    created: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []
    monkeypatch.setattr("django_dinero.gateways.authorizenet.patience.time.sleep", naps.append)
    gateway, _client = scripted(NOT_FOUND, ok())
    gateway.fresh.add("10" if created == "customer" else "20")
    assert gateway.delete_card("10", "20") == Ack()
    assert naps == [0.5]


def test_a_change_is_not_sent_where_the_card_could_not_be_read() -> None:
    gateway, client = scripted(OutcomeUnknown("lost"))
    with pytest.raises(NotSent, match="lost"):
        gateway.update_card(update())
    assert [asked.changes for asked in client.asked] == [False]
