"""The contract suite: tests of what django-dinero expects from a gateway backend.

The author of a backend subclasses :class:`GatewayContract` in a test suite of their own::

    class TestMyGateway(GatewayContract):
        gateway_class = MyGateway
        options = {"api_key": "..."}
        without = ("impostor", "make_webhook")

        def settle_batch(self, gateway):
            gateway.test_account.close_batch()

Each verb of the backend is tested against the interface, and each missing verb must be declared.
:class:`ContractBase` has the hooks that can be overridden.
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
