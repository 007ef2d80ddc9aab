"""Finding what an operation left at the gateway, after its reply was lost.

The reporting calls need the *Transaction Details API* of the account (E00011 without it).
"""

from __future__ import annotations

from dataclasses import replace

from django_dinero.enums import ReasonKind, RemoteStatus, TransactionKind
from django_dinero.gateways.authorizenet import codes, lists, profiles, reports, responses_vault
from django_dinero.gateways.authorizenet.patience import PatientClient
from django_dinero.gateways.authorizenet.xml import text_at
from django_dinero.gateways.types import LookupHints, LookupResult, Refusal, RemoteCard


def find_operation(
    client: PatientClient, key: str, hints: LookupHints, currency: str
) -> LookupResult:
    """Find what an operation left: by invoice number, by our customer key, or by its target.

    A list that the account may not read leaves the search incomplete.
    """
    try:
        match hints.kind:
            case "create_customer":
                return _find_customer(client, hints)
            case "add_card":
                return _find_card(client, hints)
            case "capture":
                return _find_capture(client, hints, currency)
            case "void":
                return _find_void(client, hints, currency)
            case _:
                return _find_transaction(client, key, hints, currency)
    except lists.Incomplete:
        return LookupResult(complete=False)


def _find_transaction(
    client: PatientClient, key: str, hints: LookupHints, currency: str
) -> LookupResult:
    found = {
        text_at(item, "transId"): None
        for item in lists.listed(client, hints.since)
        if text_at(item, "invoiceNumber") == key
    }
    matches = []
    for transaction_id in found:
        remote = reports.fetch(client, transaction_id, currency)
        if isinstance(remote, Refusal):
            raise lists.Incomplete
        if remote.operation_key == key:
            matches.append(remote)
    return LookupResult(tuple(matches))


def _find_customer(client: PatientClient, hints: LookupHints) -> LookupResult:
    values = {"merchantCustomerId": hints.customer_key, "unmaskExpirationDate": "true"}
    reply = client.read("getCustomerProfile", values)
    if reply.code == codes.NOT_FOUND:
        return LookupResult()
    lists.readable(reply)
    found = responses_vault.customer(reply.content.get("profile") or {})
    return LookupResult((found,) if found.customer_key == hints.customer_key else ())


def _find_card(client: PatientClient, hints: LookupHints) -> LookupResult:
    customer = profiles.fetch_customer(client, hints.customer_id)
    if isinstance(customer, Refusal):
        gone = customer.reasons[0].kind is ReasonKind.CUSTOMER_NOT_FOUND
        return LookupResult(complete=gone)
    return LookupResult(tuple(card for card in customer.cards if _is_new(card, hints)))


def _is_new(card: RemoteCard, hints: LookupHints) -> bool:
    return card.card_id not in hints.known_card_ids and hints.last_4 in ("", card.last_4)


def _find_capture(client: PatientClient, hints: LookupHints, currency: str) -> LookupResult:
    """A capture changes its authorization: if that is captured for our amount, it is ours.

    ``transrefId`` names the request that made the authorization. So nothing tells a capture of
    ours from one that somebody made for the same amount elsewhere.
    """
    remote = reports.fetch(client, hints.transaction_id, currency)
    if isinstance(remote, Refusal):
        return LookupResult(complete=False)
    if not reports.is_captured_for(remote, hints.amount):
        return LookupResult()
    return LookupResult((replace(remote, kind=TransactionKind.CAPTURE),))


def _find_void(client: PatientClient, hints: LookupHints, currency: str) -> LookupResult:
    remote = reports.fetch(client, hints.transaction_id, currency)
    if isinstance(remote, Refusal):
        return LookupResult(complete=False)
    if remote.status is not RemoteStatus.VOIDED:
        return LookupResult()
    return LookupResult((replace(remote, kind=TransactionKind.VOID),))
