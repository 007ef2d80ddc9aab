"""Capture an authorization."""

from __future__ import annotations

from django_dinero.enums import TransactionKind
from django_dinero.management.follow_up import FollowUpCommand


class Command(FollowUpCommand):
    """``manage.py dinero_capture ID --amount 10.00``."""

    help = "Takes an authorization, all of it or a part."
    verb = "capture"
    kinds = (TransactionKind.AUTHORIZATION,)
    takes_amount = True
