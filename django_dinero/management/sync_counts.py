"""What ``dinero_sync`` counts, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import ngettext_lazy

from django_dinero.models import reconcile_counts

#: By the names that ``--json`` has for them; those of pushes and deletes are reconcile's, too.
TEXTS: Mapping[str, Any] = {
    "customers": ngettext_lazy(
        "%(count)d customer was pulled", "%(count)d customers were pulled", "count"
    ),
    "transactions": ngettext_lazy(
        "%(count)d transaction was pulled", "%(count)d transactions were pulled", "count"
    ),
    "failed": ngettext_lazy(
        "%(count)d could not be pulled", "%(count)d could not be pulled", "count"
    ),
    "gone": ngettext_lazy(
        "%(count)d customer is gone at the gateway",
        "%(count)d customers are gone at the gateway",
        "count",
    ),
    "enqueued": ngettext_lazy(
        "%(count)d pull was put into the queue", "%(count)d pulls were put into the queue", "count"
    ),
    "not_enqueued": ngettext_lazy(
        "%(count)d pull was not put into the queue",
        "%(count)d pulls were not put into the queue",
        "count",
    ),
    "both": ngettext_lazy(
        "%(count)d customer or card differs", "%(count)d customers and cards differ", "count"
    ),
    "here": ngettext_lazy(
        "%(count)d customer or card is stored here only",
        "%(count)d customers and cards are stored here only",
        "count",
    ),
    "there": ngettext_lazy(
        "%(count)d customer or card is stored at the gateway only",
        "%(count)d customers and cards are stored at the gateway only",
        "count",
    ),
}


def in_words(counts: Mapping[str, int]) -> Iterator[str]:
    """Say how many there are of each, in a fixed order."""
    for name in TEXTS:
        if name in counts:
            yield str(TEXTS[name] % {"count": counts[name]})
    rest = {name: count for name, count in counts.items() if name not in TEXTS}
    for name, count in reconcile_counts.in_order(rest):
        yield reconcile_counts.counted(name, count)


def waiting(left: Mapping[str, int]) -> dict[str, int]:
    """Return what is left to be pushed and deleted, by the names of its words; none of none."""
    found = {
        "pushes_waiting": left.get("customers", 0) + left.get("cards", 0),
        "deletes_waiting": left.get("deletes", 0),
    }
    return {name: count for name, count in found.items() if count}
