"""Rows whose gateway is gone from the settings, or cannot be made: every page leads somewhere."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from django_dinero.exceptions import DineroError
from django_dinero.models import CreditCard, Customer, Operation
from tests.integration.admin.access import MODELS, PAGES, address_of, posted_to
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


# -- One that cannot be made ---------------------------------------------------------------------

#: Its options may be quoted by whatever refuses them.
BROKEN = {"BACKEND": "no.such.Backend", "OPTIONS": {}}
NOT_SET_UP = "The payment gateway is not set up. Nothing was sent."


@pytest.fixture
def broken(card: CreditCard, settings: Any) -> CreditCard:
    """A card whose gateway has a backend that cannot be imported."""
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": BROKEN}}
    return card


@pytest.mark.parametrize(
    ("name", "posted"),
    [("customer", {"email": "will@example.com"}), ("creditcard", {"zip": "99999"})],
)
def test_what_cannot_be_checked_is_not_saved(
    root: Client,
    broken: CreditCard,
    caplog: pytest.LogCaptureFixture,
    name: str,
    posted: dict[str, str],
) -> None:
    row = broken.customer if name == "customer" else broken
    address = url(f"{name}_change", row.pk)
    response = root.post(address, posted)
    assert (response["Location"], messages(response)) == (address, [NOT_SET_UP])
    assert "no.such.Backend" in caplog.text
    again = type(row)._default_manager.get(pk=row.pk)
    assert [getattr(again, field) for field in posted] == [getattr(row, field) for field in posted]
    assert root.get(address).status_code == 200


@pytest.mark.parametrize("name", ["customer", "creditcard"])
def test_a_delete_tells_staff_no_more_than_that(
    root: Client, broken: CreditCard, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    pk = broken.pk if name == "creditcard" else broken.customer_pk
    response = root.post(url(f"{name}_delete", pk), {"post": "yes"})
    (told,) = [each for each in messages(response) if "did not delete it" in each]
    assert NOT_SET_UP in told
    assert "no.such" not in told
    assert "no.such.Backend" in caplog.text
    journal = root.get(url("operation_change", Operation.objects.latest("pk").pk))
    assert "no.such" not in text(journal)


def test_no_page_quotes_what_is_wrong(root: Client, rows: dict[str, Any], settings: Any) -> None:
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": BROKEN}}
    root.raise_request_exception = False
    for page in sorted(PAGES, key=lambda page: "delete" in page):
        address = address_of(page, rows)
        for response in (root.get(address), root.post(address, posted_to(page, rows))):
            assert response.status_code < 500, page
            assert b"no.such" not in response.getvalue(), page
            assert "no.such" not in " ".join(messages(response)), page
