"""The webhooks of Authorize.Net, as the test bank sends them."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from typing import Final

from django_dinero.enums import RemoteStatus
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.changes import Change, Happened, Thing
from django_dinero.sandbox.bank.enums import RowKind
from django_dinero.sandbox.bank.records import LedgerRow
from django_dinero.sandbox.http.exchange import Notifier, Told

S = RemoteStatus

PAYMENT: Final = "net.authorize.payment."
CUSTOMER: Final = "net.authorize.customer."
#: What a new row is; declines have no webhook.
NEW: Final[Mapping[tuple[RowKind, RemoteStatus], str]] = {
    (RowKind.CHARGE, S.CAPTURED): "authcapture.created",
    (RowKind.AUTHORIZATION, S.AUTHORIZED): "authorization.created",
    (RowKind.CAPTURE_ONLY, S.CAPTURED): "capture.created",
    (RowKind.REFUND, S.CAPTURED): "refund.created",
    (RowKind.CHARGE, S.HELD): "fraud.held",
    (RowKind.AUTHORIZATION, S.HELD): "fraud.held",
}
#: What a change of a row's status is. Settlement, returns and disputes have no webhook.
CHANGED: Final[Mapping[tuple[RemoteStatus, RemoteStatus], str]] = {
    (S.AUTHORIZED, S.CAPTURED): "priorAuthCapture.created",
    (S.AUTHORIZED, S.VOIDED): "void.created",
    (S.CAPTURED, S.VOIDED): "void.created",
    (S.HELD, S.VOIDED): "void.created",
    (S.HELD, S.AUTHORIZED): "fraud.approved",
    (S.HELD, S.CAPTURED): "fraud.approved",
    (S.HELD, S.DECLINED): "fraud.declined",
}
ENTITIES: Final = {Thing.CUSTOMER: "customerProfile", Thing.CARD: "customerPaymentProfile"}
EVENTS: Final = frozenset(
    {
        *(PAYMENT + name for name in (*NEW.values(), *CHANGED.values())),
        *(CUSTOMER + name for name in Happened),
        *(f"{CUSTOMER}paymentProfile.{name}" for name in Happened),
    }
)


class AuthorizeNetNotifier(Notifier):
    """Signs with the account's signature key, over the body's bytes.

    Args:
        bank: whose account and clock it uses.
    """

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def tell(self, change: Change) -> Told | None:
        event = event_of(change)
        if event is None:
            return None
        body = json.dumps(
            {
                "notificationId": str(uuid.uuid4()),
                "eventType": event,
                "eventDate": self._bank.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "webhookId": str(uuid.uuid5(uuid.NAMESPACE_URL, self._bank.account.login_id)),
                "payload": _payload(change, event),
            }
        ).encode()
        key = self._bank.account.signature_key.reveal()
        return Told(event, body, _headers(key, body), _headers(key[::-1] + "0", body))


def event_of(change: Change) -> str | None:
    """Return the name of the event of a change; None where there is none."""
    if change.thing is Thing.CUSTOMER:
        return CUSTOMER + change.happened
    if change.thing is Thing.CARD:
        return f"{CUSTOMER}paymentProfile.{change.happened}"
    row = change.row
    if row is None or row.kind is RowKind.VALIDATION:
        return None
    name = (
        NEW.get((row.kind, row.status))
        if change.before is None
        else CHANGED.get((change.before, row.status))
    )
    return None if name is None else PAYMENT + name


def _payload(change: Change, event: str) -> dict[str, object]:
    if change.row is not None:
        return _payment(change.row, event)
    payload: dict[str, object] = {"entityName": ENTITIES[change.thing], "id": change.id}
    if change.thing is Thing.CARD:
        payload["customerProfileId"] = int(change.customer_id)
    return payload


def _payment(row: LedgerRow, event: str) -> dict[str, object]:
    key = row.operation_key
    if event.endswith("priorAuthCapture.created"):
        key = row.capture_key
    elif event.endswith("void.created"):
        key = row.void_key
    payload: dict[str, object] = {
        "responseCode": 4 if row.status is S.HELD else 2 if row.status is S.DECLINED else 1,
        "authCode": row.auth_code,
        "avsResponse": str(row.avs),
        "authAmount": float(row.amount),
        "invoiceNumber": row.invoice,
        "merchantReferenceId": key[:20],
        "entityName": "transaction",
        "id": row.id,
    }
    return {name: value for name, value in payload.items() if value != ""}


def _headers(key: str, body: bytes) -> dict[str, str]:
    digest = hmac.new(key.encode(), body, hashlib.sha512).hexdigest().upper()
    return {"Content-Type": "application/json", "X-ANET-Signature": f"sha512={digest}"}
