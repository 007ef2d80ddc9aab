"""Fetch a customer: a snapshot of our rows, then the gateway's answer, and then the write."""

from __future__ import annotations

from dataclasses import dataclass

from django_dinero.exceptions import CustomerNotFoundError
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.types import RemoteCustomer
from django_dinero.models.customer import Customer
from django_dinero.models.mode import Account
from django_dinero.services.errors import read_customer
from django_dinero.services.modes import account_of
from django_dinero.services.pull.customers import write_customer
from django_dinero.services.pull.gone import mark_gone
from django_dinero.services.pull.owners import OwnerOf
from django_dinero.services.pull.snapshot import Snapshot, take_snapshot


@dataclass(frozen=True, slots=True)
class Fetched:
    """A customer as the gateway has it, and as it was here before the gateway was asked.

    Attributes:
        snapshot: our rows as they were.
        answer: what the gateway has, or its word that it has no such customer.
    """

    account: Account
    snapshot: Snapshot
    answer: RemoteCustomer | CustomerNotFoundError

    @property
    def row(self) -> Customer | None:
        """The row as it was before the gateway was asked; None if there was none."""
        return self.snapshot.customer

    @property
    def remote(self) -> RemoteCustomer | None:
        """What the gateway has; None if it has no such customer."""
        return self.answer if isinstance(self.answer, RemoteCustomer) else None

    def write(self, owner_of: OwnerOf | None = None) -> Customer:
        """Write what the gateway has, and return the row; mark one that is gone there as missing.

        Args:
            owner_of: is asked for the owner if the customer has none.

        Raises:
            CustomerNotFoundError: the gateway does not have it, or it was deleted here and is still
                to be deleted there.
        """
        if isinstance(self.answer, RemoteCustomer):
            return write_customer(self.account, self.answer, self.snapshot, owner_of)
        if self.row is not None and not self.row.is_new:  # a gateway may find a new one later
            mark_gone(self.row, self.snapshot.taken)
        raise self.answer


def fetch_customer(gateway: Gateway, customer_id: str) -> Fetched:
    """Ask a gateway for a customer with all cards. Nothing is written yet.

    Raises:
        NotSent, GatewayError: it gave no answer.
    """
    account = account_of(gateway)
    snapshot = take_snapshot(account, customer_id)
    if snapshot.customer is not None:
        gateway.expect(*snapshot.customer.new_ids)
    answer: RemoteCustomer | CustomerNotFoundError
    try:
        answer = read_customer(gateway, customer_id)
    except CustomerNotFoundError as error:
        answer = error
    return Fetched(account, snapshot, answer)
