"""The texts that people read about an error, by its ``code``, for each kind of reader.

Whoever tries out stolen numbers learns from the reason of a decline what to try next. To a
cardholder, a wrong CVV, a wrong address, an expired card and an empty account are therefore one and
the same. Staff read why; the gateway's own words and code stand in ``str(error)`` for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TextT = TypeVar("TextT")

#: The code of the base class, whose text stands in where nothing closer fits.
FALLBACK = "dinero_error"


def closest(texts: Mapping[str, TextT], codes: Iterable[str]) -> TextT:
    """Return the text of the first code that has one, else that of :data:`FALLBACK`.

    Args:
        texts: one of the tables below.
        codes: of an error's class and its parents, so that a project's own subclass is covered.
    """
    return next((texts[code] for code in codes if code in texts), texts[FALLBACK])


# -- For cardholders: ``error.user_message`` -------------------------------------------------------

_DECLINED = _("The card was declined.")
_UNKNOWN = _("It is not known yet whether this was done. Do not repeat it before that is known.")
#: How the server is set up is for its log alone.
_MISCONFIGURED = _("The server cannot use its payment gateway.")
#: A gateway could not be made of its configuration. No exception of the app's says so.
NOT_SET_UP = _("The payment gateway is not set up. Nothing was sent.")
_REFUSED = _("The payment gateway refused it.")
#: Said by the gateway, or here before it was asked.
_NOT_POSSIBLE = _("This cannot be done with this payment.")

#: Every code has an entry: what is missing would be told in staff's words.
CARDHOLDER: Mapping[str, Promise] = {
    "dinero_error": _("This could not be done."),
    # The texts for each field are in ``errors``.
    "invalid_input": _("Correct what was entered."),
    "unsupported_feature": _("The payment gateway cannot do this."),
    "inside_transaction": _MISCONFIGURED,
    "authentication_failed": _MISCONFIGURED,
    "not_permitted": _MISCONFIGURED,
    "gateway_unavailable": _("The payment gateway is out of order; try again in some minutes."),
    "operation_in_progress": _("This is being worked on already. Wait a moment and look again."),
    "idempotency_key_reused": _("This was sent before, with other values."),
    "not_sent": _("Nothing reached the payment gateway; try again."),
    "outcome_unknown": _UNKNOWN,
    "needs_attention": _UNKNOWN,
    "gateway_error": _REFUSED,
    "card_declined": _DECLINED,
    "avs_mismatch": _DECLINED,
    "cvv_mismatch": _DECLINED,
    "avs_and_cvv_mismatch": _DECLINED,
    "invalid_card": _DECLINED,
    "invalid_expiry": _DECLINED,
    "invalid_cvv": _DECLINED,
    "invalid_amount": _NOT_POSSIBLE,
    "refund_refused": _NOT_POSSIBLE,
    "invalid_transaction": _NOT_POSSIBLE,
    "held_for_review": _("The payment is held until it has been reviewed."),
    "action_required": _("Your bank asks you to confirm this payment."),
    "operation_closed": _("This payment was ended. Start a new one."),
    "duplicate_transaction": _("The same charge was made a moment ago."),
    "order_paid": _("This order is paid already."),
    "customer_not_found": _("The gateway no longer has this customer."),
    "card_not_found": _("The gateway no longer has this card."),
    # The gateway's own text has the id that it found, and that may be somebody else's.
    "duplicate_customer": _("The gateway has this customer already."),
    "duplicate_card": _("This card is saved already."),
    "card_limit": _("No more cards can be stored; delete one first."),
}

#: What a customer without a card is charged with.
NO_CARD = _("There is no card to pay with.")

#: Arguments that no cardholder enters: what is wrong with one says how the code is to be changed.
NOT_ENTERED = frozenset(
    {
        "by",
        "card",
        "currency",
        "customer",
        "customer_ip",
        "difference",
        "gateway_name",
        "id",
        "idempotency_key",
        "initiator",
        "note",
        "operation",
        "order_reference",
        "owner",
        "owner_of",
        "pays_order",
        "resume",
        "scope",
        "settle",
        "token",
        "transaction",
        "url",
    }
)


class ForCode(str):
    """What is wrong with a call, though it is about a field that a cardholder may have entered.

    It stands in an error's ``errors`` as any text, and no cardholder reads it.
    """

    __slots__ = ()


# -- For programs that call the API ----------------------------------------------------------------

#: In place of what tells Python how a customer gets a card.
CALLER_NO_CARD = _("This customer has no card. POST one to its cards/ first.")

#: Where the outcome is unknown: what a caller may do, which differs for money and for the vault.
CALLER_UNKNOWN_MONEY = _(
    "No clear answer came from the gateway: this may have been done. Do not repeat it with a "
    "new Idempotency-Key; with the same one it is looked up and never done twice."
)
CALLER_UNKNOWN_VAULT = _(
    "No clear answer came from the gateway: this may have been done. Look at what is "
    "stored before you repeat it."
)

# -- For staff: the notices of the admin's pages ---------------------------------------------------


class StaffText(NamedTuple):
    """What a page tells about an error.

    ``again`` says whether the page may offer to do it once more. ``%(key)s`` in the text is the
    operation's key.
    """

    title: Promise
    text: Promise
    again: bool


def _mismatches(ending: Promise) -> dict[str, StaffText]:
    """Return the texts for what the customer can be asked for again, told apart from a decline."""
    return {
        "avs_and_cvv_mismatch": StaffText(
            _("Neither the billing address nor the card code (CVV) is right."), ending, True
        ),
        "cvv_mismatch": StaffText(_("The card code (CVV) is wrong or missing."), ending, True),
        "avs_mismatch": StaffText(_("The billing address is not that of the card."), ending, True),
        "invalid_expiry": StaffText(_("The card has expired, or the date is wrong."), ending, True),
    }


_WAITS_FOR_HOLDER = StaffText(
    _("The card's holder has to confirm this first: it is neither done nor refused."),
    _("Do not do it again. The page of operation %(key)s tells how it ended."),
    False,
)

_NO_CUSTOMER = _("The gateway does not have this customer any more.")
_NO_CARD_THERE = _("The gateway does not have this card any more.")

STAFF_CHARGE: Mapping[str, StaffText] = {
    "outcome_unknown": StaffText(
        _("It is not known yet whether the card was charged."),
        _(
            "The gateway's answer was lost. Do not charge again: look up operation %(key)s first. "
            "Its page in the journal asks the gateway how it ended."
        ),
        False,
    ),
    "operation_in_progress": StaffText(
        _("This charge is being made already."),
        _("Do not charge again. The page of operation %(key)s tells how it ended."),
        False,
    ),
    "needs_attention": StaffText(
        _("The gateway's answer contradicts what was asked."),
        _("Do not charge again. Compare operation %(key)s with the gateway's own pages first."),
        False,
    ),
    "action_required": StaffText(
        _("The card's holder has to confirm the payment first: it is neither paid nor declined."),
        _("Do not charge again. The page of operation %(key)s tells how it ended."),
        False,
    ),
    "operation_closed": StaffText(
        _("The operation of this key was closed by hand."),
        _("Nothing was charged now. Read what was found then; open the page again to charge."),
        False,
    ),
    "held_for_review": StaffText(
        _("The payment is held for review: it is neither paid nor declined."),
        _("Do not charge again. It is paid or declined when the review is decided."),
        False,
    ),
    "not_sent": StaffText(
        _("The gateway could not be reached."),
        _("Nothing was sent and nothing was charged. You can try again."),
        True,
    ),
    "idempotency_key_reused": StaffText(
        _("This page was used before, for another charge."),
        _(
            "Nothing was charged this time (the other one is operation %(key)s). If you do want "
            "one more charge, check the amount and press the button again."
        ),
        True,
    ),
    "duplicate_transaction": StaffText(
        _("The gateway took the same charge a moment ago, and refused this one."),
        _("Nothing was charged this time. Look at the card's transactions first."),
        True,
    ),
    "order_paid": StaffText(
        _("This order is paid already."),
        _("Nothing was charged this time. Look at the transactions of the order first."),
        True,
    ),
    "customer_not_found": StaffText(
        _NO_CUSTOMER,
        _(
            "Nothing was charged. “Pull now” on the customer's page marks what has gone. A new "
            "card needs a new customer."
        ),
        False,
    ),
    "card_not_found": StaffText(
        _NO_CARD_THERE,
        _("Nothing was charged. Add the card again if its holder still wants it stored."),
        False,
    ),
    **_mismatches(_("Nothing was charged.")),
    "card_declined": StaffText(
        _("The card was declined."),
        _("Nothing was charged."),
        True,
    ),
    "authentication_failed": StaffText(
        _("The gateway does not accept our credentials."),
        _("Nothing was charged. Whoever looks after the settings has to correct them."),
        True,
    ),
    "dinero_error": StaffText(
        _("The charge was refused."),
        _("Nothing was charged."),
        True,
    ),
}

STAFF_CARD: Mapping[str, StaffText] = {
    "outcome_unknown": StaffText(
        _("It is not known yet whether the card was stored."),
        _(
            "The gateway's answer was lost: look up operation %(key)s. If the card was stored, it "
            "appears at the customer then. Nothing was charged."
        ),
        False,
    ),
    "operation_in_progress": StaffText(
        _("A card is being added to this customer already."),
        _("Look at the customer's cards in a moment (operation %(key)s)."),
        False,
    ),
    "needs_attention": StaffText(
        _("The gateway's answer contradicts what was asked."),
        _("Compare operation %(key)s with the gateway's own pages first."),
        False,
    ),
    "action_required": _WAITS_FOR_HOLDER,
    "operation_closed": StaffText(
        _("The operation of this key was closed by hand."),
        _("Nothing was stored now. Read what was found then; open the page again to add a card."),
        False,
    ),
    "not_sent": StaffText(
        _("The gateway could not be reached."),
        _("Nothing was sent and nothing was stored. You can try again."),
        True,
    ),
    "duplicate_card": StaffText(
        _("The customer has this card already."),
        _(
            "Nothing was stored. Its expiry date and its address are changed on the card's own "
            "page."
        ),
        True,
    ),
    "customer_not_found": StaffText(
        _NO_CUSTOMER,
        _(
            "Nothing was stored. “Pull now” on the customer's page marks what has gone. A new card "
            "needs a new customer."
        ),
        False,
    ),
    **_mismatches(_("Nothing was stored and nothing was charged.")),
    "card_declined": StaffText(
        _("The card was declined when it was checked."),
        _("Nothing was stored and nothing was charged."),
        True,
    ),
    "authentication_failed": StaffText(
        _("The gateway does not accept our credentials."),
        _("Nothing was stored. Whoever looks after the settings has to correct them."),
        True,
    ),
    "dinero_error": StaffText(
        _("The card was refused."),
        _("Nothing was stored."),
        True,
    ),
}

STAFF_FOLLOW_UP: Mapping[str, StaffText] = {
    "outcome_unknown": StaffText(
        _("It is not known yet whether this was done."),
        _(
            "The gateway's answer was lost. Do not do it again: look up operation %(key)s first. "
            "Its page in the journal asks the gateway how it ended."
        ),
        False,
    ),
    "operation_in_progress": StaffText(
        _("Something is being done to this transaction already."),
        _("The page of operation %(key)s tells what it is and how it ended."),
        False,
    ),
    "needs_attention": StaffText(
        _("The gateway's answer contradicts what was asked."),
        _("Compare operation %(key)s with the gateway's own pages first."),
        False,
    ),
    "action_required": _WAITS_FOR_HOLDER,
    "operation_closed": StaffText(
        _("The operation of this key was closed by hand."),
        _("Nothing was done now. Read what was found then; open the page again to do it."),
        False,
    ),
    "held_for_review": StaffText(
        _("The gateway holds this for review: it is neither done nor refused."),
        _("Do not do it again. It is done or refused when the review is decided."),
        False,
    ),
    "not_sent": StaffText(
        _("The gateway could not be reached."),
        _("Nothing was sent and nothing was changed. You can try again."),
        True,
    ),
    "idempotency_key_reused": StaffText(
        _("This page was used before, with another amount."),
        _(
            "Nothing was done this time (the other one is operation %(key)s). If you do want one "
            "more, check the amount and press the button again."
        ),
        True,
    ),
    "authentication_failed": StaffText(
        _("The gateway does not accept our credentials."),
        _("Nothing was changed. Whoever looks after the settings has to correct them."),
        True,
    ),
    "dinero_error": StaffText(
        _("This was refused."),
        _("Nothing was changed."),
        True,
    ),
}

STAFF_CUSTOMER: Mapping[str, StaffText] = {
    "outcome_unknown": StaffText(
        _("It is not known yet whether the customer was stored."),
        _(
            "The gateway's answer was lost. Do not add the customer again: look up operation "
            "%(key)s. If it was stored, the customer appears here then. Nothing was charged."
        ),
        False,
    ),
    "operation_in_progress": StaffText(
        _("This customer is being added already."),
        _("Look at the list of customers in a moment (operation %(key)s). Nothing was charged."),
        False,
    ),
    "needs_attention": StaffText(
        _("The gateway's answer contradicts what was asked."),
        _("Compare operation %(key)s with the gateway's own pages first."),
        False,
    ),
    "action_required": _WAITS_FOR_HOLDER,
    "operation_closed": StaffText(
        _("The operation of this key was closed by hand."),
        _("Nothing was stored now. Read what was found then; open the page again to add one."),
        False,
    ),
    "idempotency_key_reused": StaffText(
        _("This page was used before, with other values."),
        _("Nothing was stored this time. Look at the list of customers before you try again."),
        True,
    ),
    "not_sent": StaffText(
        _("The gateway could not be reached."),
        _("Nothing was sent and nobody was stored. You can try again."),
        True,
    ),
    **_mismatches(_("Neither customer nor card were stored, and nothing was charged.")),
    "card_declined": StaffText(
        _("The card was declined when it was checked."),
        _(
            "Neither customer nor card were stored, and nothing was charged. Try another card, or "
            "leave it out for now."
        ),
        True,
    ),
    "authentication_failed": StaffText(
        _("The gateway does not accept our credentials."),
        _("Nobody was stored. Whoever looks after the settings has to correct them."),
        True,
    ),
    "dinero_error": StaffText(
        _("The customer was refused."),
        _("Neither customer nor card were stored."),
        True,
    ),
}

STAFF_VAULT: Mapping[str, StaffText] = {
    "outcome_unknown": StaffText(
        _("It is not known yet whether the gateway did this."),
        _(
            "The gateway's answer was lost: look up operation %(key)s. Doing it again afterwards "
            "does no harm, and no money moves."
        ),
        False,
    ),
    "operation_in_progress": StaffText(
        _("Something is being done to this customer already."),
        _("Wait a moment; the page of operation %(key)s tells what it is and how it ended."),
        False,
    ),
    "needs_attention": StaffText(
        _("The gateway's answer contradicts what was asked."),
        _("Compare operation %(key)s with the gateway's own pages first."),
        False,
    ),
    "action_required": _WAITS_FOR_HOLDER,
    "operation_closed": StaffText(
        _("The operation of this key was closed by hand."),
        _("Nothing was done now. Read what was found then; open the page again to do it."),
        False,
    ),
    "customer_not_found": StaffText(
        _NO_CUSTOMER,
        _(
            "The customer and its cards are marked as gone at the gateway. Payments stay in the "
            "books. A new card needs a new customer."
        ),
        False,
    ),
    "card_not_found": StaffText(
        _NO_CARD_THERE,
        _("It cannot be charged. Add the card again if its holder still wants it stored."),
        False,
    ),
    "not_sent": StaffText(
        _("The gateway could not be reached."),
        _("Nothing was sent and nothing was changed there. You can try again."),
        True,
    ),
    **_mismatches(_("The card stays stored as it is, and nothing was charged.")),
    "card_declined": StaffText(
        _("The issuer says that the card is not good."),
        _("The card stays stored as it is, and nothing was charged."),
        True,
    ),
    "authentication_failed": StaffText(
        _("The gateway does not accept our credentials."),
        _("Nothing was changed there. Whoever looks after the settings has to correct them."),
        True,
    ),
    "dinero_error": StaffText(
        _("The gateway refused."),
        _("Nothing was changed there."),
        True,
    ),
}

# -- What the test bank says in a gateway's place --------------------------------------------------

#: By the bank's own reason; each becomes the ``gateway_text`` of a refusal.
BANK: Mapping[str, Promise] = {
    "declined": _("The card was declined."),
    "avs": _("The address does not match that of the card's bank."),
    "cvv": _("The card verification value does not match."),
    "avs_and_cvv": _("Neither address nor card verification value match."),
    "invalid_number": _("The card number is invalid."),
    "expired": _("The card has expired."),
    "invalid_amount": _("A valid amount is required."),
    "zero_amount": _("This card cannot be authorized for nothing."),
    "invalid_currency": _("The account does not take this currency."),
    "duplicate": _("The same payment was made a moment ago."),
    "partial_approval": _("Only a part of the amount was approved; it was given back."),
    "capture_exceeds_authorization": _("More than was authorized cannot be captured."),
    "authorization_expired": _("The authorization has expired."),
    "not_found": _("The transaction cannot be found."),
    "not_capturable": _("This cannot be captured."),
    "not_voidable": _("This cannot be voided."),
    "not_refundable": _("This cannot be refunded."),
    "already_captured": _("This has been captured already."),
    "already_voided": _("This has been voided already."),
    "already_settled": _("The bank has settled this already."),
    "refund_not_settled": _("The bank has not settled this yet."),
    "refund_exceeds": _("More than was paid cannot be refunded."),
    "refund_wrong_card": _("This was paid with another card."),
    "held": _("The payment is held for review."),
    "action_required": _("The card's holder has to confirm the payment first."),
    "not_held": _("The payment is not held for review."),
    "customer_not_found": _("The customer cannot be found."),
    "card_not_found": _("The card cannot be found."),
    "duplicate_customer": _("This customer exists already."),
    "duplicate_card": _("The customer has this card already."),
    "card_limit": _("The customer has as many cards as the bank allows."),
    "masked_mismatch": _("The masked number is not that of the stored card."),
    "missing_address": _("This card is checked by its address, give street and zip."),
    "token_invalid": _("The token is unknown."),
    "token_expired": _("The token has expired; enter the card again."),
    "token_used": _("The token was used before; enter the card again."),
}
BANK_IN_MEMORY = _(
    "This test bank is in memory: what an earlier process stored there is gone. Its option "
    "'store' gives it a file."
)
