"""Every page of the admin in every language: no text of ours is left in English."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import translation

from django_dinero.models import Customer, Transaction, WebhookEvent
from django_dinero.models.difference import DifferenceKind
from django_dinero.models.operation import OperationState
from django_dinero.models.transaction_status import TransactionStatus
from django_dinero.models.webhook_event import EventState
from django_dinero.services.reconcile import differences
from django_dinero.services.reconcile.differences import Found
from django_dinero.services.reconcile.run import reconcile
from django_dinero.testing.factories import (
    CreditCardFactory,
    CustomerFactory,
    OperationFactory,
    TransactionFactory,
)
from tests.integration.admin.pages import url
from tests.support.languages import LANGUAGES, left_in_english, with_locale_middleware
from tests.support.recording import RecordingGateway

pytestmark = [pytest.mark.once, pytest.mark.django_db]

#: On how many rows of a model the page of a verb is opened.
SOME = 2


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest, settings: Any) -> Iterator[str]:
    """A language of the reader, whose rows were written in it too."""
    settings.MIDDLEWARE = with_locale_middleware(settings.MIDDLEWARE)
    found: str = request.param
    with translation.override(found):
        yield found


@pytest.fixture
def reader(db: None, language: str) -> Client:
    """A superuser whose browser asks for the language."""
    client = Client(headers={"accept-language": language})
    client.force_login(get_user_model().objects.create_superuser("root"))
    return client


@pytest.fixture
def shop(gateway: RecordingGateway, customer: Customer) -> None:
    """A row of each state, so that each text of a state is on some page."""
    Transaction.create("12.50", customer=customer, settle=False)
    for status in TransactionStatus:
        TransactionFactory(status=status)
        TransactionFactory(status=status, kind="authorization")
    for state in OperationState:
        for kind in ("charge", "update_card", "delete_customer"):
            OperationFactory(state=state, kind=kind)
    CustomerFactory(sync_state="error")
    CreditCardFactory(sync_state="missing", month=1, year=2020)
    for number, event_state in enumerate(EventState):
        WebhookEvent.objects.create(
            gateway_name="default",
            event_id=f"ev-{number}",
            event_type="made.up",
            object_kind="transaction",
            object_id="1",
            state=event_state,
        )
    for kind in DifferenceKind:
        differences.record(gateway, Found(kind=kind, subject=f"x {kind}", text=""))
    reconcile("default")


def addresses(*, of_rows: bool) -> Iterator[str]:
    """Every address of our admin that is about no row, or about one: each page, a few of a verb."""
    if not of_rows:
        yield from (reverse("admin:index"), reverse("admin:app_list", args=["dinero"]))
    for model, model_admin in admin.site._registry.items():
        if model._meta.app_label != "dinero":
            continue
        rows = [str(pk) for pk in model._default_manager.values_list("pk", flat=True)]
        for name in filter(None, (getattr(each, "name", None) for each in model_admin.get_urls())):
            try:
                general = reverse(f"admin:{name}")
            except NoReverseMatch:
                for pk in rows if name.endswith("_change") else rows[:SOME]:
                    if of_rows:
                        yield reverse(f"admin:{name}", args=[pk])
            else:
                if not of_rows:
                    yield general


def test_english_would_be_seen(root: Client, gateway: RecordingGateway, language: str) -> None:
    with translation.override("en"):
        page = root.get(url("overview"), headers={"accept-language": "en"})
    assert "Nothing was taken in this time." in left_in_english(page, language)


@pytest.mark.slow
def test_no_page_has_our_english(reader: Client, shop: None, language: str) -> None:
    opened = [*addresses(of_rows=False)]
    assert len(opened) > 20
    # Which texts go through gettext is the same in each language.
    opened += addresses(of_rows=True) if language == "de" else []
    found = {}
    for address in opened:
        page = reader.get(address, follow=True)
        assert page.status_code in (200, 403, 404, 405), address
        if page.streaming:  # an export, whose heads are names of fields
            continue
        if left := left_in_english(page, language):
            found[address] = left
    assert found == {}


@pytest.mark.parametrize(
    ("language", "heading"),
    [("de", "Erstellt"), ("es", "Creado"), ("fr", "Créé")],
    indirect=["language"],
)
def test_a_small_table_has_our_word_and_not_that_of_a_framework(
    reader: Client, customer: Customer, language: str, heading: str
) -> None:
    Transaction.create("12.50", customer=customer)
    page = reader.get(url("customer_change", customer.pk)).content.decode()
    assert f'<th scope="col">{heading}</th>' in page
