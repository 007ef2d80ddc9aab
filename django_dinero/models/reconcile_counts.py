"""What reconcile counts, in words."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.utils.translation import ngettext_lazy


@cache
def texts() -> Mapping[str, Any]:
    """Return what the counts are called. One that is not there is called by its name.

    Django makes a class for each of these texts, which every start of a project would take.
    """
    return {
        "operations_due": ngettext_lazy(
            "%(count)d operation would be looked up",
            "%(count)d operations would be looked up",
            "count",
        ),
        "looked_up": ngettext_lazy(
            "%(count)d operation looked up", "%(count)d operations looked up", "count"
        ),
        "look_ups_broken": ngettext_lazy(
            "%(count)d look-up broke off; the log says why",
            "%(count)d look-ups broke off; the log says why",
            "count",
        ),
        "looked_up_new": ngettext_lazy(
            "%(count)d of them still waits to be sent",
            "%(count)d of them still wait to be sent",
            "count",
        ),
        "looked_up_sent": ngettext_lazy(
            "%(count)d of them is being sent", "%(count)d of them are being sent", "count"
        ),
        "looked_up_succeeded": ngettext_lazy(
            "%(count)d of them succeeded", "%(count)d of them succeeded", "count"
        ),
        "looked_up_declined": ngettext_lazy(
            "%(count)d of them was declined", "%(count)d of them were declined", "count"
        ),
        "looked_up_held": ngettext_lazy(
            "%(count)d of them is held for review", "%(count)d of them are held for review", "count"
        ),
        "looked_up_requires_action": ngettext_lazy(
            "%(count)d of them waits for the card's holder",
            "%(count)d of them wait for the card's holder",
            "count",
        ),
        "looked_up_failed": ngettext_lazy(
            "%(count)d of them did not happen", "%(count)d of them did not happen", "count"
        ),
        "looked_up_unknown": ngettext_lazy(
            "%(count)d of them is still unknown", "%(count)d of them are still unknown", "count"
        ),
        "looked_up_absent": ngettext_lazy(
            "%(count)d of them is proven absent", "%(count)d of them are proven absent", "count"
        ),
        "looked_up_needs_attention": ngettext_lazy(
            "%(count)d of them needs attention now", "%(count)d of them need attention now", "count"
        ),
        "looked_up_closed": ngettext_lazy(
            "%(count)d of them was closed by hand meanwhile",
            "%(count)d of them were closed by hand meanwhile",
            "count",
        ),
        "deletes_waiting": ngettext_lazy(
            "%(count)d delete waits to be sent", "%(count)d deletes wait to be sent", "count"
        ),
        "delete_done": ngettext_lazy(
            "%(count)d delete was sent", "%(count)d deletes were sent", "count"
        ),
        "delete_failed": ngettext_lazy(
            "%(count)d delete failed and waits", "%(count)d deletes failed and wait", "count"
        ),
        "delete_waits": ngettext_lazy(
            "%(count)d delete waits for another operation",
            "%(count)d deletes wait for another operation",
            "count",
        ),
        "pushes_waiting": ngettext_lazy(
            "%(count)d changed customer or card waits to be pushed",
            "%(count)d changed customers and cards wait to be pushed",
            "count",
        ),
        "push_done": ngettext_lazy(
            "%(count)d changed customer or card was pushed",
            "%(count)d changed customers and cards were pushed",
            "count",
        ),
        "push_failed": ngettext_lazy(
            "%(count)d push failed; its row says why",
            "%(count)d pushes failed; their rows say why",
            "count",
        ),
        "push_waits": ngettext_lazy(
            "%(count)d push waits for another operation",
            "%(count)d pushes wait for another operation",
            "count",
        ),
        "push_rests": ngettext_lazy(
            "%(count)d push has failed, and is tried again later",
            "%(count)d pushes have failed, and are tried again later",
            "count",
        ),
        "gave_up": ngettext_lazy(
            "%(count)d time the gateway gave no answer, and the rest waits",
            "%(count)d times the gateway gave no answer, and the rest waits",
            "count",
        ),
        "events_waiting": ngettext_lazy(
            "%(count)d webhook waits to be applied",
            "%(count)d webhooks wait to be applied",
            "count",
        ),
        "event_applied": ngettext_lazy(
            "%(count)d webhook was applied", "%(count)d webhooks were applied", "count"
        ),
        "event_not_ours": ngettext_lazy(
            "%(count)d webhook was not about anything of ours",
            "%(count)d webhooks were not about anything of ours",
            "count",
        ),
        "event_parked": ngettext_lazy(
            "%(count)d webhook could not be applied yet",
            "%(count)d webhooks could not be applied yet",
            "count",
        ),
        "event_given_up": ngettext_lazy(
            "%(count)d webhook was given up", "%(count)d webhooks were given up", "count"
        ),
        "not_swept": ngettext_lazy(
            "%(count)d gateway without a list of transactions; nothing was compared",
            "%(count)d gateways without a list of transactions; nothing was compared",
            "count",
        ),
        "listed": ngettext_lazy(
            "%(count)d transaction of the gateway read",
            "%(count)d transactions of the gateway read",
            "count",
        ),
        "foreign": ngettext_lazy(
            "%(count)d of them is of other software",
            "%(count)d of them are of other software",
            "count",
        ),
        "refunds_unasked": ngettext_lazy(
            "%(count)d refund of which nobody asked what it gives back",
            "%(count)d refunds of which nobody asked what they give back",
            "count",
        ),
        "slices_unread": ngettext_lazy(
            "%(count)d week in which some payment was not told of",
            "%(count)d weeks in which some payment was not told of",
            "count",
        ),
        "refunded_elsewhere": ngettext_lazy(
            "%(count)d refund that was made in the gateway's own pages",
            "%(count)d refunds that were made in the gateway's own pages",
            "count",
        ),
        "differences": ngettext_lazy(
            "%(count)d difference found", "%(count)d differences found", "count"
        ),
        "differences_resolved": ngettext_lazy(
            "%(count)d difference was not found again",
            "%(count)d differences were not found again",
            "count",
        ),
        "landed_late": ngettext_lazy(
            "%(count)d payment that was proven absent, and came after all",
            "%(count)d payments that were proven absent, and came after all",
            "count",
        ),
        "concluded": ngettext_lazy(
            "%(count)d operation ended by what the list shows",
            "%(count)d operations ended by what the list shows",
            "count",
        ),
        "asked": ngettext_lazy(
            "%(count)d payment asked about by itself",
            "%(count)d payments asked about one by one",
            "count",
        ),
        "unread": ngettext_lazy(
            "%(count)d payment that the gateway would not tell of",
            "%(count)d payments that the gateway would not tell of",
            "count",
        ),
        "without_row": ngettext_lazy(
            "%(count)d payment whose row is still to be written again",
            "%(count)d payments whose row is still to be written again",
            "count",
        ),
        "being_made": ngettext_lazy(
            "%(count)d payment being made at this moment",
            "%(count)d payments being made at this moment",
            "count",
        ),
        "days": ngettext_lazy(
            "%(count)d day whose books were added up",
            "%(count)d days whose books were added up",
            "count",
        ),
        "days_again": ngettext_lazy(
            "%(count)d day compared again whose sums differed",
            "%(count)d days compared again whose sums differed",
            "count",
        ),
        "explained": ngettext_lazy(
            "%(count)d difference that a person has explained",
            "%(count)d differences that a person has explained",
            "count",
        ),
        "now_approved": ngettext_lazy(
            "%(count)d payment is approved now", "%(count)d payments are approved now", "count"
        ),
        "now_settled": ngettext_lazy(
            "%(count)d payment is settled now", "%(count)d payments are settled now", "count"
        ),
        "now_voided": ngettext_lazy(
            "%(count)d payment is voided now", "%(count)d payments are voided now", "count"
        ),
        "now_expired": ngettext_lazy(
            "%(count)d authorization has expired", "%(count)d authorizations have expired", "count"
        ),
        "now_returned": ngettext_lazy(
            "%(count)d payment was returned", "%(count)d payments were returned", "count"
        ),
        "now_charged_back": ngettext_lazy(
            "%(count)d payment was charged back", "%(count)d payments were charged back", "count"
        ),
        "now_declined": ngettext_lazy(
            "%(count)d payment is declined now", "%(count)d payments are declined now", "count"
        ),
        "now_failed": ngettext_lazy(
            "%(count)d payment has failed", "%(count)d payments have failed", "count"
        ),
        "now_held": ngettext_lazy(
            "%(count)d payment is held for review now",
            "%(count)d payments are held for review now",
            "count",
        ),
        "now_requires_action": ngettext_lazy(
            "%(count)d payment waits for the card's holder now",
            "%(count)d payments wait for the card's holder now",
            "count",
        ),
        "vault_compared": ngettext_lazy(
            "%(count)d customer compared", "%(count)d customers compared", "count"
        ),
        "vault_differing": ngettext_lazy(
            "%(count)d of them differed", "%(count)d of them differed", "count"
        ),
        "vault_gone": ngettext_lazy(
            "%(count)d customer is gone at the gateway",
            "%(count)d customers are gone at the gateway",
            "count",
        ),
        "vault_restored": ngettext_lazy(
            "%(count)d customer or card got its lost row again",
            "%(count)d customers and cards got their lost row again",
            "count",
        ),
        "vault_taken_back": ngettext_lazy(
            "%(count)d customer or card of a rollback was deleted there again",
            "%(count)d customers and cards of a rollback were deleted there again",
            "count",
        ),
        "vault_only_there": ngettext_lazy(
            "%(count)d customer is stored at the gateway only",
            "%(count)d customers are stored at the gateway only",
            "count",
        ),
        "vault_unsettled": ngettext_lazy(
            "%(count)d customer is still being stored",
            "%(count)d customers are still being stored",
            "count",
        ),
        "vault_unreadable": ngettext_lazy(
            "%(count)d customer could not be read", "%(count)d customers could not be read", "count"
        ),
        "orphans": ngettext_lazy(
            "%(count)d row that a rollback took would be written again",
            "%(count)d rows that a rollback took would be written again",
            "count",
        ),
        "orphans_restored": ngettext_lazy(
            "%(count)d row that a rollback took was written again",
            "%(count)d rows that a rollback took were written again",
            "count",
        ),
        "lost_rows_restored": ngettext_lazy(
            "%(count)d row that somebody had deleted was written again",
            "%(count)d rows that somebody had deleted were written again",
            "count",
        ),
        "operations_to_empty": ngettext_lazy(
            "%(count)d old operation would be emptied of personal data",
            "%(count)d old operations would be emptied of personal data",
            "count",
        ),
        "operations_emptied": ngettext_lazy(
            "%(count)d old operation was emptied of personal data",
            "%(count)d old operations were emptied of personal data",
            "count",
        ),
        "events_emptied": ngettext_lazy(
            "%(count)d old webhook was emptied or deleted",
            "%(count)d old webhooks were emptied or deleted",
            "count",
        ),
        "orphans_given_back": ngettext_lazy(
            "%(count)d orphaned charge was voided or refunded",
            "%(count)d orphaned charges were voided or refunded",
            "count",
        ),
    }


def counted(name: str, count: int) -> str:
    """Say how many there are of what reconcile counts under a name."""
    if name not in texts():
        return f"{count} {name.replace('_', ' ')}"
    return str(texts()[name] % {"count": count})


def in_order(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return counts so that "of them" follows what it speaks of.

    PostgreSQL gives the keys of a JSON document back in an order of its own.
    """
    order = {name: place for place, name in enumerate(texts())}
    return sorted(counts.items(), key=lambda each: (order.get(each[0], len(order)), each[0]))
