"""What is asked of transactions: what an order was paid with, and how often that was tried."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Self, TypeVar

from django.db import models, router
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from django_dinero import conf
from django_dinero.enums import TransactionKind
from django_dinero.exceptions import InvalidInput
from django_dinero.models import _services
from django_dinero.models.money_left import has_money_left
from django_dinero.models.operation import CHARGES, Operation, OperationState
from django_dinero.models.order_lock import named_order, of_the_shop, order_lock_names
from django_dinero.models.transaction_status import COUNTED, TAKEN, UNDECIDED

RowT = TypeVar("RowT", bound=models.Model)


class TransactionQuerySet(models.QuerySet[RowT]):
    """Transactions, and the questions that a shop asks of an order."""

    def paid_for(self, order_reference: str | OuterRef, *, gateway_name: str | None = None) -> Self:
        """Return the charges and authorizations that an order was paid with.

        Those count that were approved, and those that are still to be decided: held for review, or
        waiting for the card's holder. One that was refunded altogether does not. What a test
        account took pays nothing where real money moves. Asked of the database that is written to,
        unless another is named: a replica may not know yet that the order is paid.

        Args:
            order_reference: as it was passed to the charge; or the column of an outer query.
            gateway_name: where it would be paid. Without it test payments count as long as no
                configured gateway is a live one. With a resolver it has to be named: a gateway that
                the resolver knows is a tenant's, and only what it took itself counts. For one of
                the settings all count that were there when they took it.

        Raises:
            InvalidInput: the reference is blank, or the gateway is not named.
        """
        rows = self._written()
        left = has_money_left(self.model._default_manager.using(rows.db), COUNTED, TAKEN)
        paid = rows._started_for(order_reference, gateway_name)
        paid = paid.filter(left, status__in=(*COUNTED, *UNDECIDED))
        modes = _services.modes
        live = modes.is_live(gateway_name) if gateway_name else modes.any_live()
        return paid.filter(live=True) if live else paid

    def next_attempt(self, order_reference: str, *, gateway_name: str | None = None) -> int:
        """Return the number of the next attempt to pay an order, from 1.

        Attempts that were closed by hand count too: a person has found that they paid nothing, and
        their keys stay taken. So does one whose payment was moved to another order since.

        Ask for it before :meth:`paid_for`. Then either the look finds what was paid meanwhile, or
        whoever is paying at this moment has the same number, and with it the same idempotency key.

        Args:
            order_reference: as it is passed to the charges.
            gateway_name: where it would be paid, as for :meth:`paid_for`.

        Raises:
            InvalidInput: the reference is blank, or the gateway is not named.
        """
        rows = self._written()
        name = named_order(order_reference)
        found = rows._started_for(name, gateway_name).order_by()
        kept = list(found.values_list("operation_key", flat=True))
        attempts = rows._attempts(name, gateway_name, [key for key in kept if key])
        own = [key for key, reference in attempts.items() if reference == name]
        return len(own) + sum(key not in attempts for key in kept) + 1

    def _attempts(
        self, name: str, gateway_name: str | None, kept: Collection[str]
    ) -> Mapping[str, str]:
        """Return the keys of attempts to pay an order, each with the order that it was begun for.

        What an operation was begun for stays, and the caller has named its idempotency key after
        it. The reference of its row may be changed. Counted by that, a number would come twice: its
        key would get an answer of the past.

        Args:
            name: the order's.
            gateway_name: where it would be paid.
            kept: the keys of the rows that have its reference now.
        """
        row = self.model._default_manager.using(self.db).filter(operation_key=OuterRef("key"))
        is_closed = Q(rare_state=OperationState.CLOSED)
        lock_names = order_lock_names(name, gateway_name)
        begun = Q(Exists(row) | is_closed, lock_name__in=lock_names)
        closed = is_closed & Q(_of_one_shop(gateway_name), intent__order_reference=name)
        operations = Operation.objects.using(self.db).order_by()
        found = operations.filter(begun | closed | Q(key__in=kept))
        # The reference is compared by whoever asks: some databases overlook case in what JSON
        # holds. The kind is no condition: SQLite would read all charges by an index that begins
        # with it.
        return {
            key: intent.get("order_reference") or name
            for key, kind, intent in found.values_list("key", "kind", "intent")
            if kind in CHARGES
        }

    def _written(self) -> Self:
        return self if self._db else self.using(router.db_for_write(self.model))  # type: ignore[attr-defined]

    def _started_for(self, order_reference: str | OuterRef, gateway_name: str | None) -> Self:
        if not isinstance(order_reference, OuterRef):
            order_reference = named_order(order_reference)
        kinds = (TransactionKind.CHARGE, TransactionKind.AUTHORIZATION)
        shop = _of_one_shop(gateway_name)
        if conf.gateway_resolver() and gateway_name in conf.gateways():
            shop |= self._taken_for_the_shop()
        return self.filter(shop, order_reference=order_reference, kind__in=kinds)

    def _taken_for_the_shop(self) -> Q:
        """Return the condition for what was taken under a name that is in the settings no more.

        Its name alone could be a tenant's by now; its operation tells for whom it was taken.
        """
        operations = Operation.objects.using(self.db).filter(key=OuterRef("operation_key"))
        return Q(Exists(operations.filter(of_the_shop())))


def _of_one_shop(gateway_name: str | None) -> Q:
    """Leave out the orders of other tenants: two of them may both have an order 1001.

    Raises:
        InvalidInput: it is not known whose order it is.
    """
    if not conf.gateway_resolver():
        return Q()
    if not gateway_name:
        text = _("Name the gateway: each tenant has orders of its own.")
        raise InvalidInput({"gateway_name": str(text)})
    shared = conf.gateways()
    names = list(shared) if gateway_name in shared else [gateway_name]
    return Q(gateway_name__in=names)
