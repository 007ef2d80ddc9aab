"""A charge that is made right after the commit of the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_dinero.exceptions import DineroError
    from django_dinero.models.transaction import Transaction


@dataclass(slots=True)
class PendingCharge:
    """What :meth:`Customer.charge_on_commit` returns; filled in after the commit.

    Attributes:
        operation_key: of the operation, which is committed together with the caller's rows.
        transaction: the ledger row, of a refused charge too; None before there is one.
        error: why it was not approved; it is never raised.
    """

    operation_key: str
    transaction: Transaction | None = None
    error: DineroError | None = None

    @property
    def is_done(self) -> bool:
        """Whether it was tried. After a rollback it never is."""
        return self.transaction is not None or self.error is not None
