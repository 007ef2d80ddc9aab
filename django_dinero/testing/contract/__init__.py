"""The contract suite: what django-dinero expects of a gateway, as tests to inherit.

Whoever writes a backend subclasses :class:`GatewayContract` in their own test-suite::

    class TestMyGateway(GatewayContract):
        gateway_class = MyGateway
        options = {"api_key": "..."}
        without = ("impostor", "make_webhook")

        def settle_batch(self, gateway):
            gateway.test_account.close_batch()

Each verb that the backend has is tested against what the interface promises; each one that it
lacks must say so. The hooks that can be overridden are those of :class:`ContractBase`.
"""

from __future__ import annotations

from django_dinero.testing.contract.base import ContractBase
from django_dinero.testing.contract.cards import CardContract
from django_dinero.testing.contract.followups import FollowUpContract
from django_dinero.testing.contract.interface import InterfaceContract
from django_dinero.testing.contract.lookup import ListContract, LookupContract
from django_dinero.testing.contract.money import MoneyContract
from django_dinero.testing.contract.vault import VaultContract

__all__ = ["ContractBase", "GatewayContract"]


class GatewayContract(
    InterfaceContract,
    VaultContract,
    CardContract,
    MoneyContract,
    FollowUpContract,
    LookupContract,
    ListContract,
):
    """All parts of the contract in one class."""
