"""What to do after an operation that came to nothing: by its kind, and by why it was refused.

An advice names what helps. "It can be done again" stands only where that may end otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from django_dinero.enums import ReasonKind
from django_dinero.models import Operation, journal_notes
from django_dinero.models.operation import DELETES, OperationKind, OperationState

Text = Promise | str
#: By reason; the empty one stands for all others.
Table = Mapping[str, Text]

#: States after which somebody may want to do it again.
REFUSED = (OperationState.DECLINED, OperationState.FAILED, OperationState.ABSENT)
#: Codes of what was refused here, before the gateway was asked.
INVALID_INPUT, UNSUPPORTED = "invalid_input", "unsupported_feature"
ORDER_PAID, IN_PROGRESS = "order_paid", "operation_in_progress"

NOTHING = _("Nothing to do.")
_AGAIN = _("It can be done again, if it is still wanted.")
_LATER = _("It can be done again in some minutes, if it is still wanted.")
_CORRECT = _("Read the reason below. It can be done again once that is corrected.")
_CANNOT = _("The gateway cannot do this; doing it again is of no use.")
_SETTINGS = _(
    "Whoever looks after the settings has to correct them first; “manage.py dinero_check” tells "
    "what is wrong."
)
_PULL_CUSTOMER = _(
    "Doing it again is of no use. “Pull now” on the customer's page reads what the gateway has. "
    "Where it does not have the customer any more, a new card needs a new customer."
)
_PULL_CARD = _(
    "Doing it again is of no use. “Pull now” on the customer's page reads what the gateway has. "
    "Where it does not have the card any more, add the card again if its holder still wants it "
    "stored."
)
_DUPLICATE = _(
    "The gateway took it for a repetition of what was done a moment ago. Look at the latest "
    "payments first. If it is still wanted, it can be done again in some minutes."
)
_REVIEWED = _("It was refused in a review. Ask whoever decided that before it is done again.")
#: A customer or card whose row is here, and waits.
_PUSH = _(
    "If the customer or the card still says that it waits or that its push failed, “Push now” on "
    "its page sends it again."
)
_SAVE = _("Correct the customer or the card and save it; that pushes it again.")
_BY_ITSELF = _(
    "It is done again by itself, or by “Push now” on the page of the customer or the card."
)

#: Whatever was asked.
_ALWAYS: Table = {
    "": _AGAIN,
    ReasonKind.AUTHENTICATION: format_lazy("{} {}", _SETTINGS, _AGAIN),
    ReasonKind.NOT_PERMITTED: format_lazy("{} {}", _SETTINGS, _AGAIN),
    ReasonKind.UNAVAILABLE: _LATER,
    UNSUPPORTED: _CANNOT,
    INVALID_INPUT: _CORRECT,
    IN_PROGRESS: _(
        "Another attempt was not finished then. See how that one ended before it is done again."
    ),
}
_MONEY: Table = {
    **dict.fromkeys(ReasonKind, _CORRECT),
    **_ALWAYS,
    ReasonKind.DUPLICATE_TRANSACTION: _DUPLICATE,
    ReasonKind.HELD: _REVIEWED,
}

_ASK_AGAIN = _(
    "Ask the card's holder for what did not match, the billing address or the card code (CVV), and "
    "charge again."
)
_CHARGE: Table = {
    **_MONEY,
    ORDER_PAID: _("The order was paid by another charge. Do not charge for it again."),
    ReasonKind.CARD_DECLINED: _(
        "Nothing to look up. Ask for another card, or try again if the reason may pass."
    ),
    ReasonKind.AVS: _ASK_AGAIN,
    ReasonKind.CVV: _ASK_AGAIN,
    ReasonKind.INVALID_CARD: _("Ask for the card again, or for another one."),
    ReasonKind.EXPIRY: _(
        "Ask for the new expiry date, or for another card. The date of a stored card is changed on "
        "its page."
    ),
    ReasonKind.INVALID_AMOUNT: _(
        "Read the reason below, and charge an amount and a currency that the gateway takes."
    ),
    ReasonKind.ACTION_REQUIRED: _(
        "The card's holder did not confirm it. Let the holder pay again, in the shop."
    ),
    ReasonKind.CUSTOMER_NOT_FOUND: _PULL_CUSTOMER,
    ReasonKind.CARD_NOT_FOUND: _PULL_CARD,
}

#: Why what follows a payment cannot reach its card.
_OF_THE_CARD = (
    ReasonKind.AVS,
    ReasonKind.CVV,
    ReasonKind.INVALID_CARD,
    ReasonKind.EXPIRY,
    ReasonKind.CUSTOMER_NOT_FOUND,
    ReasonKind.CARD_NOT_FOUND,
)
#: Why the payment is in a state that does not allow it.
_OF_THE_PAYMENT = (ReasonKind.INVALID_TRANSACTION, ReasonKind.REFUND)

_CAPTURE: Table = {
    **_MONEY,
    **dict.fromkeys(
        _OF_THE_CARD,
        _("Doing it again is of no use. Void the authorization, and charge the customer anew."),
    ),
    ReasonKind.CARD_DECLINED: _(
        "It can be tried again. If it is refused again, void the authorization and charge the "
        "customer anew."
    ),
    **dict.fromkeys(
        _OF_THE_PAYMENT,
        _(
            "Doing it again is of no use. “Refresh” on the payment's page reads how it stands. "
            "What was captured before is taken; what was voided or has expired is charged anew."
        ),
    ),
    ReasonKind.INVALID_AMOUNT: _(
        "Capture no more than was authorized; the payment's page tells how much that is."
    ),
}
_SETTLED = _(
    "Doing it again is of no use. “Refresh” on the payment's page reads how it stands. What the "
    "bank has settled is refunded; what was voided before is done."
)
_VOID: Table = {
    **_MONEY,
    **dict.fromkeys((*_OF_THE_CARD, *_OF_THE_PAYMENT, ReasonKind.INVALID_AMOUNT), _SETTLED),
    ReasonKind.CARD_DECLINED: _AGAIN,
}
_REFUND: Table = {
    **_MONEY,
    **dict.fromkeys(
        _OF_THE_CARD,
        _("Doing it again is of no use: give the money back in another way."),
    ),
    ReasonKind.CARD_DECLINED: _(
        "It can be tried again. If it is refused again, give the money back in another way."
    ),
    **dict.fromkeys(
        (*_OF_THE_PAYMENT, ReasonKind.INVALID_AMOUNT),
        _(
            "Read the reason below. “Refresh” on the payment's page reads how it stands, and how "
            "much is left. What the bank has not settled yet is voided whole, or refunded after "
            "the next settlement. What cannot be refunded at all is given back in another way."
        ),
    ),
}
_DECISION: Table = {
    **_MONEY,
    **dict.fromkeys(
        (*_OF_THE_CARD, *_OF_THE_PAYMENT, ReasonKind.CARD_DECLINED, ReasonKind.HELD),
        _(
            "“Refresh” on the payment's page reads how it stands. If it is still held, decide it "
            "again; otherwise that is of no use."
        ),
    ),
}

_GONE_CUSTOMER = _(
    "Saving or pushing it is of no use: the gateway does not have this customer any more. “Pull "
    "now” on the customer's page marks what has gone. A new card needs a new customer."
)
_GONE_CARD = _(
    "Saving or pushing it is of no use: the gateway does not have this card any more. Add it again "
    "on the customer's page if its holder still wants it stored."
)


def _stored(then: Text, more: Table) -> Table:
    """Return the table of what is stored at the gateway.

    Args:
        then: what to do once whatever was wrong has been corrected.
        more: the reasons after which something else helps.
    """
    after_settings = format_lazy("{} {}", _SETTINGS, then)
    refused = (ReasonKind.AUTHENTICATION, ReasonKind.NOT_PERMITTED)
    return {"": then, **dict.fromkeys(refused, after_settings), UNSUPPORTED: _CANNOT, **more}


_GONE: Table = {
    ReasonKind.CUSTOMER_NOT_FOUND: _GONE_CUSTOMER,
    ReasonKind.CARD_NOT_FOUND: _GONE_CARD,
}
_UPDATE = {**_stored(_PUSH, _GONE), ReasonKind.UNAVAILABLE: _PUSH, "": _SAVE}
_NEW_NUMBER = _stored(
    _(
        "“Pull now” on the card's page reads which number the gateway has. If that is the old one, "
        "the new one has to be given again: it is kept nowhere."
    ),
    _GONE,
)
_NEW_CARD = _stored(
    _(
        "Nothing was stored, and the number is kept nowhere: the card has to be typed again, with "
        "“Add card” on the customer's page."
    ),
    {
        ReasonKind.DUPLICATE_CARD: _(
            "Nothing was stored: the customer has this card already. Its expiry date and its "
            "address are changed on the card's own page. If it is not listed, “Pull now” on the "
            "customer's page brings it here."
        ),
        ReasonKind.CARD_LIMIT: _(
            "Nothing was stored: the customer has as many cards as the gateway allows. Delete one "
            "that is not used any more, and type the new one again."
        ),
        ReasonKind.CUSTOMER_NOT_FOUND: _PULL_CUSTOMER,
    },
)
_KNOWN_THERE: Table = {
    ReasonKind.DUPLICATE_CUSTOMER: _(
        "The gateway has this customer already. “manage.py dinero_sync --customer ID --gateway "
        "NAME” brings it here, by its id there."
    ),
}
_CUSTOMER_WITH_CARD = _stored(
    _(
        "Neither customer nor card were stored, and the number is kept nowhere: add the customer "
        "again, and type the card again."
    ),
    _KNOWN_THERE,
)
_CUSTOMER = _stored(
    _(
        "If the customer stands in the list of customers, save it there, corrected where need be; "
        "that pushes it again. Otherwise nothing was stored: add the customer again, and the card."
    ),
    _KNOWN_THERE,
)

_TABLES: Mapping[str, Table] = {
    OperationKind.CHARGE: _CHARGE,
    OperationKind.AUTHORIZE: _CHARGE,
    OperationKind.CAPTURE: _CAPTURE,
    OperationKind.VOID: _VOID,
    OperationKind.REFUND: _REFUND,
    OperationKind.APPROVE_HELD: _DECISION,
    OperationKind.DECLINE_HELD: _DECISION,
    OperationKind.CREATE_CUSTOMER: _CUSTOMER,
    OperationKind.ADD_CARD: _NEW_CARD,
    OperationKind.UPDATE_CUSTOMER: _UPDATE,
    OperationKind.UPDATE_CARD: _UPDATE,
}
#: The tables of what came with a card's number, which nobody can send again.
_WITH_NUMBER: Mapping[str, Table] = {
    OperationKind.CREATE_CUSTOMER: _CUSTOMER_WITH_CARD,
    OperationKind.UPDATE_CARD: _NEW_NUMBER,
}
#: Notes of what is not wanted any more, or was done otherwise.
_SUPERSEDED = (
    journal_notes.DELETED_MEANWHILE,
    journal_notes.EXISTS_ALREADY,
    journal_notes.STORED_AGAIN,
    journal_notes.NOTHING_LEFT_TO_PUSH,
)
_WITHOUT_REASON = {OperationState.FAILED: _PUSH, OperationState.ABSENT: _BY_ITSELF}


def advice_on(operation: Operation) -> Text:
    """Return what to do about an operation that came to nothing.

    Returns:
        Nothing for one that has not, and for a delete, which is repeated by itself.
    """
    if operation.state not in REFUSED:
        return ""
    notes = (operation.note("error"), operation.note("note"))
    if operation.note("error") in _SUPERSEDED or journal_notes.ONLY_A_LOCK in notes:
        return NOTHING
    if operation.kind in DELETES:
        return ""
    table = _table_of(operation)
    known = [reason for reason in _reasons_of(operation) if reason in table]
    if not known and table is _UPDATE and operation.state in _WITHOUT_REASON:
        return _WITHOUT_REASON[OperationState(operation.state)]
    return table[known[0]] if known else table[""]


def _table_of(operation: Operation) -> Table:
    brought_number = operation.intent.get("number_key") or operation.intent.get("last_4")
    if brought_number and operation.kind in _WITH_NUMBER:
        return _WITH_NUMBER[operation.kind]
    return _TABLES[operation.kind]


def _reasons_of(operation: Operation) -> list[str]:
    """Return why it was refused, the closest first; one that only declined has its bank's no."""
    if operation.state == OperationState.ABSENT:
        return []
    said = chain(operation.note("reasons"), (operation.note("reason"), operation.note("code")))
    is_declined = operation.state == OperationState.DECLINED
    return [*filter(None, said), *([ReasonKind.CARD_DECLINED.value] if is_declined else [])]
