"""What a difference means, whether money moved, and what to do next: by its kind and its reason."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_dinero.admin.advice import NOTHING
from django_dinero.admin.fetched import shown_amount
from django_dinero.admin.stories import RowStory, Text
from django_dinero.enums import TransactionKind
from django_dinero.models import Difference
from django_dinero.models.difference import DifferenceKind
from django_dinero.money import EXACT


class _Texts(NamedTuple):
    happened: Text
    money: Text
    todo: Text


_AS_THE_GATEWAY_SAYS = _("As the gateway says, whatever stands in the books.")
_NO = _("No.")

#: Of differences that are not like the others of their kind.
_REASONS: Mapping[str, _Texts] = {
    "needs_attention": _Texts(
        _("It is about an operation that needs attention, and the gateway has a payment of it."),
        _("Perhaps. The operation's page tells more."),
        _(
            "Open the operation below and finish that one first; its page says how. Then “Explain "
            "and close” this, if it does not go by itself."
        ),
    ),
    "takes_back_a_part": _Texts(
        _("At the gateway a part of a payment was taken back; the books have all of it."),
        _("A part went back to the card. The books do not say so."),
        _(
            "Compare both in the gateway's own pages, and do not refund that part again. Then "
            "“Explain and close”."
        ),
    ),
    "seen_after_closing": _Texts(
        _("An operation was closed by hand, and its payment is at the gateway after all."),
        _("Most likely yes, and the books do not have it. The customer may have paid twice."),
        _(
            "Fetch it with “manage.py dinero_sync --transaction %(id)s --gateway %(gateway)s”. If "
            "the customer paid once more meanwhile, void or refund one of the two. Then “Explain "
            "and close”."
        ),
    ),
    "another_kind": _Texts(
        _("The gateway has something else under the key of an operation than was asked for."),
        _AS_THE_GATEWAY_SAYS,
        _(
            "Compare both in the gateway's own pages. “manage.py dinero_sync --transaction %(id)s "
            "--gateway %(gateway)s” brings it here. Then “Explain and close”."
        ),
    ),
    "card_only_here": _Texts(
        _("The card is stored here, and the gateway does not have it any more."),
        _("No. The card cannot be charged."),
        _(
            "Ask the customer for the card again, or delete it here. Where that was meant, "
            "“Explain and close”."
        ),
    ),
}
#: Of refunds, by reason and kind: money goes the other way, and what helps is the opposite.
_REFUNDS: Mapping[tuple[str, str], _Texts] = {
    ("missing_there", DifferenceKind.MISSING_THERE): _Texts(
        _("The refund counts here, and the gateway's complete list does not have it."),
        _("Most likely not: the customer has not got it back."),
        _(
            "Look for it in the gateway's own pages. If it is not there either, the customer is "
            "still owed it: give it back there, or in another way. Then “Explain and close”."
        ),
    ),
    ("contradicts", DifferenceKind.AMOUNT): _Texts(
        _("Both sides have the refund, with another amount or currency."),
        _("Yes, as the gateway says: that is what the customer got back."),
        _(
            "Believe the gateway. Where it gave back less, give back the rest in its own pages; "
            "where it gave back more, refund nothing else. Then “Explain and close”."
        ),
    ),
    ("second_of_key", DifferenceKind.TWICE): _Texts(
        _("The gateway has two refunds with one key, and the books have one."),
        _("Yes, twice: the customer got it back twice."),
        _(
            "If one of the two has not settled yet, void it in the gateway's own pages. Otherwise "
            "agree with the customer, and refund nothing else. Then “Explain and close”."
        ),
    ),
    ("seen_after_closing", DifferenceKind.STATUS): _Texts(
        _("An operation was closed by hand, and its refund is at the gateway after all."),
        _("Most likely yes, and the books do not have it. The customer may have got it twice."),
        _(
            "Fetch it with “manage.py dinero_sync --transaction %(id)s --gateway %(gateway)s”. If "
            "it was refunded once more meanwhile, and one of the two has not settled yet, void "
            "that one in the gateway's own pages. Then “Explain and close”."
        ),
    ),
}
_KINDS: Mapping[str, _Texts] = {
    DifferenceKind.UNKNOWN_KEY: _Texts(
        _("The gateway has a payment with a key like ours, and the journal does not know the key."),
        _("Yes, at the gateway. The books do not have it."),
        _(
            "Ask whether a backup was restored, or whether another installation shares the "
            "account. “manage.py dinero_sync --transaction %(id)s --gateway %(gateway)s” brings "
            "the payment here. Then “Explain and close”."
        ),
    ),
    DifferenceKind.MISSING_THERE: _Texts(
        _("The payment counts here, and the gateway's complete list does not have it."),
        _("Most likely not. The books count it all the same."),
        _(
            "Look for it in the gateway's own pages. If it is not there either, the customer has "
            "not paid: ask for another payment, and “Explain and close”."
        ),
    ),
    DifferenceKind.AMOUNT: _Texts(
        _("Both sides have the payment, with another amount or currency."),
        _("Yes, as the gateway says: that is what the cardholder paid."),
        _(
            "Believe the gateway. Refund what is too much, or charge what is missing. Then "
            "“Explain and close”."
        ),
    ),
    DifferenceKind.STATUS: _Texts(
        _("At the gateway the payment stands as it cannot stand after what the books have."),
        _AS_THE_GATEWAY_SAYS,
        _(
            "Mostly somebody has done something in the gateway's own pages. Fetch it with "
            "“manage.py dinero_sync --transaction %(id)s --gateway %(gateway)s”; if the two agree "
            "then, this goes by itself at the next reconcile. Otherwise “Explain and close”."
        ),
    ),
    DifferenceKind.TWICE: _Texts(
        _("The gateway has two payments with one key, and the books have one."),
        _("Yes, twice."),
        _(
            "Void or refund one of the two in the gateway's own pages: the one that the books do "
            "not have. Then “Explain and close”."
        ),
    ),
    DifferenceKind.BOOKS: _Texts(
        _("The sums of this day and this currency differ."),
        _("That depends on the payments behind it."),
        _(
            "Look at the other differences of that day first; mostly they explain it. It goes by "
            "itself when the day agrees. Otherwise compare the payments of the day with the "
            "gateway's own pages, and “Explain and close”."
        ),
    ),
    DifferenceKind.VAULT_ONLY_THERE: _Texts(
        _("The gateway has a customer that was stored from here, and there is no row of it."),
        _NO,
        _(
            "“manage.py dinero_sync --customer %(customer)s --gateway %(gateway)s” brings it here. "
            "If nobody wants it, delete it in the gateway's own pages."
        ),
    ),
    DifferenceKind.VAULT_ONLY_HERE: _Texts(
        _("The customer is stored here, and the gateway does not have it any more."),
        _("No. None of its cards can be charged."),
        _(
            "A new card needs a new customer. Delete this one here if nobody needs it; its "
            "payments stay in the books. Where that was meant, “Explain and close”."
        ),
    ),
}


def story_of_difference(row: Difference) -> RowStory:
    """Return what a page tells of a difference; of one that has ended, that nothing is to do."""
    happened, money, todo = _texts_of(row)
    if not row.is_open:
        return RowStory(happened, money, NOTHING, calm=True)
    names = {
        "id": shlex.quote(row.transaction_id or "ID"),
        "customer": shlex.quote(row.customer_id or "ID"),
        "gateway": shlex.quote(row.gateway_name),
    }
    missing = _missing(row) if row.kind == DifferenceKind.BOOKS else ""
    return RowStory(happened, f"{money} {missing}".strip(), str(todo) % names, calm=False)


def _texts_of(row: Difference) -> _Texts:
    is_refund = row.facts.get("kind") == TransactionKind.REFUND
    of_refund = _REFUNDS.get((row.reason, row.kind)) if is_refund else None
    return of_refund or _REASONS.get(row.reason) or _KINDS[row.kind]


def _missing(row: Difference) -> str:
    """Return how much more or less the gateway has on a day than the books."""
    more = EXACT.subtract(row.amount_there or Decimal(0), row.amount_here or Decimal(0))
    if not more or not row.currency:
        return ""
    text = (
        gettext("The gateway has %(amount)s more than the books.")
        if more > 0
        else gettext("The gateway has %(amount)s less than the books.")
    )
    return text % {"amount": shown_amount(abs(more), row.currency)}
