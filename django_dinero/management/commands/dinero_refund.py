"""Refund a payment."""

from __future__ import annotations

from django_dinero.enums import TransactionKind
from django_dinero.management.follow_up import FollowUpCommand


class Command(FollowUpCommand):
    """``manage.py dinero_refund ID --amount 5.00 --reason "arrived broken"``."""

    help = "Gives a payment back, all that is left of it or a part."
    verb = "refund"
    kinds = (TransactionKind.CHARGE, TransactionKind.CAPTURE)
    takes_amount = True
