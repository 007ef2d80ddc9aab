"""A receipt by e-mail after each approved charge or capture, once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import django
import pytest
from django.core import mail
from django.core.cache import cache
from django.core.cache.backends.dummy import DummyCache
from django.db import transaction
from django.template import Context, Template
from django.utils import translation

from django_dinero.exceptions import CardDeclinedError, OutcomeUnknown
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.services.reconcile import orphans
from django_dinero.services.reconcile.phase import Run
from django_dinero.signals import captured, charged
from django_dinero.wallet import receipts
from django_dinero.wallet.wallet import Wallet
from tests.integration.wallet.conftest import ACTION_NUMBER, add
from tests.support.recording import RecordingGateway
from tests.support.rollbacks import lose_in_rollback

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


@pytest.fixture(autouse=True)
def connected() -> Iterator[None]:
    cache.clear()
    receipts.connect()
    yield
    receipts.disconnect()


def test_a_receipt_in_text_and_html(wallet: Wallet, gateway: RecordingGateway) -> None:
    card = add(wallet, gateway)
    wallet.pay("1250.50", order_reference="A-1", card=card.public_id, description="<b>Tea</b>")
    (message,) = mail.outbox
    assert (message.subject, message.to) == ("Receipt for order A-1", ["bill@example.com"])
    assert isinstance(message, mail.EmailMultiAlternatives)
    text, html = str(message.body), str(message.alternatives[0][0])
    for body in (text, html):
        for shown in ("1,250.50\u00a0USD", "A-1", "visa •••• 1111"):
            assert shown in body
    assert "<b>Tea</b>" in text
    assert "&lt;b&gt;Tea&lt;/b&gt;" in html


def test_the_day_is_that_of_the_project(
    wallet: Wallet, gateway: RecordingGateway, settings: Any
) -> None:
    settings.USE_TZ, settings.TIME_ZONE = False, "America/Denver"
    card = add(wallet, gateway)
    made = datetime(2026, 12, 1, 6, 9, tzinfo=UTC)
    wallet.pay("5", order_reference="A-1", card=card.public_id)
    row = Transaction.objects.get()
    row.created_at = made
    mail.outbox.clear()
    receipts.send(row)
    context = Context({"row": row})
    page = Template("{% load dinero_wallet %}{% dinero_receipt row %}").render(context)
    (message,) = mail.outbox
    assert isinstance(message, mail.EmailMultiAlternatives)
    for body in (str(message.body), str(message.alternatives[0][0]), page):
        assert "Nov. 30, 2026, 11:09 p.m." in body


def test_the_subject_is_plain_text(wallet: Wallet, gateway: RecordingGateway) -> None:
    card = add(wallet, gateway)
    wallet.pay("5", order_reference="Tea & <Co>", card=card.public_id)
    assert mail.outbox[0].subject == "Receipt for order Tea & <Co>"


def test_without_an_order_none_is_named(wallet: Wallet, gateway: RecordingGateway) -> None:
    row = add(wallet, gateway).charge("5")
    page = Template("{% load dinero_wallet %}{% dinero_receipt row %}").render(
        Context({"row": row})
    )
    (message,) = mail.outbox
    assert isinstance(message, mail.EmailMultiAlternatives)
    assert message.subject == f"Receipt {row.transaction_id}"
    for body in (str(message.body), str(message.alternatives[0][0]), page):
        assert str(row.transaction_id) in body
        assert "Order" not in body


def test_a_capture_without_an_id_is_called_by_its_authorizations(
    wallet: Wallet, gateway: RecordingGateway
) -> None:
    row = add(wallet, gateway).charge("5", settle=False).capture()
    assert row.parent is not None
    row.transaction_id = None
    mail.outbox.clear()
    receipts.send(row)
    (message,) = mail.outbox
    assert message.subject == f"Receipt {row.parent.transaction_id}"
    assert f"Reference: {row.parent.transaction_id}" in message.body
    row.parent.transaction_id = None
    assert receipts.reference_of(row) == str(row.public_id)


def test_once_however_often_it_is_asked_for_or_told(
    wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway)
    for _again in range(2):
        paid = wallet.pay("5", order_reference="A-1", card=card.public_id, attempt=1)
    charged.send(sender=Transaction, transaction=paid.transaction)
    assert len(mail.outbox) == 1


def test_after_the_card_holder_has_confirmed(wallet: Wallet, gateway: RecordingGateway) -> None:
    card = add(wallet, gateway, ACTION_NUMBER)
    waiting = wallet.pay("5", order_reference="A-1", card=card.public_id)
    assert mail.outbox == []
    assert waiting.transaction is not None
    gateway.bank.finish_action(str(waiting.transaction.transaction_id))
    assert wallet.payment("A-1", "5") is not None
    assert len(mail.outbox) == 1


def test_neither_a_decline_nor_an_authorization_has_one(
    wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway)
    card.charge("5", settle=False)
    card.zip = "46282"
    card.save()
    with pytest.raises(CardDeclinedError):
        card.charge("6")
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("amount", "shown"), [(None, "1,250.50\u00a0USD"), ("250.50", "250.50\u00a0USD")]
)
def test_a_capture_has_one_of_its_amount(
    wallet: Wallet, gateway: RecordingGateway, amount: str | None, shown: str
) -> None:
    held = add(wallet, gateway).charge("1250.50", settle=False, order_reference="A-1")
    assert mail.outbox == []
    row = held.capture(amount)
    captured.send(sender=Transaction, transaction=row)
    (message,) = mail.outbox
    assert (message.subject, message.to) == ("Receipt for order A-1", ["bill@example.com"])
    assert f"Paid: {shown}" in message.body
    assert "visa •••• 1111" in message.body


def test_a_guests_capture_goes_to_the_address_of_the_charge(gateway: RecordingGateway) -> None:
    number = "4111111111111111"
    held = Transaction.create("5", number=number, email="guest@example.com", settle=False)
    held.capture()
    assert [message.to for message in mail.outbox] == [["guest@example.com"]]


def test_none_for_a_capture_whose_authorization_is_given_back(
    wallet: Wallet, gateway: RecordingGateway
) -> None:
    held = add(wallet, gateway).charge("5", settle=False)
    operation = Operation.objects.get(key=held.operation_key)
    operation.outcome = {**operation.outcome, "give_back": True}
    operation.save()
    held.capture()
    assert mail.outbox == []


def test_a_cache_that_fails_loses_no_receipt(
    wallet: Wallet, gateway: RecordingGateway, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    card = add(wallet, gateway)
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.DeadCache"}}
    with caplog.at_level(logging.ERROR):
        row = card.charge("5")
    assert [message.to for message in mail.outbox] == [["bill@example.com"]]
    assert "The cache failed (ConnectionError): a receipt may be sent twice." in caplog.text
    mail.outbox.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(receipts, "render_to_string", None)
        charged.send(sender=Transaction, transaction=row)
    assert f"The receipt of transaction {row.public_id} was not sent." in caplog.text


class DeadCache(DummyCache):
    """A cache whose server has gone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("", {})

    def add(self, *args: Any, **kwargs: Any) -> bool:
        raise ConnectionError("secret")

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        raise ConnectionError("secret")


@pytest.mark.parametrize(("gives_back", "mails"), [(True, 0), (False, 1)])
def test_none_for_an_orphan_that_is_given_back(
    wallet: Wallet, gateway: RecordingGateway, gives_back: bool, mails: int
) -> None:
    row = add(wallet, gateway).charge("5")
    cache.clear()
    mail.outbox.clear()
    lose_in_rollback(row)
    Operation.objects.update(lease_until="2020-01-01T00:00:00Z")
    since = datetime.now(UTC) - timedelta(days=1)
    orphans.restore(Run(gateway, since, void_orphans=gives_back))
    found = Transaction.objects.get(kind="charge")
    assert (found.public_id, found.status) == (
        row.public_id,
        "voided" if gives_back else "approved",
    )
    assert len(mail.outbox) == mails


def test_none_for_what_was_charged_back_before_it_was_known(
    wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway)
    made: list[str] = []

    def lose(call: Callable[[], Any]) -> None:
        made.append(call().transaction_id)
        raise OutcomeUnknown("the reply was lost")

    gateway.faults["charge"] = lose
    with pytest.raises(OutcomeUnknown) as caught:
        card.charge("5")
    gateway.bank.settle_batch()
    gateway.bank.chargeback(made[0])
    assert caught.value.operation is not None
    caught.value.operation.look_up()
    assert Transaction.objects.get().status == "charged_back"
    assert mail.outbox == []


def test_it_waits_for_the_commit(gateway: RecordingGateway, wallet: Wallet) -> None:
    paid = add(wallet, gateway)
    receipts.disconnect()
    row = paid.charge("5")
    receipts.connect()
    with transaction.atomic():
        charged.send(sender=Transaction, transaction=row)
        assert mail.outbox == []
    assert len(mail.outbox) == 1


def test_nobody_to_write_to(gateway: RecordingGateway) -> None:
    row = Transaction.create("5", number="4111111111111111")
    assert mail.outbox == []
    assert receipts.send(row) is False


def test_a_guest_by_the_address_of_the_charge(gateway: RecordingGateway) -> None:
    Transaction.create("5", number="4111111111111111", email="guest@example.com")
    assert [message.to for message in mail.outbox] == [["guest@example.com"]]


def test_the_owner_where_the_customer_has_gone(
    wallet: Wallet, gateway: RecordingGateway, shopper: Any
) -> None:
    row = Transaction.create("5", number="4111111111111111", owner=shopper)
    assert row.customer is None
    assert [message.to for message in mail.outbox] == [["bill@example.com"]]


def test_a_mail_that_cannot_be_sent_harms_nobody(
    wallet: Wallet,
    gateway: RecordingGateway,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    card = add(wallet, gateway)
    none = "tests.integration.wallet.test_receipts.NoSuchBackend"
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {"BACKEND": none}}
    else:
        settings.EMAIL_BACKEND = none
    with caplog.at_level(logging.ERROR):
        paid = wallet.pay("5", order_reference="A-1", card=card.public_id)
    assert paid.is_paid
    assert paid.transaction is not None
    assert f"The receipt of transaction {paid.transaction.public_id} was not sent." in caplog.text


def test_a_language(wallet: Wallet, gateway: RecordingGateway) -> None:
    with translation.override("de"):
        add(wallet, gateway).charge("1250.50")
    assert "1.250,50\u00a0USD" in mail.outbox[0].body
    assert Customer.objects.count() == 1


def test_a_colon_is_the_languages_own(wallet: Wallet, gateway: RecordingGateway) -> None:
    with translation.override("fr"):
        add(wallet, gateway).charge("1250.50", order_reference="A-1", description="<Thé>")
    body = str(mail.outbox[0].body)
    assert "Payé\u00a0: " in body
    assert "Commande\u00a0: A-1" in body
    assert "Objet\u00a0: <Thé>" in body
