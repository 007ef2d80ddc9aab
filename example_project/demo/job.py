"""The whole main job, step by step, as a shop's own code would do it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

from django.utils import timezone

from django_dinero.exceptions import (
    CardDeclinedError,
    CustomerNotFoundError,
    CVVError,
    DineroError,
    DuplicateCardError,
    RefundError,
)
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import LookupHints, Refusal, RemoteCustomer
from django_dinero.models import CreditCard, Customer, Transaction
from example_project.demo import bad_day
from example_project.demo.columns import Columns

GATEWAY = "authorizenet"
NEXT_YEAR = timezone.now().year + 1
HOME: dict[str, Any] = {
    "address": "123 Elm St",
    "city": "Denver",
    "state": "CO",
    "zip": "80202",
    "country": "US",
}
VISA: dict[str, Any] = {
    "number": "4111 1111 1111 1111",
    "cvv": "900",
    "month": 12,
    "year": NEXT_YEAR,
}
MASTERCARD: dict[str, Any] = {
    "number": "5424-0000-0000-0015",
    "cvv": "900",
    "month": 6,
    "year": NEXT_YEAR,
}

T = TypeVar("T")


class StepFailed(Exception):
    """A step did not end as it should."""


class Job:
    """Runs the steps on one gateway and prints each; the first one that goes wrong raises.

    Args:
        columns: where the steps are printed.
        control: address of the bank's levers, with which the day can be ended.
    """

    def __init__(self, columns: Columns, control: str) -> None:
        self.columns = columns
        self.control = control

    def run(self) -> None:
        """Do it all.

        Raises:
            StepFailed: an answer was not the expected one.
            DineroError: an answer was a refusal that was not expected.
        """
        customer = self.store()
        paid = self.pay(customer)
        self.refusals(customer)
        self.settle_and_refund(paid)
        self.bad_day(customer)
        self.delete(customer)

    # -- Customers and cards --------------------------------------------------------------------

    def store(self) -> Customer:
        """Create, add, edit, and read back what the gateway has."""
        self.columns.heading("CUSTOMERS AND CARDS", "what the gateway answered")
        customer = self.do(
            'Customer.create("bill@example.com", first_name="Bill", number="4111 1111 1111 1111", '
            f'cvv="900", month=12, year={NEXT_YEAR}, address="123 Elm St", zip="80202", …)',
            lambda: Customer.create(
                "bill@example.com",
                first_name="Bill",
                last_name="Smith",
                gateway_name=GATEWAY,
                **VISA,
                **HOME,
            ),
            lambda c: f"customer {c.customer_id}, card {c.card_id}: {c.cards[0]}",
        )
        second = self.do(
            'customer.add_card(number="5424-0000-0000-0015", cvv="900", month=6, …)',
            lambda: customer.add_card(first_name="Bill", last_name="Smith", **MASTERCARD, **HOME),
            lambda card: f"card {card.card_id}: {card}",
        )
        self.refused(
            "customer.add_card(the same card again)",
            DuplicateCardError,
            lambda: customer.add_card(first_name="Bill", last_name="Smith", **MASTERCARD, **HOME),
            lambda error: f"it has it as card_id {error.card_id}",
        )
        self.edit(customer, second)
        return customer

    def edit(self, customer: Customer, card: CreditCard) -> None:
        """Change both, and let the gateway say what it has now."""
        customer.email = "fred@example.com"
        self.do(
            'customer.email = "fred@example.com"; customer.save()',
            customer.save,
            lambda _: f"pushed: {customer.get_sync_state_display()}",
        )
        card.address, card.zip, card.month = "9 Oak Ave", "80203", 9
        self.do(
            'card.address, card.zip, card.month = "9 Oak Ave", "80203", 9; card.save()',
            card.save,
            lambda _: f"pushed: {card.get_sync_state_display()}",
        )
        remote = self.do(
            "get_gateway(…).retrieve_customer(customer_id)",
            lambda: self.at_the_gateway(str(customer.customer_id)),
            lambda r: (
                f"{r.email}; "
                + ", ".join(
                    f"•••• {c.last_4} {c.address.address} {c.month}/{c.year}" for c in r.cards
                )
            ),
        )
        edited = {c.card_id: (c.address.address, c.address.zip, c.month) for c in remote.cards}
        self.expect(remote.email, "fred@example.com")
        self.expect(edited[card.card_id], ("9 Oak Ave", "80203", 9))
        again = self.do(
            "Customer.retrieve(customer.customer_id)",
            lambda: Customer.retrieve(str(customer.customer_id), gateway_name=GATEWAY),
            lambda c: f"{c.email}, {len(c.cards)} cards, the same row: {c.pk == customer.pk}",
        )
        self.expect((again.pk, again.email, len(again.cards)), (customer.pk, customer.email, 2))

    # -- Money ----------------------------------------------------------------------------------

    def pay(self, customer: Customer) -> list[Transaction]:
        """Charge, authorize, settle, void; return what is left to refund."""
        self.columns.heading("MONEY")
        charge = self.do(
            'Transaction.create(price="25.00", customer=customer)',
            lambda: Transaction.create(price="25.00", customer=customer),
            self.shown,
        )
        self.twice(customer)
        other = customer.cards[1]
        authorization = self.do(
            'Transaction.create(price="80.00", card=customer.cards[1], settle=False)',
            lambda: Transaction.create(price="80.00", card=other, settle=False),
            self.shown,
        )
        capture = self.do(
            'transaction.settle("60.00")', lambda: authorization.settle("60.00"), self.shown
        )
        for settle, price in ((True, "7.50"), (False, "15.00")):
            made = self.do(
                f'Transaction.create(price="{price}", customer=customer, settle={settle})',
                lambda settle=settle, price=price: Transaction.create(  # type: ignore[misc]
                    price=price, customer=customer, settle=settle
                ),
                self.shown,
            )
            self.do("transaction.void()", made.void, self.shown)
        return [charge, capture]

    def twice(self, customer: Customer) -> None:
        """The same idempotency key twice: one charge at the bank."""
        call = (
            'Transaction.create(price="12.34", customer=customer, idempotency_key="order-1001-1")'
        )

        def charge() -> Transaction:
            return Transaction.create(
                price="12.34",
                customer=customer,
                idempotency_key="order-1001-1",
                order_reference="1001",
            )

        first = self.do(call, charge, self.shown)
        since = timezone.now() - datetime.timedelta(hours=1)
        again = self.do(
            "the same call again",
            charge,
            lambda row: (
                f"the same row: transaction {row.transaction_id}, "
                f"{self.at_the_bank(row, since)} charge at the bank"
            ),
        )
        self.expect((again.pk, self.at_the_bank(first, since)), (first.pk, 1))

    def at_the_bank(self, row: Transaction, since: datetime.datetime) -> int:
        """Count what the gateway has under the key of a row's operation."""
        hints = LookupHints(kind="charge", since=since, amount=Decimal(row.price))
        return len(get_gateway(GATEWAY).find_operation(row.operation_key or "", hints).matches)

    def refusals(self, customer: Customer) -> None:
        """A decline and a CVV that does not match: each an exception, and a row in the books."""
        self.columns.heading("REFUSALS")
        self.refused(
            'Transaction.create(price="30.00", number=…, zip="46282")',
            CardDeclinedError,
            lambda: Transaction.create(
                price="30.00", gateway_name=GATEWAY, **VISA, **(HOME | {"zip": "46282"})
            ),
            lambda error: f"{error.message} The row: {error.transaction}",
        )
        self.refused(
            'Transaction.create(price="31.00", customer=customer, cvv="901")',
            CVVError,
            lambda: Transaction.create(price="31.00", customer=customer, cvv="901"),
            lambda error: f"{error.message} The row: {error.transaction}",
        )

    def settle_and_refund(self, paid: list[Transaction]) -> None:
        """Refunds need the bank's evening: before it a part cannot be given back."""
        charge, capture = paid
        self.columns.heading("THE BANK SETTLES; REFUNDS")
        self.refused(
            'charge.refund("10.00")',
            RefundError,
            lambda: charge.refund("10.00"),
            lambda e: e.message,
        )
        self.do("(the bank's clock: end of the day)", self.end_the_day, str)
        self.do(
            "Transaction.retrieve(charge.transaction_id)",
            lambda: Transaction.retrieve(str(charge.transaction_id), gateway_name=GATEWAY),
            lambda row: str(row),
        )
        charge.refresh_from_db()
        self.expect(charge.get_status_display(), "settled")
        self.do('charge.refund("10.00")', lambda: charge.refund("10.00"), self.shown)
        self.do(
            "charge.refund()",
            charge.refund,
            lambda row: f"{self.shown(row)}, {charge.refunded_amount:.2f} in all",
        )
        self.expect(charge.refunded_amount, Decimal("25.00"))
        self.do('capture.refund("5.00")', lambda: capture.refund("5.00"), self.shown)

    def end_the_day(self) -> str:
        """Tell the bank to settle what it holds; say how much that was."""
        batch = bad_day.call_control(self.control, "settle")
        return f"batch {batch['batch']}: {batch['count']} settled"

    def bad_day(self, customer: Customer) -> None:
        """A worker is killed while the bank charges; then staff void in the gateway's pages."""
        seconds = get_gateway(GATEWAY).lease_seconds
        self.columns.heading(f"A WORKER IS KILLED (lease: {seconds:g} s here, minutes otherwise)")
        operation = self.do(
            'Transaction.create(price="42.00", customer=customer)  # kill -9 before the answer',
            lambda: bad_day.kill_a_worker(self.control, customer, GATEWAY),
            lambda left: (
                f"operation {left.key} is {left.state}; "
                f"{bad_day.at_the_bank(left, GATEWAY)} charge at the bank, no row here"
            ),
        )
        rows = Transaction.objects.filter(operation_key=operation.key)
        self.expect(rows.count(), 0)
        self.do(
            f"manage.py dinero_reconcile --gateway {GATEWAY}",
            lambda: bad_day.reconcile(GATEWAY),
            str,
        )
        row = self.do("Transaction.objects.get(operation_key=…)", rows.get, self.shown)
        self.expect(bad_day.at_the_bank(operation, GATEWAY), 1)
        voided = self.do(
            "(somebody voids it in the gateway's own pages; its webhook tells)",
            lambda: bad_day.void_at_the_gateway(row),
            self.shown,
        )
        self.expect(voided.get_status_display(), "voided")

    def delete(self, customer: Customer) -> None:
        """Cards and customers go, here and there; the books stay."""
        self.columns.heading("DELETING")
        customer_id, card = str(customer.customer_id), customer.cards[1]
        self.do(
            "customer.cards[1].delete()",
            card.delete,
            lambda _: f"gone; the gateway has {self.cards_left(customer_id)} card",
        )
        self.expect(self.cards_left(customer_id), 1)
        self.do("customer.delete()", customer.delete, lambda _: "gone")
        self.refused(
            f'Customer.retrieve("{customer_id}")',
            CustomerNotFoundError,
            lambda: Customer.retrieve(customer_id, gateway_name=GATEWAY),
            lambda error: error.message,
        )
        rows = Transaction.objects.filter(customer_id=customer_id)
        self.do(
            "Transaction.objects.filter(customer_id=…)",
            lambda: list(rows),
            lambda found: f"{len(found)} rows: the books stay",
        )

    def cards_left(self, customer_id: str) -> int:
        """Count the cards that the gateway has."""
        return len(self.at_the_gateway(customer_id).cards)

    @staticmethod
    def at_the_gateway(customer_id: str) -> RemoteCustomer:
        """Return what the gateway has, past the rows here."""
        answer = get_gateway(GATEWAY).retrieve_customer(customer_id)
        if isinstance(answer, Refusal):
            raise StepFailed(f"The gateway has no customer {customer_id}: {answer}")
        return answer

    # -- Telling --------------------------------------------------------------------------------

    def do(self, call: str, function: Callable[[], T], answer: Callable[[T], str]) -> T:
        """Run a step that must succeed, and print it."""
        try:
            result = function()
        except DineroError as error:
            self.columns.row(call, f"{type(error).__name__}: {error}")
            raise
        self.columns.row(call, answer(result))
        return result

    def refused(
        self,
        call: str,
        expected: type[DineroError],
        function: Callable[[], object],
        answer: Callable[[Any], str],
    ) -> None:
        """Run a step that must be refused in one way, and print it."""
        try:
            function()
        except expected as error:
            self.columns.row(call, f"{type(error).__name__}: {answer(error)}")
            return
        self.columns.row(call, "it was not refused")
        raise StepFailed(f"{call} should have raised {expected.__name__}")

    def expect(self, found: object, wanted: object) -> None:
        """Raise :class:`StepFailed` if the last step left something else than it should."""
        if found != wanted:
            self.columns.row("", f"expected {wanted!r}, found {found!r}")
            raise StepFailed(f"expected {wanted!r}, found {found!r}")

    @staticmethod
    def shown(row: Transaction) -> str:
        """Return a row of the books in one line."""
        parts = [f"{row.transaction_id}: {row}", f"•••• {row.last_4}"]
        if row.auth_code:
            parts.append(f"auth {row.auth_code}, AVS {row.avs or '-'}, CVV {row.cvv or '-'}")
        return ", ".join(parts)
