"""Pulling: what the gateway has, written into our rows. Nothing of it is pushed back.

What other rooms use of it stands here.
"""

from __future__ import annotations

from django_dinero.services.pull.cards import new_card_row
from django_dinero.services.pull.customers import (
    forget_pushed,
    write_customer,
    write_customers,
    write_found,
)
from django_dinero.services.pull.snapshot import UNDONE, Snapshot, take_snapshot
from django_dinero.services.pull.transactions import (
    conclude_from_remote,
    foreign_row,
    retrieve_transaction,
    update_row,
    write_status,
)

__all__ = [
    "UNDONE",
    "Snapshot",
    "conclude_from_remote",
    "foreign_row",
    "forget_pushed",
    "new_card_row",
    "retrieve_transaction",
    "take_snapshot",
    "update_row",
    "write_customer",
    "write_customers",
    "write_found",
    "write_status",
]
