"""Webhooks: each event is stored once, and then its object is fetched from the gateway.

Other packages import the names listed here, not the modules.
"""

from __future__ import annotations

from django_dinero.services.webhooks.applying import apply_inline, drain, replay
from django_dinero.services.webhooks.endpoints import list_endpoints, register, remove
from django_dinero.services.webhooks.events import due, store
from django_dinero.services.webhooks.retention import purge
from django_dinero.services.webhooks.strays import count_strays, drain_strays, stray_problem

__all__ = [
    "apply_inline",
    "count_strays",
    "drain",
    "drain_strays",
    "due",
    "list_endpoints",
    "purge",
    "register",
    "remove",
    "replay",
    "store",
    "stray_problem",
]
