"""What one worker of the shop does: the verbs of its plan, until they are done or it is killed."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Any

from django.db import transaction

from django_dinero.exceptions import DineroError, NotSent, OperationInProgress, OutcomeUnknown
from django_dinero.models import Customer, Transaction
from tests.faults import asking, picks
from tests.faults.asked import CARD
from tests.faults.rivals import RIVALS
from tests.faults.stored import Stored
from tests.faults.telling import raised

#: The test bank's zip code of a partial approval.
APPROVED_IN_PART = "46225"
#: So many do something for one customer at the same moment.
RIVALS_AT_ONCE = 3


class Shop(Stored):
    """The verbs of a worker, each decided by the plan and by the rows that are there."""

    # -- Money -----------------------------------------------------------------------------------

    def charge(self) -> Transaction | None:
        """Charge or authorize."""
        return self._pay(settle=self._now_and_then(0.7))

    def charge_now(self) -> Transaction | None:
        """Charge."""
        return self._pay(settle=True)

    def authorize(self) -> Transaction | None:
        """Authorize."""
        return self._pay(settle=False)

    def _pay(self, *, settle: bool) -> Transaction | None:
        """Pay as a shop does: again with the same key until it is clear."""
        customer = picks.customer(self.random) or self._first()
        price = self._price()
        how: dict[str, Any] = {"settle": settle, "idempotency_key": self._key()}
        self.begin(customer, price=price, **how)
        failure: DineroError
        for _attempt in range(self.random.randint(1, 3)):
            try:
                return Transaction.create(price, customer=customer, **how)
            except (NotSent, OutcomeUnknown, OperationInProgress) as error:
                self.tell("attempt failed", **raised(error))
                failure = error
        raise failure

    def charge_in_a_transaction(self) -> Transaction | None:
        """Charge in a transaction, which is rolled back now and then; SQLite refuses that."""
        customer = picks.customer(self.random) or self._first()
        price, key, back = self._price(), self._key(), self._now_and_then(0.4)
        self.begin(customer, price=price, idempotency_key=key, rolled_back=back)
        with contextlib.suppress(asking.ChangedMyMindError), transaction.atomic():
            row = Transaction.create(price, customer=customer, idempotency_key=key)
            if back:
                raise asking.ChangedMyMindError
            return row
        return None

    def charge_on_commit(self) -> Transaction | None:
        """Charge right after a transaction, which is rolled back now and then."""
        customer = picks.customer(self.random) or self._first()
        price, key, back = self._price(), self._key(), self._now_and_then(0.3)
        self.begin(customer, price=price, idempotency_key=key, rolled_back=back)
        with contextlib.suppress(asking.ChangedMyMindError), transaction.atomic():
            pending = Transaction.charge_on_commit(price, customer=customer, idempotency_key=key)
            if back:
                raise asking.ChangedMyMindError
        if pending.error is not None:
            raise pending.error
        return pending.transaction

    def submit_twice(self) -> list[object]:
        """Send one order several times at the same moment, as an impatient hand does."""
        customer = picks.customer(self.random) or self._first()
        price, key = self._price(), self._key()
        self.begin(customer, price=price, idempotency_key=key)

        def submit() -> Transaction:
            owner = Customer.objects.get(pk=customer.pk)
            return Transaction.create(price, customer=owner, idempotency_key=key)

        return self._at_once(*[submit] * RIVALS_AT_ONCE)

    def race(self) -> list[object]:
        """Let several do something for one customer at the same moment."""
        customer = picks.customer(self.random) or self._first()
        drawn = self.random.choices(list(RIVALS), k=RIVALS_AT_ONCE)
        self.begin(customer, rivals=[rival.__name__ for rival in drawn])
        return self._at_once(
            *(
                partial(rival, customer.pk, self.share.chance((self._verb["n"], place)))
                for place, rival in enumerate(drawn)
            )
        )

    # -- After a payment -------------------------------------------------------------------------

    def charge_part(self) -> Transaction:
        """Charge a guest of whose amount the issuer approves a part, which is given back."""
        price = self._price(least=200)
        self.begin(price=price)
        return Transaction.create(price, **CARD, zip=APPROVED_IN_PART)

    def decide(self) -> Transaction | None:
        """Approve or decline what the bank holds."""
        row = picks.row(self.random, status="held")
        if row is None:
            return None
        yes = self._now_and_then(0.6)
        self.begin(row, approve=yes)
        return row.approve() if yes else row.decline()

    def capture(self) -> Transaction | None:
        """Capture a random authorization, all of it or a part."""
        row = picks.row(self.random, kind="authorization", status="approved")
        if row is None:
            return None
        part = f"{float(row.price) / 2:.2f}" if self._now_and_then(0.5) else None
        self.begin(row, part=part)
        return row.settle(part)

    def void(self) -> Transaction | None:
        """Void something."""
        row = picks.row(self.random, status="approved", kind__in=["charge", "authorization"])
        if row is None:
            return None
        self.begin(row)
        return row.void()

    def refund(self) -> Transaction | None:
        """Refund something, all of it or a part."""
        return self._refund(status__in=["approved", "settled"])

    def refund_settled(self) -> Transaction | None:
        """Refund what has settled, all of it or a part."""
        return self._refund(status="settled")

    def _refund(self, **wanted: Any) -> Transaction | None:
        row = picks.row(self.random, kind__in=["charge", "capture"], **wanted)
        if row is None:
            return None
        part = "0.50" if self._now_and_then(0.5) else None
        self.begin(row, part=part)
        return row.refund(part)
