"""What ``AppConfig.ready()`` plugs in: services into the hooks, receivers, system checks."""

from __future__ import annotations

from django_dinero import checks, hooks, receivers
from django_dinero.services import charges, followups, holds, remote, vault


def connect() -> None:
    """Connect everything. Doing it twice changes nothing."""
    hooks.provide(
        create_customer=vault.create_customer,
        retrieve_customer=vault.retrieve_customer,
        add_card=vault.add_card,
        prepare_card=vault.prepare_card,
        check_limits=vault.check_limits,
        charge=charges.charge,
        settle=followups.settle,
        refund=followups.refund,
        void=followups.void,
        resolve_held=holds.resolve_held,
        retrieve_transaction=remote.retrieve,
    )
    receivers.connect()
    checks.connect()
