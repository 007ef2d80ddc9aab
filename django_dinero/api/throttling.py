"""Separate rates for what card testers do: store cards, and charge them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.settings import api_settings
from rest_framework.throttling import ScopedRateThrottle

#: Names for the project's ``DEFAULT_THROTTLE_RATES``, by action; without a rate there is no limit.
SCOPES = {"create": "dinero-store", "cards": "dinero-store", "charge": "dinero-charge"}


class ActionThrottle(ScopedRateThrottle):
    """Counts the requests of a user for each scope, beside whatever the project counts."""

    # Not throttle_scope: where the project throttles by scopes, it has no rate for ours.
    scope_attr = "dinero_throttle"

    def get_rate(self) -> str | None:
        """Return the project's rate, None where it has none."""
        rates: Mapping[str, Any] = api_settings.DEFAULT_THROTTLE_RATES
        rate: str | None = rates.get(self.scope or "")
        return rate
