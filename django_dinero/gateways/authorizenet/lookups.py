"""Reading the gateway's own books: what became of a lost call, all customers, all transactions.

The reporting calls need the *Transaction Details API* of the account (E00011 without it).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import replace

from django_dinero.enums import ReasonKind, RemoteStatus, TransactionKind
from django_dinero.exceptions import GatewayError
from django_dinero.gateways.authorizenet import codes, reports, responses
from django_dinero.gateways.authorizenet.lists import Incomplete, Lists
from django_dinero.gateways.authorizenet.xml import text_at
from django_dinero.gateways.types import (
    LookupHints,
    LookupResult,
    Reason,
    Refusal,
    RemoteCard,
    RemoteCustomer,
    RemoteTransaction,
)

_CAPTURED = (RemoteStatus.CAPTURED, RemoteStatus.SETTLED)


class Lookups(Lists):
    """The verbs that read the other side's books."""

    def find_operation(self, key: str, hints: LookupHints) -> LookupResult:
        """Find what an operation left: by invoice number, by our customer key, by its target.

        A list that the account may not read leaves the search incomplete.
        """
        finders = {
            "create_customer": self._find_customer,
            "add_card": self._find_card,
            "capture": self._find_capture,
            "void": self._find_void,
        }
        finder = finders.get(hints.kind)
        try:
            if finder is not None:
                return finder(hints)
            return self._find_transaction(key, hints)
        except Incomplete:
            return LookupResult(complete=False)

    def _find_transaction(self, key: str, hints: LookupHints) -> LookupResult:
        found = {
            text_at(item, "transId"): None
            for item in self.listed(hints.since)
            if text_at(item, "invoiceNumber") == key
        }
        matches = []
        for transaction_id in found:
            remote = self.retrieve_transaction(transaction_id)
            if isinstance(remote, Refusal):
                raise Incomplete
            if remote.operation_key == key:
                matches.append(remote)
        return LookupResult(tuple(matches))

    def _find_customer(self, hints: LookupHints) -> LookupResult:
        values = {"merchantCustomerId": hints.customer_key, "unmaskExpirationDate": "true"}
        reply = self.client.call("getCustomerProfile", values, changes=False)
        if reply.code == codes.NOT_FOUND:
            return LookupResult()
        self.readable(reply)
        found = responses.customer(reply.content.get("profile") or {})
        return LookupResult((found,) if found.customer_key == hints.customer_key else ())

    def _find_card(self, hints: LookupHints) -> LookupResult:
        customer = self.retrieve_customer(hints.customer_id)
        if isinstance(customer, Refusal):
            gone = customer.reasons[0].kind is ReasonKind.CUSTOMER_NOT_FOUND
            return LookupResult(complete=gone)
        return LookupResult(tuple(card for card in customer.cards if _is_new(card, hints)))

    def _find_capture(self, hints: LookupHints) -> LookupResult:
        """A capture changes its authorization: captured for our amount, it is ours.

        ``transrefId`` names the request that made the authorization, so that nothing tells a
        capture of ours from one that somebody made for the same amount elsewhere.
        """
        remote = self.retrieve_transaction(hints.transaction_id)
        if isinstance(remote, Refusal):
            return LookupResult(complete=False)
        if remote.status not in _CAPTURED or remote.settled_amount != hints.amount:
            return LookupResult()
        return LookupResult((_as(remote, TransactionKind.CAPTURE),))

    def _find_void(self, hints: LookupHints) -> LookupResult:
        remote = self.retrieve_transaction(hints.transaction_id)
        if isinstance(remote, Refusal):
            return LookupResult(complete=False)
        voided = remote.status is RemoteStatus.VOIDED
        return LookupResult((_as(remote, TransactionKind.VOID),) if voided else ())

    # -- Going through everything -----------------------------------------------------------------

    def iter_customers(self) -> Iterator[RemoteCustomer]:
        """Go through all customers, one call each; one that is deleted meanwhile is left out.

        Raises:
            GatewayError: the list could not be read.
        """
        reply = self.client.call("getCustomerProfileIds", {}, changes=False)
        if not reply.ok:
            raise self._unreadable(reply.reason())
        for customer_id in responses.ids(reply.content, "ids"):
            customer = self.retrieve_customer(customer_id)
            if isinstance(customer, RemoteCustomer):
                yield customer
            elif customer.reasons[0].kind is not ReasonKind.CUSTOMER_NOT_FOUND:
                raise self._unreadable(customer.reasons[0])

    def iter_transactions(self, since: datetime.datetime) -> Iterator[RemoteTransaction]:
        """Go through all transactions since then, as the lists show them: unsettled, then settled.

        A list tells less than :meth:`retrieve_transaction`: no parent, no AVS; a captured
        authorization shows as a charge.

        Raises:
            GatewayError: a list could not be read to its end.
        """
        try:
            for item in self.listed(since):
                yield reports.summary(item, self.currency)
        except Incomplete as error:
            text = str(error)
        else:
            return
        raise GatewayError(text, gateway_name=self.alias)

    def _unreadable(self, reason: Reason) -> GatewayError:
        return GatewayError(reason.text, gateway_code=reason.code, gateway_name=self.alias)


def _is_new(card: RemoteCard, hints: LookupHints) -> bool:
    return card.card_id not in hints.known_card_ids and hints.last_4 in ("", card.last_4)


def _as(remote: RemoteTransaction, kind: TransactionKind) -> RemoteTransaction:
    return replace(remote, kind=kind)
