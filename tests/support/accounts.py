"""The accounts that gateway names stand for in tests."""

from __future__ import annotations

from django_dinero.models.mode import Account

#: What ``"default"`` stands for: the test bank.
DEFAULT = Account("default", live=False)
