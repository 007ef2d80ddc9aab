"""The test bank as the Authorize.Net XML API: one body in, one body out, whatever carries them."""

from __future__ import annotations

import hmac
import logging
import sqlite3
from collections.abc import Callable, Mapping

from django_dinero.protocols.authorizenet import REPLY_ROOTS, ROOTS, TYPES
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.records import BankRefusal
from django_dinero.sandbox.dialects.authorizenet import cards, details, followups, reports, vault
from django_dinero.sandbox.dialects.authorizenet.account import authenticate_test, merchant_details
from django_dinero.sandbox.dialects.authorizenet.cards import refusal
from django_dinero.sandbox.dialects.authorizenet.messages import TEXTS, Answer, Refused
from django_dinero.sandbox.dialects.authorizenet.money import create_transaction
from django_dinero.sandbox.dialects.authorizenet.parse import Malformed, Node, read
from django_dinero.sandbox.dialects.authorizenet.profiles import from_transaction
from django_dinero.sandbox.dialects.authorizenet.reply import Tree, write
from django_dinero.sandbox.http.exchange import Reply

logger = logging.getLogger(__name__)

_Operation = Callable[[Bank, Node], Answer]


class Dialect:
    """Speaks the Authorize.Net XML API for a bank; safe to share between threads.

    Args:
        bank: whose vault and ledger answer.
        bom: whether replies begin with a byte order mark, as the real ones do.
    """

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
            "createCustomerProfileFromTransactionRequest": from_transaction,
            "authenticateTestRequest": authenticate_test,
            "getMerchantDetailsRequest": merchant_details,
            "createTransactionRequest": create_transaction,
            "updateHeldTransactionRequest": followups.update_held,
            "getTransactionDetailsRequest": details.transaction_details,
            "getTransactionListForCustomerRequest": reports.customer_transactions,
            "getUnsettledTransactionListRequest": reports.unsettled,
            "getSettledBatchListRequest": reports.batches,
            "getTransactionListRequest": reports.batch_transactions,
        }

    def answer(self, body: bytes, content_type: str = "text/xml") -> Reply:
        """Return the reply to a request, of whatever form: nothing a client sends raises.

        Args:
            body: as it was posted.
            content_type: the header's value.
        """
        try:
            request = read(body, content_type)
        except Malformed as error:
            return self._write("ErrorResponse", "", error.code, error.text, {})
        root, ref_id = REPLY_ROOTS[request.name], request.value("refId")
        try:
            self._authenticate(request)
            answer = self._operations[request.name](self.bank, request)
        except Refused as refused:
            return self._refuse(root, ref_id, refused)
        except BankRefusal as error:
            return self._refuse(root, ref_id, refusal(error))
        except Exception as error:
            # Whoever runs the bank reads why; its client meets what a gateway in trouble answers.
            logger.exception("The test bank failed at %s.", request.name)
            busy = isinstance(error, sqlite3.OperationalError)
            return self._refuse(root, ref_id, Refused("E00053" if busy else "E00001"))
        return self._write(root, ref_id, answer.code, TEXTS[answer.code], answer.body)

    def not_yet(self, body: bytes, content_type: str = "text/xml") -> Reply:
        """Answer as the real one does, for some seconds, about what it has just made: E00040."""
        try:
            request = read(body, content_type)
        except Malformed as error:
            return self._write("ErrorResponse", "", error.code, error.text, {})
        root = REPLY_ROOTS[request.name]
        return self._refuse(root, request.value("refId"), Refused("E00040"))

    def _refuse(self, root: str, ref_id: str, refused: Refused) -> Reply:
        """Keep the operation's own root where the schema allows it without what was asked for."""
        missing = [c for c in TYPES[ROOTS[root]] if c.required and c.name not in refused.body]
        empty: dict[str, object] = {c.name: {} for c in missing if c.name != "messages"}
        if any(not _may_be_empty(child.type) for child in missing if child.name in empty):
            root, empty = "ErrorResponse", {}
        return self._write(root, ref_id, refused.code, refused.text, {**empty, **refused.body})

    def _write(self, root: str, ref_id: str, code: str, text: str, body: Tree) -> Reply:
        messages = {
            "resultCode": "Ok" if code.startswith("I") else "Error",
            "message": [{"code": code, "text": text}],
        }
        return write(root, {"refId": ref_id or None, "messages": messages, **body}, bom=self.bom)

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


def _may_be_empty(type_name: str) -> bool:
    return type_name in TYPES and not any(child.required for child in TYPES[type_name])
