"""Writes a ``transactionResponse``: the bank's verdict on a money operation."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from django_dinero.sandbox.bank.enums import Outcome, Reason, RowKind
from django_dinero.sandbox.bank.records import Account, LedgerRow, Verdict
from django_dinero.sandbox.dialects.authorizenet import codes
from django_dinero.sandbox.dialects.authorizenet.codes import ReasonCode
from django_dinero.sandbox.dialects.authorizenet.messages import Answer, Refused
from django_dinero.sandbox.dialects.authorizenet.reply import Tree
from django_dinero.sandbox.dialects.authorizenet.wire import account_type, masked


@dataclass(frozen=True, slots=True)
class Shown:
    """What a reply shows of a card: its last four digits and its brand."""

    last_4: str = ""
    brand: str = ""


NO_CARD = Shown()


@dataclass(frozen=True, slots=True)
class Result:
    """The parts of a ``transactionResponse``.

    ``trans_id`` and ``ref_id`` are the gateway's transId (``0`` where nothing was made) and
    refTransID; the letters are empty where the operation has none; ``extra`` is what else it holds.
    ``also`` is what else was wrong: an error is one of a list.
    """

    reason: ReasonCode
    trans_id: str = "0"
    ref_id: str = ""
    auth_code: str = ""
    avs: str = "P"
    cvv: str = ""
    cavv: str = ""
    card: Shown = NO_CARD
    amount: str = ""
    network_id: str = ""
    test: bool = False
    extra: Tree | None = None
    also: tuple[ReasonCode, ...] = ()

    def tree(self, account: Account) -> Tree:
        """Return the elements."""
        good = self.reason.response in (codes.APPROVED, codes.HELD)
        message = {"code": self.reason.code, "description": self.reason.text}
        wrong = sorted((self.reason, *self.also), key=lambda each: int(each.code))
        errors = [{"errorCode": each.code, "errorText": each.text} for each in wrong]
        return {
            "responseCode": self.reason.response,
            "authCode": self.auth_code,
            "avsResultCode": self.avs,
            "cvvResultCode": self.cvv,
            "cavvResultCode": self.cavv,
            "transId": self.trans_id,
            "refTransID": self.ref_id,
            "transHash": "",
            "testRequest": "1" if self.test else "0",
            "accountNumber": masked(self.card.last_4) if self.card.last_4 else "",
            "accountType": account_type(self.card.brand),
            "messages": {"message": [message]} if good else None,
            "errors": None if good else {"error": errors},
            "transHashSha2": self._hash(account),
            "networkTransId": self.network_id or None,
            **(self.extra or {}),
        }

    def _hash(self, account: Account) -> str:
        """The signature of a transaction: HMAC-SHA512 keyed by the *decoded* signature key."""
        if self.trans_id == "0":
            return ""
        try:
            key = bytes.fromhex(account.signature_key.reveal())
        except ValueError:
            return ""
        text = f"^{account.login_id}^{self.trans_id}^{self.amount}^"
        return hmac.new(key, text.encode("utf-8"), hashlib.sha512).hexdigest().upper()


def answer(result: Result, account: Account, **more: object) -> Answer:
    """Return the answer of an operation on money.

    Raises:
        Refused: it was declined or failed: the same body under the message E00027.
    """
    body = {"transactionResponse": result.tree(account), **more}
    if result.reason.response in (codes.DECLINED, codes.ERROR):
        raise Refused("E00027", body=body)
    return Answer(body)


def shown(row: LedgerRow | None) -> Shown:
    """Return what a reply shows of the card of a row."""
    return Shown(row.last_4, row.brand) if row is not None else NO_CARD


def reason_of(verdict: Verdict) -> ReasonCode:
    """Return how the gateway puts a verdict: code and message."""
    if verdict.outcome is Outcome.HELD:
        authorized = verdict.row is not None and bool(verdict.row.auth_code)
        return codes.HELD_AUTHORIZED if authorized else codes.HELD_UNAUTHORIZED
    if verdict.reason is None:
        return codes.APPROVAL
    return codes.REASONS[verdict.reason]


def paid(verdict: Verdict, card: Shown, *, tell_original: bool) -> Result:
    """Return the result of a charge or an authorization.

    Args:
        verdict: the bank's.
        card: as it was given.
        tell_original: whether the duplicate window was sent with the request: only then does the
            refusal of a duplicate name the original.
    """
    row = verdict.row
    is_duplicate = verdict.reason is Reason.DUPLICATE
    if row is None or (is_duplicate and not tell_original):
        also = tuple(codes.REASONS[reason] for reason in verdict.also)
        return Result(reason_of(verdict), card=card, also=also)
    if row.kind in (RowKind.CAPTURE_ONLY, RowKind.REFUND):
        return _unasked(row, reason_of(verdict))
    return Result(
        reason_of(verdict),
        trans_id=row.id,
        auth_code=row.auth_code,
        avs=verdict.avs.value,
        cvv=verdict.cvv.value,
        cavv="2" if row.auth_code else "",
        card=shown(row),
        amount=str(row.amount),
        network_id="" if is_duplicate else row.network_transaction_id,
        extra=_extra(verdict, row),
    )


def _unasked(row: LedgerRow, reason: ReasonCode) -> Result:
    """Return the result of a payment for which the card's bank was not asked: no letters."""
    return Result(
        reason,
        trans_id=row.id,
        auth_code=row.auth_code,
        card=shown(row),
        amount=str(row.amount),
        extra=_profile(row),
    )


def _extra(verdict: Verdict, row: LedgerRow) -> Tree:
    extra: dict[str, object] = {}
    if verdict.balance is not None or verdict.outcome is Outcome.PARTIAL:
        balance = "0.00" if verdict.balance is None else str(verdict.balance)
        extra["prePaidCard"] = {
            "requestedAmount": str(row.requested_amount or row.amount),
            "approvedAmount": str(row.amount),
            "balanceOnCard": balance,
        }
    if verdict.outcome is Outcome.PARTIAL:
        extra["splitTenderId"] = row.id
    return {**extra, **_profile(row)}


def _profile(row: LedgerRow) -> Tree:
    if not row.customer_id:
        return {}
    ids = {"customerProfileId": row.customer_id, "customerPaymentProfileId": row.card_id or None}
    return {"profile": ids}
