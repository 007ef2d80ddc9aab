"""Signals for projects. Receivers run after the fact; an error in one is logged and ignored.

======================  ===============================================================
signal                  sent with
======================  ===============================================================
``customer_pushed``     ``customer``, ``created``
``customer_deleted``    ``gateway_name``, ``customer_id``
``card_pushed``         ``card``, ``created``
``card_deleted``        ``gateway_name``, ``customer_id``, ``card_id``
``push_failed``         ``instance``, ``error``
``charged``             ``transaction``
``charge_failed``       ``transaction``, ``error``
``captured``            ``transaction``, whose ``parent`` is the authorization
``voided``              ``transaction``, whose ``parent`` is what was voided
``refunded``            ``transaction``, whose ``parent`` is the charge
``operation_changed``   ``operation``, ``old_state``, ``new_state``
======================  ===============================================================

The sender is the model class in the signal's name, and for ``push_failed`` the class of
``instance``. If an answer was lost, the look-up that finds a payment sends the signals of its
ledger row. A look-up that finds a customer or a card sends ``operation_changed`` alone.
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
#: A push was refused or got no answer, and its row is marked. If a delete failed, ``instance`` is
#: its operation.
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
