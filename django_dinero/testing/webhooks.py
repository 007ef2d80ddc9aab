"""Deliver signed webhooks to a project's own view, as the gateway would send them."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.test import Client
from django.urls import NoReverseMatch, reverse

from django_dinero.gateways.authorizenet import AuthorizeNetGateway
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.sandbox import SandboxGateway
from django_dinero.gateways.sandbox.webhooks import sign
from django_dinero.gateways.types import WebhookNotice
from django_dinero.models import CreditCard, Customer, Transaction

_numbers = itertools.count(1)
#: What Authorize.Net calls our kinds of objects.
_ENTITIES = {
    "transaction": "transaction",
    "customer": "customerProfile",
    "card": "customerPaymentProfile",
}
#: Events that are told unless another one is asked for.
_EVENTS = {
    "transaction": "net.authorize.payment.authcapture.created",
    "customer": "net.authorize.customer.updated",
    "card": "net.authorize.customer.paymentProfile.updated",
}


@dataclass(frozen=True, slots=True)
class WebhookCall:
    """A signed webhook, to be posted as often and as wrong as a test wants.

    Attributes:
        url: the address of the gateway's endpoint in this project.
        headers: with the signature over ``body``.
        body: the bytes that were signed.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def post(self, client: Client | None = None, **extra: Any) -> Any:
        """Post it, and return the response. The event is applied when this returns."""
        return (client or Client()).post(
            self.url, self.body, content_type="application/json", headers=self.headers, **extra
        )


def webhook_about(
    gateway: Gateway, row: Transaction | Customer | CreditCard, event_type: str = ""
) -> WebhookCall:
    """Return a webhook that tells of a row's object at the gateway.

    Args:
        gateway: the test bank in this process, or a gateway of Authorize.Net with a signature key.
        row: what it is about.
        event_type: the gateway's name of what happened.

    The project has to include ``django_dinero.webhooks.urls``.

    Raises:
        TypeError: it is not known how such a gateway signs.
    """
    notice = _notice(row, event_type)
    if isinstance(gateway, SandboxGateway):
        headers, body = sign(notice, gateway.bank.account.signature_key)
    elif isinstance(gateway, AuthorizeNetGateway):
        headers, body = _signed_by_authorizenet(gateway, notice)
    else:
        raise TypeError(f"{gateway!r}: sign its webhooks as its provider does, and post them.")
    return WebhookCall(_address(gateway), headers, body)


def _notice(row: Transaction | Customer | CreditCard, event_type: str) -> WebhookNotice:
    kind, object_id, customer_id, key = "transaction", "", "", ""
    if isinstance(row, Transaction):
        object_id, key = row.transaction_id or "", row.operation_key or ""
    elif isinstance(row, Customer):
        kind, object_id = "customer", row.customer_id or ""
    else:
        kind, object_id, customer_id = "card", row.card_id, row.customer_id
    return WebhookNotice(
        event_id=f"test-{next(_numbers)}",
        event_type=event_type or _EVENTS[kind],
        object_kind=kind,
        object_id=object_id,
        operation_key=key,
        customer_id=customer_id,
    )


def _signed_by_authorizenet(
    gateway: AuthorizeNetGateway, notice: WebhookNotice
) -> tuple[dict[str, str], bytes]:
    body = json.dumps(
        {
            "notificationId": notice.event_id,
            "eventType": notice.event_type,
            "payload": {
                "entityName": _ENTITIES[notice.object_kind],
                "id": notice.object_id,
                "merchantReferenceId": notice.operation_key,
                "customerProfileId": notice.customer_id,
            },
        }
    ).encode()
    key = next(iter(gateway.options.signature_keys)).reveal()
    digest = hmac.new(key.encode(), body, hashlib.sha512).hexdigest().upper()
    return {"X-ANET-Signature": f"sha512={digest}"}, body


def _address(gateway: Gateway) -> str:
    try:
        return reverse("dinero-webhooks:webhook", args=[gateway.name])
    except NoReverseMatch as error:
        raise NoReverseMatch(
            f"{error} Include django_dinero.webhooks.urls in the project's urls."
        ) from None
