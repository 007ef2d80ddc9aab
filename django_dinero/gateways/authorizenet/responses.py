"""What the gateway's replies say, in our words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from django_dinero.cards import Address
from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import OutcomeUnknown
from django_dinero.gateways.authorizenet import codes
from django_dinero.gateways.authorizenet.requests import BILLING
from django_dinero.gateways.authorizenet.xml import at, dicts_at, text_at, texts_at
from django_dinero.gateways.types import Reason, RemoteCard, RemoteCustomer, TransactionResult
from django_dinero.redaction import scrub

_EXPIRY = re.compile(r"(\d{4})-(\d{2})")
_DUPLICATE_ID = re.compile(r"\bID (\d+)")


# -- The vault -------------------------------------------------------------------------------------


def customer(profile: Mapping[str, Any]) -> RemoteCustomer:
    """Return a ``profile`` of getCustomerProfile; it has no names beside those of its cards."""
    customer_id = text_at(profile, "customerProfileId")
    cards = tuple(
        card(item, customer_id)
        for item in dicts_at(profile, "paymentProfiles")
        if text_at(item, "customerPaymentProfileId")
    )
    return RemoteCustomer(
        customer_id=customer_id,
        customer_key=text_at(profile, "merchantCustomerId"),
        email=text_at(profile, "email"),
        cards=cards,
    )


def card(profile: Mapping[str, Any], customer_id: str) -> RemoteCard:
    """Return a masked payment profile."""
    month, year = _expiry(text_at(profile, "payment", "creditCard", "expirationDate"))
    bill_to = at(profile, "billTo")
    return RemoteCard(
        customer_id=text_at(profile, "customerProfileId") or customer_id,
        card_id=text_at(profile, "customerPaymentProfileId"),
        last_4=account(profile),
        brand=codes.brand(text_at(profile, "payment", "creditCard", "cardType")),
        month=month,
        year=year,
        address=Address(**{ours: text_at(bill_to, theirs) for ours, theirs in BILLING.items()}),
        is_default=text_at(profile, "defaultPaymentProfile").lower() in ("true", "1"),
    )


def _expiry(text: str) -> tuple[int | None, int | None]:
    found = _EXPIRY.fullmatch(text)
    return (int(found[2]), int(found[1])) if found else (None, None)


def account(content: Mapping[str, Any]) -> str:
    """Return the last four digits of what was paid with, a card or a bank account."""
    card_number = text_at(content, "payment", "creditCard", "cardNumber")
    return last_4(card_number or text_at(content, "payment", "bankAccount", "accountNumber"))


def last_4(masked: str) -> str:
    """Return the last four digits of ``XXXX1111``, empty where there are none."""
    digits = masked[-4:]
    return digits if len(digits) == 4 and digits.isascii() and digits.isdigit() else ""


def duplicate_id(text: str) -> str:
    """Return the id in "A duplicate record with ID 35938239 already exists."."""
    found = _DUPLICATE_ID.search(text)
    return found[1] if found else ""


def ids(content: Mapping[str, Any], name: str) -> list[str]:
    """Return a list of ids (``ids`` or ``customerPaymentProfileIdList``)."""
    return list(texts_at(content, name, "numericString"))


# -- Money -----------------------------------------------------------------------------------------


def response_code(content: Mapping[str, Any]) -> str:
    """Return the transaction's response code, empty if the reply speaks of no transaction."""
    return text_at(content, "transactionResponse", "responseCode")


def speaks_of_a_transaction(content: Mapping[str, Any]) -> bool:
    """Say whether there is anything in the transactionResponse; an empty one says nothing."""
    response = at(content, "transactionResponse")
    if not isinstance(response, dict):
        return response is not None
    return any(value is not None for value in response.values())


def reason_of(response: Mapping[str, Any]) -> tuple[str, str]:
    """Return code and text of the first error, else of the first message."""
    for error in dicts_at(response, "errors", "error"):
        return text_at(error, "errorCode"), text_at(error, "errorText")
    # The API reference's samples put message right under transactionResponse.
    messages = dicts_at(response, "messages", "message") or dicts_at(response, "message")
    for message in messages:
        return text_at(message, "code"), text_at(message, "description")
    return "", ""


def result(content: Mapping[str, Any], *, follow_up: bool = False) -> TransactionResult:
    """Return what a ``transactionResponse`` says.

    Args:
        content: the reply's content; its transactionResponse has a response code.
        follow_up: it answers a refund or a void.

    Raises:
        OutcomeUnknown: it says two things at once, approves without an id, or has a response code
            that this release does not know; the gateway's books will tell.
    """
    response = at(content, "transactionResponse")
    code, text = reason_of(response)
    outcome = _outcome(text_at(response, "responseCode"))
    # The networks' letters; a blank is "not asked".
    avs, cvv = text_at(response, "avsResultCode"), text_at(response, "cvvResultCode")
    reasons: tuple[Reason, ...] = ()
    already = False
    if code == codes.PARTIAL_APPROVAL:
        # Whatever response code came with it, less was approved than was asked for.
        outcome = ResultStatus.DECLINED
    if outcome is ResultStatus.APPROVED:
        outcome, reasons, already = _approved(response, code, text)
    elif code == codes.APPROVED and "approved" in text and outcome is not ResultStatus.HELD:
        # The text too: code 1 may say of a held transaction that it was declined as asked.
        raise OutcomeUnknown(_("The gateway refused, and says that it approved."))
    elif code in codes.NOT_TAKEN_BACK:
        raise OutcomeUnknown(
            _("The gateway broke off and could not take it back: %(text)s") % {"text": scrub(text)},
            gateway_code=code,
        )
    else:
        reasons = codes.transaction_reasons(code, text, outcome, follow_up=follow_up)
        if not code and outcome is ResultStatus.DECLINED:
            reasons = _by_letters(avs, cvv) or reasons
    return TransactionResult(
        outcome=outcome,
        transaction_id=text_at(response, "transId"),
        operation_key=text_at(content, "refId"),
        auth_code=text_at(response, "authCode"),
        avs=avs,
        cvv=cvv,
        network_transaction_id=text_at(response, "networkTransId"),
        last_4=last_4(text_at(response, "accountNumber")),
        brand=codes.brand(text_at(response, "accountType")),
        reasons=reasons,
        already=already,
    )


def _outcome(word: str) -> ResultStatus:
    found = codes.OUTCOMES.get(word)
    if found is None:
        raise OutcomeUnknown(
            _("The gateway gave an unknown response code (%(code)r).") % {"code": word[:20]}
        )
    return found


def _approved(
    response: Mapping[str, Any], code: str, text: str
) -> tuple[ResultStatus, tuple[Reason, ...], bool]:
    """Find what is not an approval of this call behind response code 1."""
    transaction_id = text_at(response, "transId")
    errors = dicts_at(response, "errors", "error")
    if code in (codes.ALREADY_VOIDED, codes.ALREADY_CAPTURED):
        return ResultStatus.FAILED, codes.transaction_reasons(code, text, ResultStatus.FAILED), True
    if not (transaction_id.isascii() and transaction_id.isdigit()):  # none, or several of them
        raise OutcomeUnknown(_("The gateway approved and does not say as which transaction."))
    if transaction_id == "0":
        if errors:
            return (
                ResultStatus.FAILED,
                codes.transaction_reasons(code, text, ResultStatus.FAILED),
                False,
            )
        shown = _("The gateway approved in test mode and kept nothing.")
        return ResultStatus.FAILED, (Reason(ReasonKind.GATEWAY_ERROR, code, shown),), False
    if text_at(response, "splitTenderId"):
        reasons = codes.transaction_reasons(codes.PARTIAL_APPROVAL, text, ResultStatus.DECLINED)
        return ResultStatus.DECLINED, reasons, False
    if errors:
        # It has a transaction, and an error beside it: neither can be believed.
        raise OutcomeUnknown(
            _("The gateway approved with an error beside it (%(code)s).") % {"code": code}
        )
    if code in codes.UNDER_REVIEW:
        return ResultStatus.HELD, codes.transaction_reasons(code, text, ResultStatus.HELD), False
    return ResultStatus.APPROVED, (), False


def _by_letters(avs: str, cvv: str) -> tuple[Reason, ...]:
    letters = ((ReasonKind.AVS, "avs", avs), (ReasonKind.CVV, "cvv", cvv))
    return tuple(Reason(kind, f"{name}:N") for kind, name, letter in letters if letter == "N")
