"""Requests and the bytes of the same requests, for those who send them without a client."""

from __future__ import annotations

from decimal import Decimal

from django_dinero.cards import Address, CardDetails
from django_dinero.gateways.types import ChargeRequest, CustomerRequest, StoredCard
from django_dinero.identifiers import new_key
from django_dinero.redaction import Secret

NAMESPACE = "AnetApi/xml/v1/schema/AnetApiSchema.xsd"
YEAR = 2035
ADDRESS = Address(
    first_name="Bill",
    last_name="Smith",
    address="123 Elm St",
    city="Denver",
    state="CO",
    zip="80202",
    country="US",
)
AMOUNT = Decimal("12.50")

_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?><{root} xmlns="' + NAMESPACE + '">'
    "<merchantAuthentication><name>{login_id}</name>"
    "<transactionKey>{transaction_key}</transactionKey></merchantAuthentication>"
)
_CREATE = (
    "<refId>{key}</refId><profile><merchantCustomerId>{key}</merchantCustomerId>"
    "<description>django-dinero</description><email>bill@example.com</email>"
    "<paymentProfiles><customerType>individual</customerType>"
    "<billTo><firstName>Bill</firstName><lastName>Smith</lastName><address>123 Elm St</address>"
    "<city>Denver</city><state>CO</state><zip>80202</zip><country>US</country></billTo>"
    "<payment><creditCard><cardNumber>4111111111111111</cardNumber>"
    "<expirationDate>2035-12</expirationDate><cardCode>900</cardCode></creditCard></payment>"
    "<defaultPaymentProfile>true</defaultPaymentProfile></paymentProfiles></profile>"
    "<validationMode>testMode</validationMode>"
)
_GET = (
    "<customerProfileId>{customer_id}</customerProfileId>"
    "<unmaskExpirationDate>true</unmaskExpirationDate>"
)
_CHARGE = (
    "<refId>{key}</refId><transactionRequest>"
    "<transactionType>authCaptureTransaction</transactionType><amount>12.50</amount>"
    "<currencyCode>USD</currencyCode>"
    "<profile><customerProfileId>{customer_id}</customerProfileId><paymentProfile>"
    "<paymentProfileId>{card_id}</paymentProfileId></paymentProfile></profile>"
    "<order><invoiceNumber>{key}</invoiceNumber></order><transactionSettings><setting>"
    "<settingName>duplicateWindow</settingName><settingValue>28800</settingValue></setting>"
    "</transactionSettings><processingOptions><isStoredCredentials>true</isStoredCredentials>"
    "</processingOptions></transactionRequest>"
)
ROOTS = {
    "create": ("createCustomerProfileRequest", _CREATE),
    "get": ("getCustomerProfileRequest", _GET),
    "charge": ("createTransactionRequest", _CHARGE),
}


def body(verb: str, **values: str) -> bytes:
    """Return a request's bytes; each has a key of its own, so that none is a duplicate.

    They are what the gateway sends for the same call; a test holds them equal.
    """
    root, inner = ROOTS[verb]
    text = _HEAD + inner + "</{root}>"
    return text.format(root=root, key=new_key(), **values).encode()


def card(number: str = "4111111111111111") -> CardDetails:
    """Return a card as the services hand it to a gateway."""
    return CardDetails(
        number=Secret(number), month=12, year=YEAR, cvv=Secret("900"), address=ADDRESS
    )


def create_request() -> CustomerRequest:
    """Return what a service asks of ``gateway.create_customer``."""
    return CustomerRequest(
        operation_key=new_key(),
        customer_key=new_key(),
        email="bill@example.com",
        first_name="Bill",
        last_name="Smith",
        card=card(),
    )


def charge_request(customer_id: str, card_id: str) -> ChargeRequest:
    """Return what a service asks of ``gateway.charge``."""
    return ChargeRequest(
        operation_key=new_key(),
        amount=AMOUNT,
        currency="USD",
        source=StoredCard(customer_id, card_id),
    )
