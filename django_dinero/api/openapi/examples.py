"""Examples of requests and answers, by operation. A test holds them to the schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_CUSTOMER_ID = "2aba13fa-d387-4517-84d5-e4e57a3a6b8d"
_CARD_ID = "a4ebd167-fa30-4c24-8c79-d1ff31435ecb"
_CHARGE_ID = "f743a693-9db5-49b2-9fa5-2815ef9c4f5f"
_OPERATION = "5RTFEZURJCEHHKNIBPO2"

_ACCOUNT = {"gateway_name": "default", "live": False}
CARD = {
    **{"id": _CARD_ID, "customer": _CUSTOMER_ID, **_ACCOUNT},
    **{"customer_id": "912300502", "card_id": "908400702", "last_4": "1111", "brand": "visa"},
    **{"month": 12, "year": 2050, "first_name": "Bill", "last_name": "Bloggs", "company": ""},
    **{"address": "", "city": "", "state": "", "zip": "80202", "country": "", "phone": ""},
    **{"fax": "", "is_default": True, "sync_state": "synced"},
    "created_at": "2026-11-25T18:31:56.758187Z",
}
CUSTOMER = {
    **{"id": _CUSTOMER_ID, **_ACCOUNT, "customer_id": "912300502"},
    **{"email": "bill@example.com", "first_name": "Bill", "last_name": "Bloggs"},
    **{"cards": [CARD], "sync_state": "synced", "created_at": "2026-11-25T18:31:56.727223Z"},
}
CHARGE = {
    **{"id": _CHARGE_ID, **_ACCOUNT, "transaction_id": "60012300406", "kind": "charge"},
    **{"status": "approved", "price": "12.50", "currency": "USD", "parent": None},
    **{"customer": _CUSTOMER_ID, "card": _CARD_ID, "customer_id": "912300502"},
    **{"card_id": "908400702", "last_4": "1111", "brand": "visa", "auth_code": "LHNF43"},
    **{"order_reference": "1042", "description": ""},
    **{"created_at": "2026-11-25T18:32:10.847807Z", "captured_amount": "12.50"},
    **{"refunded_amount": "0.00", "left_to_capture": "0.00", "left_to_refund": "12.50"},
    "children": [],
}
OPERATION = {
    **{"id": _OPERATION, "live": False, "kind": "charge", "state": "succeeded"},
    **{"transaction": _CHARGE_ID, "customer": None},
    **{"created_at": "2026-11-25T18:32:16.911000Z", "updated_at": "2026-11-25T18:32:17.075000Z"},
}
DIFFERENCE = {
    **{"id": 7, **_ACCOUNT, "kind": "amount", "subject": "60012300406"},
    **{"reason": "contradicts", "operation": _OPERATION},
    "text": "Here it is approved, 12.50 USD, and at the gateway approved, 12.40 USD.",
    **{"transaction_id": "60012300406", "customer_id": "", "card_id": "", "day": None},
    **{"currency": "USD", "amount_here": "12.50", "amount_there": "12.40", "state": "open"},
    **{"note": "", "closed_by": "", "times_seen": 1, "ended_at": None},
    **{"first_seen_at": "2026-11-26T02:00:04.1Z", "last_seen_at": "2026-11-26T02:00:04.1Z"},
}
EVENT = {
    **{"id": 3, **_ACCOUNT, "event_id": "8b2a9b3e-3d7c-4c55-8a0f-6e0d0c3f5a11"},
    **{"event_type": "net.authorize.payment.refund.created", "object_kind": "transaction"},
    **{"object_id": "60012300406", "operation": "", "state": "applied", "attempts": 1},
    **{"next_try_at": None, "error": "", "received_at": "2026-11-26T02:00:04.1Z"},
    "applied_at": "2026-11-26T02:00:05.3Z",
}

GATEWAY = {
    **{"name": "default", "provider": "authorizenet", "live": False, "currencies": ["USD"]},
    "capabilities": ["customers", "cards", "charges", "refunds", "browser_tokens"],
    "required_card_fields": ["month", "year"],
    "browser_keys": {"api_login_id": "5KP3u95bQpv", "client_key": "a public key"},
}

_NEW_CARD = {"number": "4111111111111111", "month": 12, "year": 2050, "cvv": "900", "zip": "80202"}
_PERSON = {"email": "bill@example.com", "first_name": "Bill", "last_name": "Bloggs"}
_NEW_CHARGE = {"price": "12.50", "order_reference": "1042"}

#: Bodies, by the name of the operation and of the example.
REQUESTS: Mapping[str, Mapping[str, Any]] = {
    "customers_create": {
        "With a card": {**_PERSON, **_NEW_CARD},
        "With a token": {**_PERSON, "token": "tok_5f2c7e91d0aab3"},
        "Without a card": _PERSON,
    },
    "customers_update": {"Another name": {"last_name": "Smith"}},
    "customers_add_card": {"A card": _NEW_CARD, "A token": {"token": "tok_5f2c7e91d0aab3"}},
    "customers_charge": {
        "A charge": _NEW_CHARGE,
        "An authorization": {"price": "80.00", "settle": False},
    },
    "cards_update": {"Another default": {"is_default": True, "zip": "80203"}},
    "cards_charge": {
        "A charge": _NEW_CHARGE,
        "An authorization": {"price": "80.00", "settle": False},
    },
    "charges_create": {"A token": {**_NEW_CHARGE, "token": "tok_5f2c7e91d0aab3"}},
    "cards_validate": {"With the code": {"cvv": "900"}},
    "transactions_capture": {"A part": {"amount": "60.00"}, "All of it": {}},
    "transactions_void": {"A void": {"description": "ordered twice"}},
    "transactions_refund": {"A part": {"amount": "10.00"}, "All of it": {}},
    "transactions_approve": {"An approval": {}},
    "transactions_decline": {"A refusal": {"description": "a stolen card"}},
    "differences_close": {"With a note": {"note": "refunded by phone"}},
}

#: Rows, by the name of the resource.
ROWS: Mapping[str, Any] = {
    "customers": CUSTOMER,
    "cards": CARD,
    "transactions": CHARGE,
    "charges": CHARGE,
    "gateways": GATEWAY,
    "operations": OPERATION,
    "differences": DIFFERENCE,
    "webhook_events": EVENT,
}

#: What a verb answers where that is no row of its own resource.
ANSWERS: Mapping[str, Any] = {
    "customers_add_card": CARD,
    "customers_charge": CHARGE,
    "cards_charge": CHARGE,
    "api_root": {
        name.replace("_", "-"): f"https://shop.example.com/api/{name.replace('_', '-')}/"
        for name in (
            *("customers", "cards", "transactions", "gateways"),
            *("differences", "webhook_events"),
        )
    },
}

#: Errors, by status.
PROBLEMS: Mapping[int, Any] = {
    202: {
        "code": "outcome_unknown",
        "detail": "No clear answer came from the gateway: this may have been done.",
        "operation": _OPERATION,
    },
    400: {
        "code": "invalid_input",
        "detail": "email: Enter a valid email address.",
        "errors": {"email": ["Enter a valid email address."]},
    },
    402: {"code": "card_declined", "detail": "The card was declined.", "operation": _OPERATION},
    404: {"code": "not_found", "detail": "There is no such object."},
    409: {"code": "operation_in_progress", "detail": "This is being worked on already."},
    429: {"code": "throttled", "detail": "Request was throttled. Expected available in 9 seconds."},
    503: {"code": "not_sent", "detail": "Nothing reached the payment gateway; try again."},
}

ACTION_REQUIRED: Mapping[str, Any] = {
    "code": "action_required",
    "detail": "The card's holder has to confirm the payment first.",
    "transaction": _CHARGE_ID,
    "operation": _OPERATION,
    "next_action": {
        "kind": "redirect",
        "value": "https://bank.example.com/confirm/epn2igmcdbwd",
        "expires_at": "2026-11-29T21:10:15.980971Z",
    },
}


def answer_of(name: str, resource: str, *, page: bool) -> Any:
    """Return an answer of an operation that succeeded."""
    row = ANSWERS.get(name, ROWS.get(resource))
    return {"next": None, "previous": None, "results": [row]} if page else row
