"""Signals for projects. Receivers run after the fact; an error in one is logged and ignored.

======================  ===============================================================
signal                  sent with
======================  ===============================================================
``customer_pushed``     ``customer``, ``created``
``customer_deleted``    ``gateway_name``, ``live``, ``customer_id``
``card_pushed``         ``card``, ``created``
``card_deleted``        ``gateway_name``, ``live``, ``customer_id``, ``card_id``
``push_failed``         ``instance``, ``error``
``charged``             ``transaction``
``charge_failed``       ``transaction``, ``error``
``captured``            ``transaction``, whose ``parent`` is the authorization
``voided``              ``transaction``, whose ``parent`` is what was voided
``refunded``            ``transaction``, whose ``parent`` is the charge
``settled``             ``transaction``: the bank has paid it out
``expired``             ``transaction``: an authorization that was never captured
``returned``            ``transaction``: the bank took a payment back
``charged_back``        ``transaction``: the cardholder disputes a payment
``canceled``            ``transaction``, approved before it was voided elsewhere, or failed
``charge_orphaned``     ``transaction``, whose row a rollback of the caller took
``landed_late``         ``transaction``, proven absent before the gateway did it after all
``difference_found``    ``difference``
``webhook_applied``     ``instance``, ``event``
``operation_changed``   ``operation``, ``old_state``, ``new_state``
======================  ===============================================================

The sender is the model class in the signal's name, and for ``push_failed`` and
``webhook_applied`` the class of ``instance``. If an answer was lost, the look-up that finds a
payment sends the signals of its ledger row. A look-up that finds a customer or a card sends
``operation_changed`` alone.
"""

from __future__ import annotations

import traceback
from typing import Any

from django.dispatch import Signal

from django_dinero.logs import Lines, get_logger

logger = get_logger("django_dinero")


class _Signal(Signal):
    """A signal whose receivers' failures are logged by :func:`send` alone."""

    def _log_robust_failure(self, receiver: object, err: Exception) -> None:
        # Django would log the error as it is: its text may quote a gateway, and break the line.
        pass


#: The gateway has a customer's row as it is here. ``created`` says whether it is new there.
customer_pushed = _Signal()
#: A customer that was deleted here is now gone at the gateway.
customer_deleted = _Signal()
#: The gateway has a card's row as it is here. ``created`` says whether it is new there.
card_pushed = _Signal()
#: A card that was deleted here is now gone at the gateway.
card_deleted = _Signal()
#: A push was refused, got no answer, or waits for an operation on something else, and its row says
#: so. If a delete failed, ``instance`` is its operation.
push_failed = _Signal()
#: A charge or an authorization was approved.
charged = _Signal()
#: A charge, authorization, capture, void or refund was declined, held or refused, or it waits for
#: the cardholder. ``error`` is the exception that the caller gets.
charge_failed = _Signal()
#: An authorization was captured, wholly or in part.
captured = _Signal()
#: A charge or an authorization was voided.
voided = _Signal()
#: A charge was refunded, wholly or in part.
refunded = _Signal()
#: The bank has paid a transaction out.
settled = _Signal()
#: An authorization ran out before it was captured.
expired = _Signal()
#: The bank took back a payment that it had paid out.
returned = _Signal()
#: The cardholder disputes a payment.
charged_back = _Signal()
#: An approved payment or refund does not stand any more: it was voided in the gateway's own pages,
#: or failed when the bank was to settle it.
canceled = _Signal()
#: A charge succeeded, and a rollback of the caller took its row. The row was written again. Sent at
#: least once: a run that was killed while it told is followed by one that tells again.
charge_orphaned = _Signal()
#: The gateway made after all what was proven absent, or had failed without an answer.
landed_late = _Signal()
#: Our books and the gateway's disagree about something new.
difference_found = _Signal()
#: The gateway told of an object by a webhook, and its row is as the gateway has it now. Sent at
#: least once: the event is ended after its receivers have run.
webhook_applied = _Signal()
#: An operation of the journal changed its state.
operation_changed = _Signal()


def send(signal: Signal, sender: type[Any], **arguments: Any) -> None:
    """Send a signal. A receiver's exception is logged, because the event has already happened."""
    for receiver, answer in signal.send_robust(sender=sender, **arguments):
        if isinstance(answer, Exception):
            logger.error(
                "A receiver of %s failed: %r: %r\n%s",
                sender.__name__,
                receiver,
                answer,
                Lines("".join(traceback.format_tb(answer.__traceback__))),
            )
