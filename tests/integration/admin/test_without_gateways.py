"""Rows whose gateway is gone from the settings, or cannot be made: every page leads somewhere."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from django_dinero.exceptions import DineroError
from django_dinero.models import CreditCard, Customer
from tests.integration.admin.access import MODELS, PAGES, address_of
from tests.integration.admin.pages import messages, text, url

pytestmark = pytest.mark.django_db


def nobody(name: str) -> None:
    """A resolver that knows no further gateway."""


#: What the settings have besides the gateway ``default``.
CONFIGURED: dict[str, dict[str, Any]] = {
    "not configured": {},
    "not resolved": {"GATEWAY_RESOLVER": f"{__name__}.nobody"},
}


@pytest.fixture
def old_rows(rows: dict[str, Any]) -> dict[str, Any]:
    """A row of each model, of the gateway ``old``; the card is not the default one."""
    CreditCard.objects.update_without_push(default_of=None)
    for model in MODELS:
        found = model.objects.all()
        getattr(found, "update_without_push", found.update)(gateway_name="old")
    return rows


@pytest.mark.parametrize("how", CONFIGURED)
def test_no_page_leads_to_itself(
    root: Client, old_rows: dict[str, Any], settings: Any, how: str
) -> None:
    settings.DINERO = {**settings.DINERO, **CONFIGURED[how]}
    root.raise_request_exception = False
    found = {page: root.get(address_of(page, old_rows)) for page in PAGES}
    failed = [page for page, answer in found.items() if answer.status_code >= 500]
    looped = [page for page in found if found[page].get("Location") == address_of(page, old_rows)]
    assert (failed, looped) == ([], [])


@pytest.mark.parametrize("how", CONFIGURED)
def test_the_page_of_a_card_is_shown_without_what_needs_its_gateway(
    root: Client, old_rows: dict[str, Any], settings: Any, how: str
) -> None:
    settings.DINERO = {**settings.DINERO, **CONFIGURED[how]}
    pk = old_rows["creditcard"].pk
    page = root.get(url("creditcard_change", pk))
    assert page.status_code == 200
    assert url("creditcard_validate", pk) not in page.content.decode()
    for verb in ("validate", "charge"):
        response = root.get(url(f"creditcard_{verb}", pk))
        assert response["Location"] == url("creditcard_change", pk)
    assert messages(response) == ["Gateway: No gateway is called 'old'. Configured: default."] * 2
    saved = root.post(url("creditcard_change", pk), {"zip": "99999"})
    assert "No gateway is called 'old'" in text(saved)


def test_a_page_that_cannot_be_shown_leads_to_the_list(
    root: Client, card: CreditCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may need something of a project's own."""

    def fails(*args: Any) -> Any:
        raise DineroError("The ledger of the shop is shut.")

    own = type(admin.site.get_model_admin(Customer))
    monkeypatch.setattr(own, "get_fieldsets", fails)
    response = root.get(url("customer_change", card.customer_pk))
    assert response["Location"] == url("customer_changelist")
    assert messages(response) == ["The ledger of the shop is shut."]
