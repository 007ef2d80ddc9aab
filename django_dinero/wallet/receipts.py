"""An e-mail to the shopper after each approved charge, once.

Call :func:`connect` in the ``ready()`` of one of your apps. It hears of every charge that is
approved: in the shop, after a confirmation by the card's holder, by a look-up, in the admin.
"""

from __future__ import annotations

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
from django_dinero.models.transaction import COUNTED
from django_dinero.services import journal
from django_dinero.services.journal.records import Intent, RecordedOutcome
from django_dinero.signals import charged
from django_dinero.wallet.amounts import amount_text

logger = get_logger(__name__)

#: Seconds in which a charge that is told twice is mailed once.
REMEMBERED = 30 * 86400


def connect() -> None:
    """Send a receipt after each charge that is approved from now on."""
    charged.connect(_on_charged, dispatch_uid="dinero-receipts")


def disconnect() -> None:
    """Send none any more."""
    charged.disconnect(dispatch_uid="dinero-receipts")


def _on_charged(sender: object, transaction: Transaction, **kwargs: Any) -> None:
    if transaction.kind != TransactionKind.CHARGE:  # an authorization has taken nothing yet
        return
    # A row that was written again after a rollback is told again, with the same public id.
    database.on_commit(partial(_send_once, transaction), transaction._state.db, robust=True)


def _is_kept(transaction: Transaction) -> bool:
    """Say whether the money stays: nobody is thanked for what was or will be given back."""
    if transaction.status not in COUNTED:
        return False
    operation = _operation(transaction)
    outcome = RecordedOutcome() if operation is None else RecordedOutcome.of(operation)
    return not (outcome.give_back or outcome.given_back)


def _send_once(transaction: Transaction) -> None:
    if not _is_kept(transaction):
        return
    key = f"dinero-receipt-{transaction.public_id}"
    if not cache.add(key, 1, REMEMBERED):
        return
    try:
        send(transaction)
    except Exception:
        # The charge stands; whoever runs the shop reads why nobody was told.
        cache.delete(key)
        logger.exception("The receipt of transaction %s was not sent.", transaction.public_id)


def send(transaction: Transaction) -> bool:
    """Mail the receipt of a charge, in the language that is active; False where nobody gets it.

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


def _address(transaction: Transaction) -> str:
    if transaction.customer is not None and transaction.customer.email:
        return transaction.customer.email
    owner = transaction.owner
    address = "" if owner is None else str(getattr(owner, owner.get_email_field_name()) or "")
    if address:
        return address
    operation = _operation(transaction)
    return "" if operation is None else Intent.of(operation).email


def _operation(transaction: Transaction) -> Operation | None:
    rows = Operation.objects.using(journal.current_alias())
    return rows.filter(key=transaction.operation_key).first()
