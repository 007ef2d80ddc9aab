"""Card numbers that other software stored at the gateway are not stored here."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from django_dinero.cards import ADDRESS_FIELDS, Address
from django_dinero.enums import RemoteStatus, TransactionKind
from django_dinero.gateways.types import RemoteCard, RemoteCustomer, RemoteTransaction
from django_dinero.models import CreditCard, Customer, Transaction
from django_dinero.services.pull.customers import write_customers
from tests.support import sinks
from tests.support.accounts import DEFAULT
from tests.support.digits import with_check_digit
from tests.support.recording import RecordingGateway, answer

pytestmark = pytest.mark.django_db

NUMBER = "4111111111111111"
MOBILE = f"+{with_check_digit('491511234567')}"


def customer_with(text: str, phone: str = MOBILE) -> RemoteCustomer:
    """A customer of other software's, with one text in every field."""
    texts = {**dict.fromkeys(ADDRESS_FIELDS, text), "phone": phone, "fax": phone}
    card = RemoteCard("c1", "k1", "1111", "visa", 12, 2060, Address(**texts), is_default=True)
    return RemoteCustomer("c1", text[:20], f"{text}@example.com", text, text, (card,))


def retrieve(gateway: RecordingGateway, remote: RemoteCustomer) -> None:
    gateway.faults["retrieve_customer"] = answer(remote)
    Customer.retrieve("c1")


def write(gateway: RecordingGateway, remote: RemoteCustomer) -> None:
    write_customers(DEFAULT, [remote])


WAYS: tuple[Callable[[RecordingGateway, RemoteCustomer], None], ...] = (retrieve, write)


@pytest.mark.parametrize("pull", WAYS)
@pytest.mark.parametrize("again", [False, True], ids=["new rows", "rows that are there"])
def test_a_customer_with_numbers_in_every_text(
    pull: Callable[[RecordingGateway, RemoteCustomer], None], again: bool, gateway: RecordingGateway
) -> None:
    if again:
        pull(gateway, customer_with("Ada"))
    pull(gateway, customer_with(NUMBER, NUMBER))
    assert sinks.found(sinks.every_row() + sinks.every_repr(), [NUMBER]) == []
    customer, card = Customer.objects.get(), CreditCard.objects.get()
    assert (customer.email, customer.first_name) == ("[secret]@example.com", "[secret]")
    assert {getattr(card, name) for name in ADDRESS_FIELDS} == {"[secret]"}
    assert (customer.sync_state, card.sync_state, card.last_4) == ("synced", "synced", "1111")


def test_what_is_no_card_number_is_kept(gateway: RecordingGateway) -> None:
    write_customers(DEFAULT, [customer_with("order 1234567890123")])
    card = CreditCard.objects.get()
    assert (card.phone, card.fax, card.company) == (MOBILE, MOBILE, "order 1234567890123")


def test_a_second_pull_changes_nothing(gateway: RecordingGateway) -> None:
    write_customers(DEFAULT, [customer_with(NUMBER)])
    before = list(Customer.objects.values("updated_at", "customer_key", "version"))
    write_customers(DEFAULT, [customer_with(NUMBER)])
    assert list(Customer.objects.values("updated_at", "customer_key", "version")) == before
    assert len(before[0]["customer_key"]) == 20


def test_a_transaction_with_numbers_in_every_text(gateway: RecordingGateway) -> None:
    remote = RemoteTransaction(
        "9001",
        TransactionKind.CHARGE,
        RemoteStatus.SETTLED,
        Decimal("5.00"),
        "USD",
        auth_code=NUMBER,
        avs=NUMBER,
        cvv=NUMBER,
        brand=NUMBER,
        order_reference=NUMBER,
        description=f"paid with {NUMBER}",
        network_transaction_id=with_check_digit("37000000000012"),
    )
    gateway.faults["retrieve_transaction"] = answer(remote)
    row = Transaction.retrieve("9001")
    assert sinks.found(sinks.every_row() + sinks.every_repr(), [NUMBER]) == []
    assert (row.description, row.order_reference) == ("paid with [secret]", "[secret]")
    assert row.network_transaction_id == remote.network_transaction_id
