"""The services that models call. Only this file of the models imports upward.

A method such as ``transaction.refund()`` is carried out by a service, and services are a layer
above the models. A test ensures that no other model file imports a service. Each service module is
loaded on first use: the services import the gateway interface, and a process that never calls a
gateway (``migrate``, a worker for other queues) would start more slowly for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_dinero.services import modes
    from django_dinero.services.payments import charge as charges
    from django_dinero.services.payments import charge_later as later_charges
    from django_dinero.services.payments import followups, reviews
    from django_dinero.services.pull import transactions as pulled_transactions
    from django_dinero.services.reconcile import differences
    from django_dinero.services.recovery import closing, lookup
    from django_dinero.services.vault import cards, customers, deletions, push
    from django_dinero.services.webhooks import applying as webhooks
else:
    from functools import partial
    from importlib import import_module

    from django.apps import apps
    from django.utils.functional import SimpleLazyObject

    def _load(name):
        if not (apps.models_ready and apps.is_installed("django_dinero")):
            raise RuntimeError(
                "django_dinero is not ready: put 'django_dinero' into INSTALLED_APPS and call "
                "django.setup() first."
            )
        return import_module(f"django_dinero.services.{name}")

    def _lazy(name):
        return SimpleLazyObject(partial(_load, name))

    modes = _lazy("modes")
    charges = _lazy("payments.charge")
    later_charges = _lazy("payments.charge_later")
    followups = _lazy("payments.followups")
    reviews = _lazy("payments.reviews")
    pulled_transactions = _lazy("pull.transactions")
    closing = _lazy("recovery.closing")
    lookup = _lazy("recovery.lookup")
    cards = _lazy("vault.cards")
    customers = _lazy("vault.customers")
    deletions = _lazy("vault.deletions")
    differences = _lazy("reconcile.differences")
    push = _lazy("vault.push")
    webhooks = _lazy("webhooks.applying")

__all__ = [
    "cards",
    "charges",
    "closing",
    "customers",
    "deletions",
    "differences",
    "followups",
    "later_charges",
    "lookup",
    "modes",
    "pulled_transactions",
    "push",
    "reviews",
    "webhooks",
]
