"""Pull what the gateway has into our rows. Nothing of it is pushed back.

Other packages import the names listed here, not the modules.
"""

from __future__ import annotations

from django_dinero.services.pull.cards import is_other_number, new_card_row, push_default_again
from django_dinero.services.pull.customers import (
    Batch,
    forget_pushed_digest,
    scrubbed,
    write_customer,
    write_customers,
    write_found,
    write_in_batches,
)
from django_dinero.services.pull.deletes import (
    PROVEN_UNDONE,
    RESTS,
    cancel_all,
    cancel_for_customer,
    cancel_repetitions,
    first_of,
    record_deletion_again,
    rest_after,
    to_be_repeated,
    was_deleted_since,
)
from django_dinero.services.pull.ending import (
    NO_CARD,
    card_not_found_yet,
    card_was_new,
    end_operation_from_remote,
    may_have_made,
)
from django_dinero.services.pull.fetching import Fetched, fetch_customer
from django_dinero.services.pull.foreign import (
    awaits_capture,
    create_foreign_row,
    row_of_capture,
)
from django_dinero.services.pull.gone import mark_cards_gone, mark_gone
from django_dinero.services.pull.owners import OwnerOf
from django_dinero.services.pull.reviews import end_decision_from_remote
from django_dinero.services.pull.snapshot import UNFINISHED_STATES, Snapshot, take_snapshot
from django_dinero.services.pull.transactions import refresh_from_gateway, retrieve_transaction
from django_dinero.services.pull.updating import (
    capture_waits,
    differs_from_row,
    is_still_held,
    write_remote_state,
    write_remote_state_if_it_follows,
    write_status,
)

__all__ = [
    "NO_CARD",
    "PROVEN_UNDONE",
    "RESTS",
    "UNFINISHED_STATES",
    "Batch",
    "Fetched",
    "OwnerOf",
    "Snapshot",
    "awaits_capture",
    "cancel_all",
    "cancel_for_customer",
    "cancel_repetitions",
    "capture_waits",
    "card_not_found_yet",
    "card_was_new",
    "create_foreign_row",
    "differs_from_row",
    "end_decision_from_remote",
    "end_operation_from_remote",
    "fetch_customer",
    "first_of",
    "forget_pushed_digest",
    "is_other_number",
    "is_still_held",
    "mark_cards_gone",
    "mark_gone",
    "may_have_made",
    "new_card_row",
    "push_default_again",
    "record_deletion_again",
    "refresh_from_gateway",
    "rest_after",
    "retrieve_transaction",
    "row_of_capture",
    "scrubbed",
    "take_snapshot",
    "to_be_repeated",
    "was_deleted_since",
    "write_customer",
    "write_customers",
    "write_found",
    "write_in_batches",
    "write_remote_state",
    "write_remote_state_if_it_follows",
    "write_status",
]
