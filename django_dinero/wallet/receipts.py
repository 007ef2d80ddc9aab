"""An e-mail to the shopper after each approved charge or capture, once.

Call :func:`connect` in the ``ready()`` of one of your apps. It hears of every charge and capture
that is approved: in the shop, after a confirmation by the card's holder, by a look-up, in the
admin. The receipt of a capture is of the amount that was captured.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from django.core.cache import cache
from django.core.mail import EmailMultiAlternatives
from django.db import transaction as database
from django.template.loader import render_to_string
from django.utils import translation

from django_dinero.enums import TransactionKind
from django_dinero.logs import get_logger
from django_dinero.models import Operation, Transaction
from django_dinero.models.records import Intent, RecordedOutcome
from django_dinero.models.transaction_status import COUNTED
from django_dinero.signals import captured, charged
from django_dinero.users import email_of
from django_dinero.wallet.amounts import amount_text

logger = get_logger(__name__)

#: What takes money. An authorization has taken nothing yet.
TAKES = (TransactionKind.CHARGE, TransactionKind.CAPTURE)
#: Seconds in which a charge that is told twice is mailed once.
REMEMBERED = 30 * 86400


def connect() -> None:
    """Send a receipt after each charge and capture that is approved from now on."""
    for signal in (charged, captured):
        signal.connect(_on_taken, dispatch_uid="dinero-receipts")


def disconnect() -> None:
    """Send none any more."""
    for signal in (charged, captured):
        signal.disconnect(dispatch_uid="dinero-receipts")


def _on_taken(sender: object, transaction: Transaction, **kwargs: Any) -> None:
    if transaction.kind not in TAKES:
        return
    # A row that was written again after a rollback is told again, with the same public id.
    database.on_commit(partial(_send_once, transaction), transaction._state.db, robust=True)


def _is_kept(transaction: Transaction) -> bool:
    """Say whether the money stays: nobody is thanked for what was or will be given back."""
    if transaction.status not in COUNTED:
        return False
    outcomes = map(RecordedOutcome.of, _operations(transaction))
    return not any(outcome.give_back or outcome.given_back for outcome in outcomes)


def _send_once(transaction: Transaction) -> None:
    key = f"dinero-receipt-{transaction.public_id}"
    try:
        if _is_kept(transaction) and _is_first(key):
            send(transaction)
    except Exception:
        # The charge stands; whoever runs the shop reads why nobody was told.
        logger.exception("The receipt of transaction %s was not sent.", transaction.public_id)
        with suppress(Exception):  # a cache of any make
            cache.delete(key)


def _is_first(key: str) -> bool:
    """Say whether no receipt went out under this key; without a cache, rather twice than never."""
    try:
        return bool(cache.add(key, 1, REMEMBERED))
    except Exception as error:  # a cache of any make
        logger.error("The cache failed (%s): a receipt may be sent twice.", type(error).__name__)
        return True


def send(transaction: Transaction) -> bool:
    """Mail the receipt of a charge or capture, in the active language; False where nobody gets it.

    The templates are ``dinero/wallet/receipt_subject.txt``, ``receipt.txt`` and
    ``receipt_mail.html``. It goes to the customer's address, else to the owner's, else to
    the one that was passed with the charge.

    Raises:
        OSError, SMTPException: the mail could not be sent.
    """
    to = _address(transaction)
    if not to:
        return False
    context = {
        "transaction": transaction,
        "reference": reference_of(transaction),
        "amount": amount_text(transaction.price, transaction.currency),
        "card": f"{transaction.brand} •••• {transaction.last_4}".strip(),
        "language": translation.get_language(),
    }
    subject = " ".join(render_to_string("dinero/wallet/receipt_subject.txt", context).split())
    message = EmailMultiAlternatives(
        subject, render_to_string("dinero/wallet/receipt.txt", context), to=[to]
    )
    message.attach_alternative(
        render_to_string("dinero/wallet/receipt_mail.html", context), "text/html"
    )
    return message.send() == 1


def reference_of(transaction: Transaction) -> str:
    """Return what a receipt is called by: the gateway's id, or that of what was captured."""
    original = transaction.parent
    inherited = original.transaction_id if original is not None else None
    return transaction.transaction_id or inherited or str(transaction.public_id)


def _address(transaction: Transaction) -> str:
    if transaction.customer is not None and transaction.customer.email:
        return transaction.customer.email
    owner = transaction.owner
    if owner is not None and (address := email_of(owner)):
        return address
    emails = (Intent.of(operation).email for operation in _operations(transaction))
    return next(filter(None, emails), "")


def _operations(transaction: Transaction) -> list[Operation]:
    """Return the operation of a payment and, of a capture, that of its authorization."""
    keys = [transaction.operation_key]
    if transaction.parent is not None:
        keys.append(transaction.parent.operation_key)
    return list(Operation.objects.newest().filter(key__in=filter(None, keys)))
