"""What was just written is read where it was written: a replica may be behind."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client, RequestFactory

from django_dinero.admin import history
from django_dinero.admin.related import open_operations
from django_dinero.admin.views.followups import RefundPage
from django_dinero.exceptions import HeldForReview
from django_dinero.models import CreditCard, Operation, Transaction
from tests.integration.admin.pages import charge, confirm, messages, url
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db


class Router:
    """Notes what would be read from a replica."""

    reads: ClassVar[list[str]] = []

    def db_for_read(self, model: Any, **hints: Any) -> str:
        self.reads.append(model.__name__)
        return "default"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"


def test_a_decision(
    root: Client, card: CreditCard, gateway: RecordingGateway, settings: Any
) -> None:
    gateway.bank.hold_next()
    with pytest.raises(HeldForReview) as caught:
        Transaction.create("12.50", card=card)
    held = caught.value.transaction
    assert isinstance(held, Transaction)
    settings.DATABASE_ROUTERS = [f"{__name__}.Router"]
    decide = gateway.decide_review

    def deciding(*given: Any, **named: Any) -> Any:
        Router.reads.clear()
        return decide(*given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway, "decide_review", deciding)
        response = root.post(url("transaction_approve", held.pk), confirm())
    assert "Decided:" in messages(response)[0]
    assert {"Operation", "LogEntry"}.isdisjoint(Router.reads)


def test_a_form_that_is_sent_again(root: Client, card: CreditCard, settings: Any) -> None:
    posted = charge("5")
    settings.DATABASE_ROUTERS = [f"{__name__}.Router"]
    Router.reads.clear()
    for _time in range(2):
        root.post(url("creditcard_charge", card.pk), posted)
    assert Transaction.objects.count() == 1
    assert LogEntry.objects.using("default").count() == 2, "the card's, and the transaction's"
    assert "LogEntry" not in Router.reads


def test_the_key_of_a_form_is_looked_for_among_a_users_newest_entries(
    root: Client, card: CreditCard, django_assert_num_queries: Any
) -> None:
    root.post(url("creditcard_charge", card.pk), charge("5"))
    key = f"[{Operation.objects.get(kind='charge').key}]"
    entry = LogEntry.objects.filter(content_type__model="creditcard").get()
    request: Any = type("Request", (), {"user": entry.user})
    with django_assert_num_queries(1) as asked:
        assert history.is_logged(request, card, key)
    assert f"LIMIT {history.RECENT}" in asked.captured_queries[0]["sql"]
    assert not history.is_logged(request, card, "[another]")
    assert not history.is_logged(request, Transaction.objects.get(), f"[another] {key}")


def test_a_refund_that_is_refused_while_its_form_is_made(
    root: Client, card: CreditCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Transaction.create("12.50", card=card, settle=False)
    # Its capture is voided between the question whether the page makes sense, and its form.
    monkeypatch.setattr(RefundPage, "why_not", lambda self, row: None)
    response = root.get(url("transaction_refund", row.pk))
    assert response.status_code == 302
    assert messages(response)


@pytest.mark.parametrize("name", ["customer", "creditcard", "transaction"])
def test_what_a_page_warns_of(
    root: Client, card: CreditCard, settings: Any, rf: RequestFactory, name: str
) -> None:
    Transaction.create("12.50", card=card)
    rows = {"customer": card.customer, "creditcard": card, "transaction": Transaction.objects.get()}
    settings.DATABASE_ROUTERS = [f"{__name__}.Router"]
    Router.reads.clear()
    assert open_operations(rf.get("/"), rows[name]) == []
    assert {"Operation", "Transaction"}.isdisjoint(Router.reads)
