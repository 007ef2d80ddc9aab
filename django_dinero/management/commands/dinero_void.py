"""Void a payment before the bank settles it."""

from __future__ import annotations

from django_dinero.enums import TransactionKind
from django_dinero.management.follow_up import FollowUpCommand


class Command(FollowUpCommand):
    """``manage.py dinero_void ID``."""

    help = "Cancels a charge or an authorization before the bank settles it."
    verb = "void"
    kinds = (TransactionKind.CHARGE, TransactionKind.AUTHORIZATION)
