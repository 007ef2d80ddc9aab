"""What ``AppConfig.ready()`` plugs in: services into the hooks, receivers, system checks."""

from __future__ import annotations

from django_dinero import checks, hooks, receivers
from django_dinero.services import charges, followups, holds, remote, vault, vaultcards


def connect() -> None:
    """Connect everything. Doing it twice changes nothing."""
    hooks.provide(
        create_customer=vault.create_customer,
        retrieve_customer=vault.retrieve_customer,
        limits_of=vault.limits_of,
        add_card=vaultcards.add_card,
        store_card=vaultcards.store_card,
        charge=charges.charge,
        settle=followups.settle,
        refund=followups.refund,
        void=followups.void,
        resolve_held=holds.resolve_held,
        retrieve_transaction=remote.retrieve,
    )
    receivers.connect()
    checks.connect()
