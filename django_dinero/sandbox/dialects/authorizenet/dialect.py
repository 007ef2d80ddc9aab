"""The test bank as the Authorize.Net XML API: one address, one body in, one body out.

What is asked and answered is a tree, whether XML or JSON carries it: see :mod:`.formats`.
"""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django_dinero.logs import get_logger
from django_dinero.protocols.authorizenet import REPLY_ROOTS, ROOTS, TYPES, UNSIGNED
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.records import BankRefusal
from django_dinero.sandbox.dialects.authorizenet import (
    accept,
    cards,
    details,
    followups,
    reports,
    rest,
    shipping,
    vault,
)
from django_dinero.sandbox.dialects.authorizenet.account import (
    authenticate_test,
    is_alive,
    merchant_details,
)
from django_dinero.sandbox.dialects.authorizenet.cards import refusal
from django_dinero.sandbox.dialects.authorizenet.formats import (
    read_request,
    root_of,
    write_reply,
)
from django_dinero.sandbox.dialects.authorizenet.messages import MESSAGES, Answer, Refused
from django_dinero.sandbox.dialects.authorizenet.money import create_transaction
from django_dinero.sandbox.dialects.authorizenet.parse import Malformed, Node
from django_dinero.sandbox.dialects.authorizenet.profile_transactions import (
    create_profile_transaction,
)
from django_dinero.sandbox.dialects.authorizenet.profiles import from_transaction
from django_dinero.sandbox.dialects.authorizenet.reply import Tree
from django_dinero.sandbox.http.exchange import Dialect, Request, Response, Route

logger = get_logger(__name__)

_Operation = Callable[[Bank, Node], Answer]

PATH = "/xml/v1/request.api"


@dataclass(frozen=True, slots=True)
class _Reply:
    """What is answered: a root element and what it holds."""

    root: str
    values: Tree


class AuthorizeNetDialect(Dialect):
    """Speaks the Authorize.Net API for a bank, in XML and JSON; safe to share between threads.

    Args:
        bank: whose vault and ledger answer.
        bom: whether replies begin with a byte order mark, as the real ones do.
    """

    route = Route(
        PATH, ("POST",), f"operations are posted to {PATH}", others=(rest.ROUTE, accept.ROUTE)
    )

    def __init__(self, bank: Bank, *, bom: bool = True) -> None:
        self.bank = bank
        self.bom = bom
        self._operations: Mapping[str, _Operation] = {
            "createCustomerProfileRequest": vault.create_customer,
            "getCustomerProfileRequest": vault.get_customer,
            "updateCustomerProfileRequest": vault.update_customer,
            "deleteCustomerProfileRequest": vault.delete_customer,
            "getCustomerProfileIdsRequest": vault.customer_ids,
            "createCustomerPaymentProfileRequest": cards.create_card,
            "getCustomerPaymentProfileRequest": cards.get_card,
            "updateCustomerPaymentProfileRequest": cards.update_card,
            "deleteCustomerPaymentProfileRequest": cards.delete_card,
            "validateCustomerPaymentProfileRequest": cards.validate_card,
            "getCustomerPaymentProfileListRequest": cards.expiring_cards,
            "createCustomerShippingAddressRequest": shipping.create_address,
            "getCustomerShippingAddressRequest": shipping.get_address,
            "updateCustomerShippingAddressRequest": shipping.update_address,
            "deleteCustomerShippingAddressRequest": shipping.delete_address,
            "createCustomerProfileFromTransactionRequest": from_transaction,
            "createCustomerProfileTransactionRequest": create_profile_transaction,
            "isAliveRequest": is_alive,
            "authenticateTestRequest": authenticate_test,
            "getMerchantDetailsRequest": merchant_details,
            "createTransactionRequest": create_transaction,
            "updateHeldTransactionRequest": followups.update_held,
            "getTransactionDetailsRequest": details.transaction_details,
            "getTransactionListForCustomerRequest": reports.customer_transactions,
            "getUnsettledTransactionListRequest": reports.unsettled,
            "getSettledBatchListRequest": reports.batches,
            "getTransactionListRequest": reports.batch_transactions,
            "getBatchStatisticsRequest": reports.batch_statistics,
        }

    def operation_of(self, request: Request) -> str:
        """Return the name of the root element, empty if there is none at the body's beginning."""
        if accept.is_accept(request):
            return accept.operation_of(request)
        return rest.operation_of(request) if rest.is_rest(request) else root_of(request)

    def answer(self, request: Request) -> Response:
        """Do what is asked for, by body and content type alone."""
        if accept.is_accept(request):
            return accept.answer(self.bank, request)
        if rest.is_rest(request):
            return rest.answer(self.bank, request)
        return self._send(request, self._answer(request))

    def not_found(self, request: Request) -> Response:
        """Say E00040, as the real one does for some seconds about what it has just made."""
        if accept.is_accept(request):
            return accept.refused("E_WC_19")
        if rest.is_rest(request):
            return rest.not_found()
        try:
            node = read_request(request)
        except Malformed as error:
            return self._send(request, _malformed(error))
        root, ref_id = REPLY_ROOTS[node.name], node.value("refId")
        return self._send(request, _refused(root, ref_id, Refused("E00040")))

    def _send(self, request: Request, reply: _Reply) -> Response:
        return write_reply(request, reply.root, reply.values, bom=self.bom)

    def _answer(self, request: Request) -> _Reply:
        try:
            node = read_request(request)
        except Malformed as error:
            return _malformed(error)
        root, ref_id = REPLY_ROOTS[node.name], node.value("refId")
        try:
            if node.name != UNSIGNED:
                self._authenticate(node)
            answer = self._operations[node.name](self.bank, node)
        except Refused as refused:
            return _refused(root, ref_id, refused)
        except BankRefusal as error:
            return _refused(root, ref_id, refusal(error))
        except Exception as error:
            # Whoever runs the bank reads why; its client meets what a gateway in trouble answers.
            logger.exception("The test bank failed at %s.", node.name)
            busy = isinstance(error, sqlite3.OperationalError)
            return _refused(root, ref_id, Refused("E00053" if busy else "E00001"))
        return _reply(root, ref_id, answer.code, MESSAGES[answer.code], answer.body)

    def _authenticate(self, request: Node) -> None:
        """Compare login and key; the reply keeps the operation's own root, as the real one."""
        given = request.find("merchantAuthentication") or request
        name, key = given.value("name"), given.value("transactionKey")
        if not name:
            raise Refused("E00006")
        if not key:
            raise Refused("E00005")
        account = self.bank.account
        known = account.transaction_key.reveal()
        same_name = hmac.compare_digest(name.encode("utf-8"), account.login_id.encode("utf-8"))
        same_key = hmac.compare_digest(key.encode("utf-8"), known.encode("utf-8"))
        if not (same_name and same_key):
            raise Refused("E00007")


def _malformed(error: Malformed) -> _Reply:
    return _reply("ErrorResponse", "", error.code, error.text, {})


def _refused(root: str, ref_id: str, refused: Refused) -> _Reply:
    """Keep the operation's own root where the schema allows it without what was asked for."""
    missing = [c for c in TYPES[ROOTS[root]] if c.required and c.name not in refused.body]
    empty: dict[str, object] = {c.name: {} for c in missing if c.name != "messages"}
    if any(not _may_be_empty(child.type) for child in missing if child.name in empty):
        root, empty = "ErrorResponse", {}
    return _reply(root, ref_id, refused.code, refused.text, {**empty, **refused.body})


def _reply(root: str, ref_id: str, code: str, text: str, body: Tree) -> _Reply:
    messages = {
        "resultCode": "Ok" if code.startswith("I") else "Error",
        "message": [{"code": code, "text": text}],
    }
    return _Reply(root, {"refId": ref_id or None, "messages": messages, **body})


def _may_be_empty(type_name: str) -> bool:
    return type_name in TYPES and not any(child.required for child in TYPES[type_name])
