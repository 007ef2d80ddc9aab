"""What is to be said of single fields that their serializers do not say."""

from __future__ import annotations

from collections.abc import Mapping

from django_dinero.api.openapi.components import AMOUNT, KEY, UUID, Schema, nullable

#: Of requests, by field.
SENT: Mapping[str, Schema] = {
    "email": {"format": "email"},
    "number": {
        "description": "The card number, where the project takes them. Better still, send a token."
    },
    "token": {"description": "In place of a number: what the gateway's script made of a card."},
    "cvv": {"description": "The card code, where the project takes them. It is never stored."},
    "month": {"description": "Of the expiry date, from 1 to 12."},
    "year": {"description": "Of the expiry date, with four digits."},
    "is_default": {"description": "Whether it is charged where only the customer is named."},
    "gateway_name": {"description": "The account to store it at. For staff."},
    "price": {"description": "In major units, as `12.50`. Nothing is rounded."},
    "amount": {"description": "In major units; all of it if it is left out."},
    "settle": {"description": "False only authorizes.", "default": True},
    "currency": {"description": "ISO 4217, in capitals, as `USD`."},
    "order_reference": {"description": "Your own name for what is paid."},
    "pays_order": {
        "description": "Whether it pays the whole order of `order_reference`, which is paid once.",
        "default": False,
    },
    "description": {"description": "For those who read the books later."},
    "customer_ip": {"description": "The address that the cardholder came from."},
    "initiator": {"description": "`merchant` where the cardholder is not there. For staff."},
    "note": {"description": "Why it is closed, for those who ask later."},
}

#: Fields that may be sent as a text or as a whole number.
TEXT_OR_NUMBER = frozenset({"month", "year"})

_LIVE: Schema = {"description": "Whether real money moves at its account."}
_THEIRS: Schema = {"description": "The gateway's own id."}

#: Of answers, by field.
ANSWERED: Mapping[str, Schema] = {
    "live": _LIVE,
    "transaction_id": _THEIRS,
    "customer_id": _THEIRS,
    "card_id": _THEIRS,
    "price": {**AMOUNT, "description": "In major units, with the decimals of its currency."},
    "captured_amount": {**AMOUNT, "description": "How much was taken."},
    "refunded_amount": {**AMOUNT, "description": "How much was given back."},
    "left_to_capture": {**AMOUNT, "description": "How much can still be taken."},
    "left_to_refund": {**AMOUNT, "description": "How much can still be given back."},
    "amount_here": {**AMOUNT, "description": "In our books."},
    "amount_there": {**AMOUNT, "description": "In the gateway's."},
    "children": {
        "type": "array",
        "items": UUID,
        "description": "What has followed it, the oldest first.",
    },
    "parent": {**UUID, "description": "What it follows."},
    "avs": {"description": "The result of the address check. For staff."},
    "cvv": {"description": "The result of the card code's check. For staff."},
    "currencies": {"description": "Null where it has several and does not list them."},
    "browser_keys": {"description": "What its script in the browser needs. All of it is public."},
    "required_card_fields": {"description": "What a typed card needs beside its number."},
    "reason": {"description": "Why it was refused. For staff."},
    "made_by": {
        "description": "Who asked for it; empty where nobody said, or where it was the owner. "
        "For staff who may view it."
    },
}

#: By serializer and field, where a field's name alone does not say it.
OF_ONE: Mapping[tuple[str, str], Schema] = {
    ("OperationSerializer", "id"): KEY,
    ("OperationSerializer", "transaction"): {**UUID, "description": "What it made."},
    ("OperationSerializer", "customer"): {**UUID, "description": "Whom it created."},
    ("StaffOperationSerializer", "id"): KEY,
    ("StaffOperationSerializer", "transaction"): {**UUID, "description": "What it made."},
    ("StaffOperationSerializer", "customer"): {**UUID, "description": "Whom it created."},
}

#: By serializer and field, what may be null beside the columns that may.
NULL = frozenset(
    {
        *(("TransactionSerializer", name) for name in ("parent", "customer", "card")),
        *(("StaffTransactionSerializer", name) for name in ("parent", "customer", "card")),
        ("StaffTransactionSerializer", "made_by"),
        *(("OperationSerializer", name) for name in ("transaction", "customer")),
        *(("StaffOperationSerializer", name) for name in ("transaction", "customer")),
        *(("DifferenceSerializer", name) for name in ("amount_here", "amount_there")),
    }
)


def told(table: Mapping[str, Schema], serializer: str, name: str, schema: Schema) -> Schema:
    """Return the schema of a field with what the tables add to it."""
    return {**schema, **table.get(name, {}), **OF_ONE.get((serializer, name), {})}


def shown(serializer: str, name: str, schema: Schema) -> Schema:
    """Return the schema of a field of an answer."""
    plain = {key: value for key, value in schema.items() if key not in ("readOnly", "default")}
    schema = told(ANSWERED, serializer, name, plain)
    if (serializer, name) not in NULL:
        return schema
    # Once more: what is told above has replaced what the type hint said.
    return nullable({**schema, "type": "string"})
