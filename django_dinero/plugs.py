"""What ``AppConfig.ready()`` plugs in: services into the hooks, receivers, system checks."""

from __future__ import annotations

from django_dinero import checks, hooks, receivers

#: By path, see :mod:`django_dinero.hooks`. A test imports every one of them.
SERVICES = {
    # What models call.
    "create_customer": "django_dinero.services.vault.create_customer",
    "retrieve_customer": "django_dinero.services.vault.retrieve_customer",
    "limits_of": "django_dinero.services.vault.limits_of",
    "add_card": "django_dinero.services.vaultcards.add_card",
    "store_card": "django_dinero.services.vaultcards.store_card",
    "charge": "django_dinero.services.charges.charge",
    "settle": "django_dinero.services.followups.settle",
    "refund": "django_dinero.services.followups.refund",
    "void": "django_dinero.services.followups.void",
    "resolve_held": "django_dinero.services.holds.resolve_held",
    "retrieve_transaction": "django_dinero.services.remote.retrieve",
    # What receivers call.
    "push_customer": "django_dinero.services.outbox.push_customer",
    "push_card": "django_dinero.services.outbox.push_card",
    "bury": "django_dinero.services.deletes.bury",
    "push_delete": "django_dinero.services.deletes.push_delete",
}


def connect() -> None:
    """Connect everything. Doing it twice changes nothing."""
    hooks.provide(**SERVICES)
    receivers.connect()
    checks.connect()
