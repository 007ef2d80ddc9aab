"""What an operation keeps of the question and of the answer, as lines that people read."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from django_dinero.admin.display import card_text, initiator_text, money
from django_dinero.admin.views.reasons import reason_text
from django_dinero.models import Operation, journal_notes
from django_dinero.models.operation import OperationState
from django_dinero.models.records import Intent, RecordedOutcome
from django_dinero.models.transaction_status import TransactionStatus
from django_dinero.redaction import scrub

#: A label and a text.
Line = tuple[str, str]


def facts_of(operation: Operation, *, with_email: bool) -> dict[str, list[Line]]:
    """Return both, as the page of an operation names them."""
    return {"asked": asked(operation, with_email=with_email), "answered": answered(operation)}


def asked(operation: Operation, *, with_email: bool) -> list[Line]:
    """Return what was asked; what is empty is left out, and the e-mail where it is not wanted."""
    intent = Intent.of(operation)
    name = f"{intent.first_name} {intent.last_name}".strip()
    card = card_text(intent)
    return _filled(
        (_("Kind"), operation.get_kind_display()),
        (_("Amount"), money(operation.amount, operation.currency)),
        (_("Card"), card),
        (_("E-mail"), intent.email if with_email else ""),
        (_("Name"), name),
        (_("Order reference"), intent.order_reference),
        (_("Description"), intent.description),
        (_("Customer's IP address"), intent.customer_ip),
        (_("Initiated by"), initiator_text(intent.initiator)),
        (_("Asked for by"), _("the owner") if intent.made_by_owner else intent.made_by),
        (_("As the default card"), _("yes") if intent.is_default else ""),
    )


def answered(operation: Operation) -> list[Line]:
    """Return what is known of the answer; what is empty is left out."""
    outcome = RecordedOutcome.of(operation)
    card = card_text(outcome)
    code = _(" (code %(code)s)") % {"code": outcome.gateway_code} if outcome.gateway_code else ""
    text = journal_notes.shown(scrub(outcome.gateway_text))
    said = f"{text}{code}" if text else outcome.gateway_code
    return _filled(
        (_("Answer"), _status(outcome.result)),
        (_("What went wrong"), journal_notes.shown(scrub(outcome.error))),
        (_("The gateway said"), scrub(said)),
        (_("Reason"), ", ".join(_reason(operation, each) for each in outcome.reasons)),
        (_("Transaction id"), outcome.transaction_id or operation.transaction_id),
        (_("Authorization code"), outcome.auth_code),
        (_("Address check (AVS)"), outcome.avs),
        (_("Card code check (CVV)"), outcome.cvv),
        (_("Card charged"), card),
        (_("Id of the card network"), outcome.network_transaction_id),
        (_("Status at the gateway"), _status(outcome.remote_status)),
        (_("Settled"), outcome.settled_at),
        (_("Batch"), outcome.batch_id),
        (_("Last look-up"), journal_notes.shown(scrub(outcome.lookup))),
        (_("Found by a look-up"), _("yes") if outcome.found else ""),
        (_("It was gone already"), _("yes") if outcome.already else ""),
        (_("Deleted together with the customer"), _("yes") if outcome.covered else ""),
        (_("To be given back"), _("yes") if outcome.give_back else ""),
        (_("Given back"), _("yes") if outcome.given_back else ""),
        (_("Closed by"), outcome.closed_by),
        (_("Explanation"), journal_notes.shown(outcome.note)),
    )


def _filled(*lines: tuple[str, object]) -> list[Line]:
    found: Iterable[Line] = ((label, str(text)) for label, text in lines)
    return [(label, text) for label, text in found if text]


def _status(value: str) -> str:
    """Return the label of a gateway's word; as it is where we have none."""
    labels = dict(TransactionStatus.choices)
    return str(labels.get(value, value.replace("_", " ")))


def _reason(operation: Operation, reason: str) -> str:
    refused = (OperationState.DECLINED, OperationState.FAILED)
    return reason_text(reason, is_refused=operation.state in refused)
