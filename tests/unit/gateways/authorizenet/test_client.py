"""One call: what is put around the values, and which replies belong to it."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field

import pytest
from lxml import etree

from django_dinero.enums import ReasonKind
from django_dinero.exceptions import NotSent, OutcomeUnknown
from django_dinero.gateways.authorizenet import options
from django_dinero.gateways.authorizenet.client import Client, Reply
from django_dinero.gateways.types import Reason, Refusal
from django_dinero.redaction import Secret

NS = "{AnetApi/xml/v1/schema/AnetApiSchema.xsd}"
NUMBER = "4111111111111111"
KEY = "K2345678901234567890"
OK = "<messages><resultCode>Ok</resultCode></messages>"


@dataclass
class Wire:
    """Stands for the HTTP client: remembers what was posted, answers or raises."""

    answer: bytes | Exception
    posted: list[tuple[bytes, str, bool]] = field(default_factory=list)

    def post(self, body: bytes, *, content_type: str, changes: bool) -> bytes:
        """Take a request."""
        self.posted.append((body, content_type, changes))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def client(answer: str | bytes | Exception) -> tuple[Client, Wire]:
    """Return a client whose one reply is known."""
    given = {"login_id": "the-login", "transaction_key": "the-key", "environment": "sandbox"}
    made = Client(options.read("shop", given))
    wire = Wire(answer.encode() if isinstance(answer, str) else answer)
    made._http = wire  # type: ignore[assignment]
    return made, wire


def call(answer: str | bytes | Exception, *, key: str = KEY) -> Reply:
    """Ask for a transaction and get this answer."""
    made, _wire = client(answer)
    return made.call("getTransactionDetails", {"transId": "60"}, changes=False, key=key)


def reply(inner: str = OK, *, root: str = "getTransactionDetailsResponse", key: str = KEY) -> str:
    """Return a reply."""
    ref_id = f"<refId>{key}</refId>" if key else ""
    return f"<{root}>{ref_id}{inner}</{root}>"


# -- What is sent ----------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [True, False])
def test_credentials_and_key_come_before_the_values(changes: bool) -> None:
    made, wire = client(reply())
    made.call("getTransactionDetails", {"transId": "60"}, changes=changes, key=KEY)
    ((body, content_type, changed),) = wire.posted
    assert (content_type, changed) == ("text/xml", changes)
    root = etree.fromstring(body)
    assert root.tag == f"{NS}getTransactionDetailsRequest"
    assert [each.tag.removeprefix(NS) for each in root] == [
        "merchantAuthentication",
        "refId",
        "transId",
    ]
    assert [each.text for each in root.iter() if each.text] == ["the-login", "the-key", KEY, "60"]


def test_without_a_key_there_is_no_ref_id() -> None:
    made, wire = client(reply(key=""))
    made.call("getTransactionDetails", {"transId": "60"}, changes=False)
    assert b"refId" not in wire.posted[0][0]


def test_no_key_is_shown() -> None:
    made, _wire = client(reply())
    assert repr(made) == "<Client of 'shop'>"
    assert "the-" not in str(vars(made))


# -- Which replies belong to it --------------------------------------------------------------------


@pytest.mark.parametrize("echoed", [KEY, ""])
def test_a_reply_with_our_key_or_none_is_ours(echoed: str) -> None:
    assert call(reply(key=echoed)).ok
    assert call(b"\xef\xbb\xbf" + reply(key=echoed).encode()).ok


def test_a_reply_to_a_call_without_a_key_may_have_any() -> None:
    assert call(reply(key="ANOTHER"), key="").ok


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (reply(key="ANOTHER"), "refId"),
        (reply(key=KEY[:-1]), "refId"),
        (reply(root="createTransactionResponse"), "createTransactionResponse"),
        (reply(root="getTransactionDetailsRequest"), "getTransactionDetailsRequest"),
        (reply(root="x" * 500), "x" * 60),
        (reply(OK.replace("Ok", "OK")), "resultCode"),
        (reply("<messages/>"), "resultCode"),
        (reply(""), "resultCode"),
        ("<html><body/></html>", "html"),
        ("<r>Service unavailable</r>", "unreadable"),
        ("", "unreadable"),
        ("<!DOCTYPE r><r/>", "unreadable"),
    ],
)
def test_any_other_reply_leaves_the_outcome_unknown(answer: str, what: str) -> None:
    with pytest.raises(OutcomeUnknown, match=r"^shop .*getTransactionDetails") as caught:
        call(answer)
    assert what in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("error", [NotSent("no"), OutcomeUnknown("lost")])
def test_what_breaks_on_the_wire_is_passed_on(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        call(error)
    assert caught.value is error


@pytest.mark.parametrize("answer", [f"<r>{NUMBER}", reply(f"<a>{NUMBER}</a>"), NotSent("no")])
def test_an_error_shows_neither_request_nor_reply(answer: str | Exception) -> None:
    made, _wire = client(answer)
    card = {"creditCard": {"cardNumber": Secret(NUMBER), "expirationDate": "2040-01"}}
    values = {"transactionRequest": {"payment": card}}
    with pytest.raises((NotSent, OutcomeUnknown)) as caught:
        made.call("createTransaction", values, changes=True)
    found = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame for frame in found.stack if "authorizenet/client" in frame.filename]
    assert frames
    shown = str(caught.value) + "".join(str(frame.locals) for frame in frames)
    assert NUMBER not in shown
    assert "the-key" not in shown
    assert caught.value.__context__ is None


# -- What a reply says -----------------------------------------------------------------------------


def error_reply(*rows: tuple[str, str], root: str = "ErrorResponse", result: str = "Error") -> str:
    """Return a reply with messages."""
    inner = "".join(
        f"<message><code>{code}</code><text>{text}</text></message>" for code, text in rows
    )
    return reply(f"<messages><resultCode>{result}</resultCode>{inner}</messages>", root=root)


def test_an_error_before_any_operation_is_an_answer() -> None:
    rows = [("E00003", "A schema error."), ("E00001", "More.")]
    found = call(error_reply(*rows))
    assert not found.ok
    assert found.messages == rows
    assert (found.code, found.text) == ("E00003", "A schema error.")


def test_an_error_root_is_an_error_whatever_it_says() -> None:
    assert not call(error_reply(("I00001", "Successful."), result="Ok")).ok


def test_an_error_of_the_operation_is_an_answer() -> None:
    found = call(error_reply(("E00040", "Not found."), root="getTransactionDetailsResponse"))
    assert not found.ok
    assert found.reason() == Reason(ReasonKind.INVALID_TRANSACTION, "E00040", "Not found.")
    assert found.refusal(ReasonKind.CARD_NOT_FOUND) == Refusal(
        (Reason(ReasonKind.CARD_NOT_FOUND, "E00040", "Not found."),)
    )


def test_a_reply_without_messages_has_empty_ones() -> None:
    found = call(reply())
    assert (found.ok, found.code, found.text, found.messages) == (True, "", "", [])


def test_a_reason_is_scrubbed_and_a_repr_shows_nothing() -> None:
    found = call(error_reply(("E00003", f"The value '{NUMBER}' is invalid.")))
    assert found.reason().text == "The value '[secret]' is invalid."
    # For looking an id up in it, the text is as it came.
    assert NUMBER in found.text
    assert repr(found) == "Reply(root='ErrorResponse')"


# -- A gateway that broke off ----------------------------------------------------------------------

REFUSED = (
    "<messages><resultCode>Error</resultCode><message><code>{}</code><text>Sorry.</text>"
    "</message></messages>{}"
)
DECLINED = "<transactionResponse><responseCode>2</responseCode></transactionResponse>"


def change(inner: str) -> Reply:
    """Make a call that changes something and get this answer."""
    made, _wire = client(reply(inner, root="createTransactionResponse"))
    return made.call("createTransaction", {}, changes=True, key=KEY)


@pytest.mark.parametrize("code", ["E00001", "E00049", "E00053", "E00104", "E00133"])
def test_trouble_in_the_middle_of_a_change_is_no_refusal(code: str) -> None:
    with pytest.raises(OutcomeUnknown, match="Sorry") as caught:
        change(REFUSED.format(code, ""))
    assert caught.value.gateway_code == code
    assert call(reply(REFUSED.format(code, ""))).code == code  # reading changes nothing
    assert change(REFUSED.format(code, DECLINED)).code == code  # it tells how it ended


@pytest.mark.parametrize("code", ["E00027", "E00007", "E00011"])
def test_other_refusals_are_answers(code: str) -> None:
    assert change(REFUSED.format(code, "")).code == code


def test_every_message_is_a_reason() -> None:
    rows = [("E00013", "Card Number is invalid."), ("E00013", "Expiration Date is invalid.")]
    rows += [("E00040", "The record cannot be found."), rows[0]]
    inner = "".join(f"<message><code>{c}</code><text>{t}</text></message>" for c, t in rows)
    found = call(reply(f"<messages><resultCode>Error</resultCode>{inner}</messages>"))
    reasons = found.refusal(ReasonKind.CARD_NOT_FOUND).reasons
    assert [reason.kind for reason in reasons] == [
        ReasonKind.INVALID_CARD,
        ReasonKind.EXPIRY,
        ReasonKind.CARD_NOT_FOUND,
    ]
    assert reasons[0] == found.reason()


def test_a_refusal_without_a_message_has_a_reason_too() -> None:
    found = call(reply("<messages><resultCode>Error</resultCode></messages>"))
    assert found.refusal().reasons == (Reason(ReasonKind.GATEWAY_ERROR, "", ""),)
