"""Talks to the test bank in Authorize.Net's XML, with requests written by hand."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from xml.etree import ElementTree

from lxml import etree

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.dialects.authorizenet.dialect import PATH, AuthorizeNetDialect
from django_dinero.sandbox.http.exchange import Request

NAMESPACE = "AnetApi/xml/v1/schema/AnetApiSchema.xsd"
LOGIN = (
    "<merchantAuthentication><name>sandbox-login</name>"
    "<transactionKey>sandbox-key</transactionKey></merchantAuthentication>"
)
#: Where a transaction stands in a reply.
TX = "transactionResponse/"
VISA = "4111111111111111"
BILL_TO = (
    "<billTo><firstName>Ada</firstName><lastName>Byron</lastName><address>1 Mill St</address>"
    "<city>Troy</city><state>NY</state><zip>{zip}</zip><country>US</country></billTo>"
)
#: What a value of a broken request may be.
_VALUES = (
    *("", "0", "-1", "1e5", "9" * 23, "abc", VISA, "XXXX", "2040-12", "true", "é", "1.005"),
    *(" 5 ", "\n", "46282", "+7", "1" * 400),
)
_ELEMENT = re.compile(r"<(\w+)>([^<]*)</\1>")


@dataclass(frozen=True)
class Answer:
    """A reply, with short ways to its elements."""

    root: ElementTree.Element

    @property
    def name(self) -> str:
        """The root's name."""
        return self.root.tag.rpartition("}")[2]

    @property
    def code(self) -> str:
        """The code of the first message."""
        return self["messages/message/code"]

    @property
    def words(self) -> str:
        """The text of the first message."""
        return self["messages/message/text"]

    @property
    def ok(self) -> bool:
        """Whether resultCode is Ok."""
        return self["messages/resultCode"] == "Ok"

    def __getitem__(self, path: str) -> str:
        found = self.root.find(_qualified(path))
        assert found is not None, f"no {path} in {ElementTree.tostring(self.root).decode()}"
        return found.text or ""

    def __contains__(self, path: str) -> bool:
        return self.root.find(_qualified(path)) is not None

    def all(self, path: str) -> list[str]:
        """Return the texts of every element at a path."""
        return [found.text or "" for found in self.root.findall(_qualified(path))]

    @property
    def transaction(self) -> tuple[str, str]:
        """The responseCode and the reason code of a transactionResponse."""
        path = "transactionResponse/"
        good = f"{path}messages/message/code" in self
        reason = "messages/message/code" if good else "errors/error/errorCode"
        return self[f"{path}responseCode"], self[path + reason]

    @property
    def trans_id(self) -> str:
        """The transId of a transactionResponse."""
        return self["transactionResponse/transId"]


def _qualified(path: str) -> str:
    return "/".join(f"{{*}}{name}" for name in path.split("/"))


def request(operation: str, inner: str = "", *, ref_id: str = "", login: str = LOGIN) -> bytes:
    """Return a request's body."""
    ref = f"<refId>{ref_id}</refId>" if ref_id else ""
    root = f"{operation}Request"
    text = f'<?xml version="1.0"?><{root} xmlns="{NAMESPACE}">{login}{ref}{inner}</{root}>'
    return text.encode("utf-8")


def posted(body: bytes, content_type: str = "text/xml") -> Request:
    """Return a body as the transport hands it to a dialect."""
    return Request("POST", PATH, {"Content-Type": content_type}, body)


def card(number: str = VISA, expires: str = "2040-12", cvv: str = "") -> str:
    """Return a ``payment`` with a card."""
    code = f"<cardCode>{cvv}</cardCode>" if cvv else ""
    return (
        f"<payment><creditCard><cardNumber>{number}</cardNumber>"
        f"<expirationDate>{expires}</expirationDate>{code}</creditCard></payment>"
    )


def nonce(value: str) -> str:
    """Return a ``payment`` with a token of the browser's form."""
    return (
        "<payment><opaqueData><dataDescriptor>COMMON.ACCEPT.INAPP.PAYMENT</dataDescriptor>"
        f"<dataValue>{value}</dataValue></opaqueData></payment>"
    )


def bill_to(zip_code: str = "12180") -> str:
    """Return a ``billTo``."""
    return BILL_TO.format(zip=zip_code)


class Talk:
    """Sends operations to a bank; each reply is held against the official schema if it is here."""

    def __init__(self, bank: Bank, official: etree.XMLSchema | None = None) -> None:
        self.bank = bank
        self.dialect = AuthorizeNetDialect(bank)
        self.official = official

    def __call__(self, operation: str, inner: str = "", *, ref_id: str = "") -> Answer:
        """Send one operation."""
        return self.raw(request(operation, inner, ref_id=ref_id))

    def raw(self, body: bytes, content_type: str = "text/xml") -> Answer:
        """Send a body as it is."""
        reply = self.dialect.answer(posted(body, content_type))
        assert reply.status == 200
        assert reply.body.startswith(b"\xef\xbb\xbf<?xml")
        self._validate(reply.body)
        return Answer(ElementTree.fromstring(reply.body))

    def _validate(self, body: bytes) -> None:
        if self.official is not None:
            assert self.official.validate(etree.fromstring(body)), str(self.official.error_log)

    def pay(
        self,
        kind: str = "authCaptureTransaction",
        amount: str = "10.00",
        inner: str | None = None,
        *,
        ref_id: str = "",
    ) -> Answer:
        """Send a createTransactionRequest, with a Visa card unless told otherwise."""
        rest = card() + bill_to() if inner is None else inner
        amount_tag = f"<amount>{amount}</amount>" if amount else ""
        tx = f"<transactionType>{kind}</transactionType>{amount_tag}{rest}"
        body = f"<transactionRequest>{tx}</transactionRequest>"
        return self("createTransaction", body, ref_id=ref_id)

    def follow(self, kind: str, ref_trans_id: str, amount: str = "", *, ref_id: str = "") -> Answer:
        """Send a createTransactionRequest about an earlier one."""
        inner = f"<refTransId>{ref_trans_id}</refTransId>"
        return self.pay(kind, amount, inner, ref_id=ref_id)

    def customer(self, key: str = "u1", email: str = "ada@example.com", cards: str = "") -> str:
        """Store a customer and return the id."""
        answer = self(
            "createCustomerProfile",
            f"<profile><merchantCustomerId>{key}</merchantCustomerId><email>{email}</email>"
            f"{cards}</profile>",
        )
        assert answer.ok, answer.words
        return answer["customerProfileId"]

    def stored(self, customer_id: str, payment: str = "", zip_code: str = "12180") -> Answer:
        """Store a card, unchecked, and return the reply."""
        return self(
            "createCustomerPaymentProfile",
            f"<customerProfileId>{customer_id}</customerProfileId><paymentProfile>"
            f"{bill_to(zip_code)}{payment or card()}</paymentProfile>",
        )


def stored(talk: Talk, zip_code: str = "12180", cvv: str = "") -> tuple[str, str, str]:
    """A customer's id, a card's, and the ``profile`` that pays with it."""
    customer = talk.customer(zip_code)
    made = talk.stored(customer, zip_code=zip_code)["customerPaymentProfileId"]
    return customer, made, profile(customer, made, cvv)


def profile(customer: str, card_id: str, cvv: str = "") -> str:
    """Return a ``profile`` that pays with a stored card."""
    code = f"<cardCode>{cvv}</cardCode>" if cvv else ""
    return (
        f"<profile><customerProfileId>{customer}</customerProfileId><paymentProfile>"
        f"<paymentProfileId>{card_id}</paymentProfileId>{code}</paymentProfile></profile>"
    )


def broken(body: str, chance: random.Random) -> str:
    """Change, drop, repeat or move one element of a request; credentials stay."""
    found = [one for one in _ELEMENT.finditer(body) if one[1] not in ("name", "transactionKey")]
    if not found:
        return body
    one, other = chance.choice(found), chance.choice(found)
    return chance.choice(
        (
            body[: one.start(2)] + chance.choice(_VALUES) + body[one.end(2) :],
            body[: one.start()] + body[one.end() :],
            body[: one.end()] + one[0] + body[one.end() :],
            body[: other.start()] + one[0] + body[other.start() :],
        )
    )
