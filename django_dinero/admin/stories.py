"""An operation's state as a story: what happened, whether money moved, and what to do next.

Written for somebody who is woken by it and has never seen the journal.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from django_dinero.admin.advice import NOTHING, advice_on
from django_dinero.admin.fetched import Fetched
from django_dinero.models import Operation, journal_notes
from django_dinero.models.operation import DELETES, MONEY_KINDS, OperationKind, OperationState

Text = Promise | str


@dataclass(frozen=True, slots=True)
class RowStory:
    """What a page tells of an operation or a difference.

    Attributes:
        happened: what became of it.
        money: whether money moved; empty where none was to move.
        todo: what to do next.
        calm: whether nobody needs to do anything.
    """

    happened: Text
    money: Text
    todo: Text
    calm: bool


class _Texts(NamedTuple):
    happened: Text
    money: Text
    todo: Text
    calm: bool = False


_NO_MONEY_MOVED = _("No. Nothing was charged, reserved or given back.")

#: What to do after a refusal depends on its reason: :func:`.advice.advice_on` tells.
_STATES: Mapping[str, _Texts] = {
    OperationState.NEW: _Texts(
        _("It was written down and has not been sent."),
        _("No, not yet."),
        _(
            "Wait a minute: somebody may be about to send it. If it stays so, “Look up” closes "
            "what nobody will send any more."
        ),
    ),
    OperationState.SENT: _Texts(
        _("It is being sent at this moment, or whoever sent it has died meanwhile."),
        _("Nobody knows yet. Do not do it again."),
        _("Wait a minute and reload. If it stays so, “Look up” asks the gateway how it ended."),
    ),
    OperationState.SUCCEEDED: _Texts(_("The gateway has done it."), "", NOTHING, True),
    OperationState.DECLINED: _Texts(
        _("The gateway or the card's bank refused it. The reason stands below."),
        _NO_MONEY_MOVED,
        "",
        True,
    ),
    OperationState.HELD: _Texts(
        _("The gateway has accepted it and holds it for review."),
        _("Not yet. It moves when the review is approved, and never if it is declined."),
        _(
            "Do not do it again. Decide the review on the page of the transaction or at the "
            "gateway; “Look up” reads what was decided."
        ),
    ),
    OperationState.REQUIRES_ACTION: _Texts(
        _("The card's holder has to confirm it first, with their bank."),
        _("Not yet. It moves when the holder has confirmed it."),
        _("Do not do it again. “Look up” asks whether the holder has confirmed it."),
    ),
    OperationState.FAILED: _Texts(
        _("It did not happen: it was never sent, or the gateway refused to process it."),
        _NO_MONEY_MOVED,
        "",
        True,
    ),
    OperationState.UNKNOWN: _Texts(
        _("It was sent, and no answer came that can be trusted."),
        _("Nobody knows yet. Do not do it again."),
        _(
            "“Look up” asks the gateway. For some minutes the answer may be “not found yet”: a "
            "late request could still arrive. Reconcile asks by itself, too."
        ),
    ),
    OperationState.ABSENT: _Texts(
        _("It was searched for in the gateway's complete records, and it is not there."),
        _NO_MONEY_MOVED,
        "",
        True,
    ),
    OperationState.NEEDS_ATTENTION: _Texts(
        _("The gateway's answer contradicts what was asked. The software does not guess."),
        _("Perhaps, and perhaps with another amount. Do not do it again."),
        _(
            "Compare what stands below with the gateway's own pages. If the payment is there, "
            "fetch it with “manage.py dinero_sync --transaction ID --gateway %(gateway)s”; if it "
            "is not, “Explain and close”."
        ),
    ),
    OperationState.CLOSED: _Texts(
        _("A person has found out how it ended and has closed it. Their explanation stands below."),
        _("The books have nothing of it. What was found out stands below."),
        NOTHING,
        True,
    ),
}

#: Where the gateway has it with another amount or currency: fetching it does not end it.
_OTHER_AMOUNT = _(
    "The gateway has it with another amount or currency. Fetch it with “manage.py dinero_sync "
    "--transaction %(id)s --gateway %(gateway)s”, then void, refund or keep it, and “Explain and "
    "close” this."
)
_OTHER_AMOUNT_FETCHED = _(
    "The gateway has it with another amount or currency, and the books have it as below. Void, "
    "refund or keep it, and “Explain and close” this."
)
_CLOSED_AND_FETCHED = _(
    "The books have the payment that was fetched from the gateway; it stands below."
)

#: What a customer's or card's operation says in place of that.
_VAULT: Mapping[str, _Texts] = {
    OperationState.DECLINED: _Texts(
        _("The gateway refused it. The reason stands below."),
        "",
        "",
        True,
    ),
    OperationState.FAILED: _Texts(
        _("It did not happen: it was never sent, or the gateway refused it."),
        "",
        "",
        True,
    ),
    OperationState.UNKNOWN: _Texts(
        _("It was sent, and no answer came that can be trusted."),
        "",
        _(
            "“Look up” asks the gateway. For some minutes the answer may be “not found yet”: a "
            "late request could still arrive. Reconcile asks by itself, too."
        ),
    ),
    OperationState.ABSENT: _Texts(
        _("No answer came, and the time in which a late request could arrive has passed."),
        "",
        "",
        True,
    ),
    OperationState.NEEDS_ATTENTION: _Texts(
        _("The gateway's answer contradicts what was asked. The software does not guess."),
        "",
        _(
            "Compare what stands below with the gateway's own pages. “Pull now” on the customer's "
            "page reads what is there; then “Explain and close”."
        ),
    ),
}
#: The same of deletes: the row is gone here, and the gateway may still have it.
_DELETES: Mapping[str, _Texts] = {
    OperationState.NEW: _Texts(
        _("It was deleted here. The gateway has not been told yet."),
        "",
        _("It is sent by itself at the next push or reconcile; “Send once more” does it now."),
    ),
    OperationState.UNKNOWN: _Texts(
        _("It was deleted here. Whether the gateway has deleted it is not known yet."),
        "",
        _("“Send once more” finds out, and repeats it when that is safe. It does no harm twice."),
    ),
    OperationState.DECLINED: _Texts(
        _("It was deleted here, and the gateway refused to delete it. It still has it."),
        "",
        _("Read the reason below, and delete it in the gateway's own pages."),
    ),
    OperationState.FAILED: _Texts(
        _("It was deleted here, and this attempt to delete it at the gateway came to nothing."),
        "",
        _("It is repeated by itself as a new operation; “Send once more” does it now."),
    ),
    OperationState.ABSENT: _Texts(
        _("It was deleted here. The gateway is not known to have got the request."),
        "",
        _("It is repeated by itself; “Send once more” does it now."),
    ),
}
_SUCCEEDED: Mapping[str, Text] = {
    OperationKind.CHARGE: _("Yes: it was taken from the card."),
    OperationKind.AUTHORIZE: _("It was reserved on the card, and is taken by a capture."),
    OperationKind.CAPTURE: _("Yes: what was reserved was taken."),
    OperationKind.VOID: _("No: the payment was cancelled before the bank settled it."),
    OperationKind.REFUND: _("Yes: it goes back to the card."),
    OperationKind.APPROVE_HELD: _("Yes: the payment goes ahead."),
    OperationKind.DECLINE_HELD: _("No: the payment was refused."),
}


def what_to_do_first(operation: Operation, found: Fetched) -> str:
    """Return what to do about a payment of another amount; empty for any other."""
    if not found.is_other_amount:
        return ""
    text = _OTHER_AMOUNT if found.row is None else _OTHER_AMOUNT_FETCHED
    return str(text) % {
        "id": shlex.quote(found.transaction_id or "ID"),
        "gateway": shlex.quote(operation.gateway_name),
    }


def story_of(operation: Operation, found: Fetched | None = None) -> RowStory:
    """Return what a page tells of an operation.

    Args:
        found: what is known of a payment that is not its result.
    """
    found = found or Fetched()
    own = {} if operation.kind in MONEY_KINDS else _VAULT
    if operation.kind in DELETES:
        own = {**own, **_DELETES}
    happened, money, todo, calm = own.get(operation.state, _STATES[operation.state])
    todo = advice_on(operation) or todo
    if operation.note("note") == journal_notes.ONLY_A_LOCK:
        happened = journal_notes.shown(journal_notes.ONLY_A_LOCK)
    if operation.kind not in MONEY_KINDS:
        money = ""
    elif operation.state == OperationState.SUCCEEDED:
        money = _SUCCEEDED[operation.kind]
    elif operation.state == OperationState.NEEDS_ATTENTION:
        otherwise = str(todo) % {"gateway": shlex.quote(operation.gateway_name)}
        todo = what_to_do_first(operation, found) or otherwise
    elif operation.state == OperationState.CLOSED and found.row is not None:
        money = _CLOSED_AND_FETCHED
    return RowStory(happened, money, todo, calm)
