"""The sentences that say what differs: one for each reason, in the language of whoever reads it."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from django_dinero.models import journal_notes
from django_dinero.models.operation import OperationKind
from django_dinero.models.transaction import KIND_LABELS
from django_dinero.models.transaction_status import TransactionStatus

_KINDS = {**dict(OperationKind.choices), **{str(k): v for k, v in KIND_LABELS.items()}}
_STATUSES = dict(TransactionStatus.choices)

#: By the code that a row has as its reason. The names in a sentence are those of its facts.
TEXTS: Mapping[str, str | Promise] = {
    "contradicts": _(
        "Here it is %(status_here)s, %(here)s, and at the gateway %(status_there)s, %(there)s."
    ),
    "missing_there": _("%(gateway)s does not have this %(kind)s of %(amount)s any more."),
    "second_of_key": _("Operation %(key)s has %(first)s there, and %(second)s has its key too."),
    "seen_after_closing": _(
        "Operation %(key)s was closed by hand before %(id)s was seen, which has its key."
    ),
    "another_kind": _("Operation %(key)s is a %(kind)s, and the gateway has something else of it."),
    "needs_attention": _(
        "Operation %(key)s needs attention, and the gateway has %(id)s of it: %(error)s"
    ),
    "unknown_key": _(
        "%(id)s has a key like ours (%(key)s), and the journal does not know it at this gateway."
    ),
    "takes_back_a_part": _("%(id)s takes back %(part)s of %(payment)s, which took %(taken)s."),
    "books": _("On %(day)s (UTC) the books here have %(here)s, the gateway's %(there)s."),
    "customer_only_there": _(
        "The gateway has a customer that was stored from here, and there is no row of it."
    ),
    "card_only_here": _("The gateway does not have this card any more."),
    "customer_only_here": _("The gateway does not have this customer any more."),
}


def sentence(reason: str, facts: Mapping[str, str], *, here: str = "", there: str = "") -> str:
    """Return the sentence of a reason; empty for one that this release does not know.

    Args:
        reason: its code.
        facts: what it names: codes, ids and amounts.
        here, there: the statuses on both sides.
    """
    if reason not in TEXTS:
        return ""
    values = {**facts, "status_here": _status(here), "status_there": _status(there)}
    if "kind" in facts:
        values["kind"] = str(_KINDS.get(facts["kind"], facts["kind"]))
    if "error" in facts:
        values["error"] = journal_notes.shown(facts["error"])
    try:
        return str(TEXTS[reason]) % values
    except KeyError:  # written by another release, which named other facts
        return ""


def english(reason: str, facts: Mapping[str, str], *, here: str = "", there: str = "") -> str:
    """Return the sentence as it is stored."""
    with override("en"):
        return sentence(reason, facts, here=here, there=there)


def _status(code: str) -> str:
    return str(_STATUSES.get(code, code))
