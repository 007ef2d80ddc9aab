"""Signals for users. Receivers run after the fact; one that fails is logged and changes nothing.

======================  ===============================================================
signal                  sent with
======================  ===============================================================
``customer_pushed``     ``customer``, ``created``: the gateway has the row as it is
``customer_deleted``    ``gateway_name``, ``customer_id``: gone at the gateway
``card_pushed``         ``card``, ``created``
``card_deleted``        ``gateway_name``, ``customer_id``, ``card_id``
``push_failed``         ``instance``, ``error``: refused, or no answer; the row is marked.
                        Where a delete failed, ``instance`` is its operation
``charged``             ``transaction``: a charge or an authorization was approved
``charge_failed``       ``transaction``, ``error``: declined, held or refused; a capture, void
                        or refund too
``captured``            ``transaction``: a capture, its ``parent`` the authorization
``voided``              ``transaction``, its ``parent`` what was voided
``refunded``            ``transaction``, its ``parent`` the charge
``operation_changed``   ``operation``, ``old_state``, ``new_state``: every step of the journal
======================  ===============================================================

The sender is the model class that the name speaks of; that of ``instance`` for ``push_failed``.
An outcome that is looked up after its answer was lost sends ``operation_changed`` alone.
"""

from __future__ import annotations

import logging
from typing import Any

from django.dispatch import Signal

logger = logging.getLogger("django_dinero")

customer_pushed = Signal()
customer_deleted = Signal()
card_pushed = Signal()
card_deleted = Signal()
push_failed = Signal()
charged = Signal()
charge_failed = Signal()
captured = Signal()
voided = Signal()
refunded = Signal()
operation_changed = Signal()


def send(signal: Signal, sender: type[Any], **arguments: Any) -> None:
    """Send a signal; a receiver's exception is logged, since what it reports has happened."""
    for receiver, answer in signal.send_robust(sender=sender, **arguments):
        if isinstance(answer, Exception):
            logger.error("A receiver of %s failed: %r: %s", sender.__name__, receiver, answer)
