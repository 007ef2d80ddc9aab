"""Pull what the gateway has into our rows. Nothing of it is pushed back.

Other packages import the names listed here, not the modules.
"""

from __future__ import annotations

from django_dinero.services.pull.cards import new_card_row
from django_dinero.services.pull.customers import (
    forget_pushed_digest,
    write_customer,
    write_customers,
    write_found,
)
from django_dinero.services.pull.deletes import cancel_all, cancel_for_customer, first_of
from django_dinero.services.pull.reviews import conclude_decision
from django_dinero.services.pull.snapshot import UNFINISHED_STATES, Snapshot, take_snapshot
from django_dinero.services.pull.transactions import (
    conclude_from_remote,
    create_foreign_row,
    differs_from_row,
    retrieve_transaction,
    update_row,
    write_status,
)

__all__ = [
    "UNFINISHED_STATES",
    "Snapshot",
    "cancel_all",
    "cancel_for_customer",
    "conclude_decision",
    "conclude_from_remote",
    "create_foreign_row",
    "differs_from_row",
    "first_of",
    "forget_pushed_digest",
    "new_card_row",
    "retrieve_transaction",
    "take_snapshot",
    "update_row",
    "write_customer",
    "write_customers",
    "write_found",
    "write_status",
]
