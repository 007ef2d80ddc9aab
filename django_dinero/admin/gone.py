"""What the gateway does not have any more: the same advice wherever somebody meets it."""

from __future__ import annotations

from django.utils.translation import gettext as _

from django_dinero.exceptions import CardNotFoundError, CustomerNotFoundError, DineroError
from django_dinero.models import CreditCard, Customer
from django_dinero.models.sync_state import SyncState
from django_dinero.user_messages import STAFF_VAULT


def gone_text(row: Customer | CreditCard) -> str:
    """Return that a row is gone at the gateway, and what helps; empty for one that is not."""
    error = gone_error(row)
    return "" if error is None else str(error.message)


def gone_error(row: Customer | CreditCard) -> DineroError | None:
    """Return why nothing can be done to a row that is gone at the gateway, None for any other."""
    if row.sync_state != SyncState.MISSING:
        return None
    if isinstance(row, CreditCard) and row.customer.sync_state != SyncState.MISSING:
        return CardNotFoundError(_told(CardNotFoundError.code))
    return CustomerNotFoundError(_told(CustomerNotFoundError.code))


def advice_after(row: Customer | CreditCard, error: DineroError) -> str:
    """Return what helps after a push of a row that is marked as gone now."""
    if isinstance(error, CustomerNotFoundError) and isinstance(gone_error(row), CardNotFoundError):
        # The card alone is marked as gone.
        return _(
            "“Pull now” on the customer's page marks what else has gone. A new card needs a new "
            "customer."
        )
    return gone_text(row)


def _told(code: str) -> str:
    title, text, _again = STAFF_VAULT[code]
    return f"{title} {text}"
