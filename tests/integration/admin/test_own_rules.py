"""A project's own queryset, view rules and object permissions hold on every page of ours."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils.deprecation import MiddlewareMixin

from django_dinero.admin.base import DineroAdmin
from django_dinero.exceptions import OutcomeUnknown
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.integration.admin.pages import charge, confirm, new_card, text, url
from tests.support.recording import RecordingGateway, lose_reply

pytestmark = pytest.mark.django_db

MODELS = (Customer, CreditCard, Transaction, Operation)
PAGES = {
    "customer_add_card": new_card,
    "customer_charge": charge,
    "creditcard_charge": charge,
    "transaction_capture": confirm,
    "transaction_refund": confirm,
    "transaction_refresh": confirm,
    "transaction_void": confirm,
    "operation_look_up": confirm,
}


class CardClerks(BaseBackend):
    """An object permission: the user ``clerk`` may charge the cards in ``charged``."""

    charged: set[int] = set()

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        wanted = isinstance(obj, CreditCard) and obj.pk in self.charged
        return wanted and user_obj.username == "clerk" and perm == "dinero.charge_creditcard"


@pytest.fixture
def rows(card: CreditCard, gateway: RecordingGateway) -> dict[str, int]:
    """The key of a row of each model; the operation's answer was lost."""
    row = Transaction.create("50.00", card=card, settle=False)
    gateway.faults["charge"] = lose_reply
    with suppress(OutcomeUnknown):
        card.charge("7.00")
    return {
        "customer": card.customer_pk,
        "creditcard": card.pk,
        "transaction": row.pk,
        "operation": Operation.objects.get(state="unknown").pk,
    }


@pytest.fixture(params=sorted(PAGES))
def page(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def registered() -> list[type[DineroAdmin]]:
    return [type(admin.site.get_model_admin(model)) for model in MODELS]  # type: ignore[misc]


def statuses(client: Client, page: str, rows: dict[str, int]) -> set[int]:
    """What a page answers, to look and to act."""
    address = url(page, rows[page.partition("_")[0]])
    return {client.get(address).status_code, client.post(address, PAGES[page]()).status_code}


def test_a_row_outside_of_the_projects_queryset_is_not_there(
    root: Client,
    rows: dict[str, int],
    gateway: RecordingGateway,
    page: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mark = gateway.mark
    for own in registered():
        monkeypatch.setattr(own, "get_queryset", lambda self, request: self.model.objects.none())
    expected = {404, 405} if page == "customer_charge" else {404}
    assert statuses(root, page, rows) == expected
    assert gateway.since(mark) == []


def test_a_row_that_the_project_lets_nobody_see(
    root: Client,
    rows: dict[str, int],
    gateway: RecordingGateway,
    page: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mark = gateway.mark
    for own in registered():
        for verb in ("view", "change"):
            rule = lambda self, request, obj=None: obj is None  # noqa: E731
            monkeypatch.setattr(own, f"has_{verb}_permission", rule)
    assert statuses(root, page, rows) == {403}
    assert gateway.since(mark) == []


def test_a_project_narrows_a_verb_in_its_own_admin(
    root: Client, rows: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages and links ask the same method."""
    rule = lambda self, request, permission, obj: permission != "dinero.void_transaction"  # noqa: E731
    monkeypatch.setattr(DineroAdmin, "has_verb_permission", rule)
    assert statuses(root, "transaction_void", rows) == {403}
    tools = root.get(url("transaction_change", rows["transaction"])).content.decode()
    assert url("transaction_capture", rows["transaction"]) in tools
    assert url("transaction_void", rows["transaction"]) not in tools


def test_what_an_admin_shows_nobody_is_not_shown_beside_another_row(
    root: Client, rows: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = url("customer_change", rows["customer"])
    linked = url("transaction_change", rows["transaction"])
    assert linked in root.get(address).content.decode()
    own = type(admin.site.get_model_admin(Transaction))
    for verb in ("view", "change"):
        monkeypatch.setattr(
            own, f"has_{verb}_permission", lambda self, request, obj=None: False, raising=False
        )
    page = root.get(address)
    assert page.status_code == 200
    assert linked not in page.content.decode()
    assert "50.00 USD" not in text(page)


def test_a_project_narrows_a_verb_that_has_no_row(
    root: Client, rows: dict[str, int], gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = lambda self, request, permission, obj: False  # noqa: E731
    monkeypatch.setattr(DineroAdmin, "has_verb_permission", rule)
    mark = gateway.mark
    keyed = url("transaction_charge")
    assert root.get(keyed).status_code == 403
    assert root.post(keyed, {**new_card(), **charge()}).status_code == 403
    assert "dinero_capture" not in root.get(url("transaction_changelist")).content.decode()
    assert gateway.since(mark) == []
    CreditCard.objects.all().delete()
    assert root.get(url("customer_charge", rows["customer"])).status_code == 403


def test_an_object_permission_opens_the_page_of_its_row(
    staff: Callable[..., Client], card: CreditCard, gateway: RecordingGateway, settings: Any
) -> None:
    settings.AUTHENTICATION_BACKENDS = [
        "django.contrib.auth.backends.ModelBackend",
        f"{__name__}.CardClerks",
    ]
    user = get_user_model().objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(codename__in=("view_creditcard", "view_customer"))
    )
    clerk = Client()
    clerk.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    other = card.customer.add_card(number="5424000000000015", month=11, year=2059, zip="12345")
    CardClerks.charged = {card.pk}
    try:
        assert clerk.get(url("creditcard_charge", card.pk)).status_code == 200
        assert clerk.get(url("creditcard_charge", other.pk)).status_code == 403
        assert clerk.get(url("creditcard_charge", 10**6)).status_code == 403
        assert clerk.get(url("customer_charge", card.customer_pk)).status_code == 302
        links = clerk.get(url("customer_change", card.customer_pk)).content.decode()
        assert url("creditcard_charge", card.pk) in links
        assert url("creditcard_charge", other.pk) not in links
        assert clerk.post(url("creditcard_charge", card.pk), charge()).status_code == 302
    finally:
        CardClerks.charged = set()
    assert gateway.verbs[-1] == "charge"


def test_a_page_shows_no_rows_that_their_own_list_hides(
    root: Client, card: CreditCard, rows: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A customer's page shows cards and transactions, a transaction's what followed it."""
    Transaction.objects.get(pk=rows["transaction"]).capture("30.00")
    pages = [("customer_change", "•••• 1111"), ("customer_change", "50.00"),
             ("creditcard_change", "50.00"), ("transaction_change", "30.00")]  # fmt: skip
    for name, shown in pages:
        assert shown in text(root.get(url(name, rows[name.partition("_")[0]])))
    hidden = lambda self, request: self.model.objects.exclude(last_4="1111")  # noqa: E731
    for model in (CreditCard, Transaction):
        monkeypatch.setattr(type(admin.site.get_model_admin(model)), "get_queryset", hidden)
    found = text(root.get(url("customer_change", rows["customer"])))
    assert "50.00" not in found
    assert "1111" not in found


def test_no_page_of_money_is_shown_in_a_frame_or_kept(
    root: Client, rows: dict[str, int], page: str
) -> None:
    """Without a middleware that says so."""
    response = root.get(url(page, rows[page.partition("_")[0]]))
    assert response["X-Frame-Options"] == "DENY"
    assert response["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert {"private", "no-store"} <= set(response["Cache-Control"].split(", "))


def test_the_projects_own_content_security_policy_stays(
    root: Client, card: CreditCard, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its middleware would leave it out of an answer that has one."""
    module = ModuleType("csp.middleware")
    module.CSPMiddleware = PolicyMiddleware  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "csp", ModuleType("csp"))
    monkeypatch.setitem(sys.modules, "csp.middleware", module)
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.PolicyMiddleware"]
    response = root.get(url("creditcard_charge", card.pk))
    expected = "default-src 'self'; frame-ancestors 'none'"
    assert response["Content-Security-Policy"] == expected
    assert response["X-Frame-Options"] == "DENY"


class PolicyMiddleware(MiddlewareMixin):
    """Writes a policy as django-csp does."""

    def process_response(self, request: Any, response: Any) -> Any:
        policy = {"default-src": ["'self'"], **getattr(response, "_csp_replace", {})}
        if "Content-Security-Policy" not in response:
            written = "; ".join(f"{name} {' '.join(values)}" for name, values in policy.items())
            response["Content-Security-Policy"] = written
        return response


def test_a_middleware_with_such_a_name_does_not_switch_it_off(
    root: Client, card: CreditCard, settings: Any
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.csp_report"]
    response = root.get(url("creditcard_charge", card.pk))
    assert response["Content-Security-Policy"] == "frame-ancestors 'none'"


def csp_report(get_response: Any) -> Any:
    """A middleware that has the letters in its name, and writes no policy."""
    return get_response
