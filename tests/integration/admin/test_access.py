"""Who may what: every page of the admin, as the registry has them, times everybody who may come.

A page without a row in the table fails the first test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from tests.integration.admin.access import (
    PAGES,
    address_of,
    every_row,
    own_admins,
    posted_to,
    served,
)
from tests.support.recording import RecordingGateway

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.django_db]

#: What they act on is new.
ADDING = ("customer_add", "transaction_charge")


def own_permissions() -> set[str]:
    """Every permission of the app."""
    rows = Permission.objects.filter(content_type__app_label="dinero")
    return set(rows.values_list("codename", flat=True))


@contextmanager
def unchanged(gateway: RecordingGateway) -> Iterator[None]:
    """Ask nothing of the gateway, and change no row."""
    mark, before = gateway.mark, every_row()
    yield
    assert gateway.since(mark) == []
    assert every_row() == before


def statuses(client: Client, page: str, rows: dict[str, Any]) -> list[int]:
    """What is answered to a look and to an act."""
    address = address_of(page, rows)
    found = client.get(address).status_code
    return [found, client.post(address, posted_to(page, rows)).status_code]


def test_the_table_has_every_page_and_no_other() -> None:
    assert served() == set(PAGES)


def test_the_table_names_permissions_that_exist() -> None:
    named = {name for page in PAGES.values() for name in page.readers | page.writers}
    assert named <= own_permissions()


def test_strangers_are_sent_to_sign_in(
    rows: dict[str, Any], gateway: RecordingGateway, subtests: pytest.Subtests
) -> None:
    """Whoever has not signed in, and a user with every permission who is no member of staff."""
    user = get_user_model().objects.create_user("customer")
    user.user_permissions.set(Permission.objects.filter(codename__in=own_permissions()))
    nobody, customer = Client(), Client()
    customer.force_login(user)
    for page in PAGES:
        address, posted = address_of(page, rows), posted_to(page, rows)
        for client in (nobody, customer):
            with subtests.test(page, signed_in=client is customer), unchanged(gateway):
                for response in (client.get(address), client.post(address, posted)):
                    assert response.status_code == 302
                    assert response["Location"].startswith("/admin/login/")


def test_staff_without_a_permission(
    staff: Callable[..., Client],
    rows: dict[str, Any],
    gateway: RecordingGateway,
    subtests: pytest.Subtests,
) -> None:
    client = staff()
    for page in PAGES:
        with subtests.test(page), unchanged(gateway):
            assert statuses(client, page, rows) == [403, 403]


def test_staff_with_every_other_permission(
    staff: Callable[..., Client],
    rows: dict[str, Any],
    gateway: RecordingGateway,
    subtests: pytest.Subtests,
) -> None:
    """Nothing else opens it."""
    for page, access in PAGES.items():
        client = staff(*own_permissions() - access.readers - access.writers, name=page)
        with subtests.test(page), unchanged(gateway):
            assert statuses(client, page, rows) == [403, 403]


@pytest.mark.parametrize("page", PAGES)
def test_staff_with_just_one_permission(
    staff: Callable[..., Client], rows: dict[str, Any], page: str
) -> None:
    """Each alone opens it, and only those that may act there may POST."""
    for name in sorted(PAGES[page].readers | PAGES[page].writers):
        client = staff(name, name=name)
        looked = client.get(address_of(page, rows)).status_code
        # A page that makes no sense for this row leads away from it.
        assert (looked in (200, 302)) is (name in PAGES[page].readers), (name, looked)
    for name in sorted(PAGES[page].readers - PAGES[page].writers):
        client = Client()
        client.force_login(get_user_model().objects.get(username=name))
        acted = client.post(address_of(page, rows), posted_to(page, rows)).status_code
        assert acted in (403, 405), (name, acted)
    for name in sorted(PAGES[page].writers)[:1]:
        client = Client()
        client.force_login(get_user_model().objects.get(username=name))
        acted = client.post(address_of(page, rows), posted_to(page, rows)).status_code
        assert acted in (200, 302), (name, acted)


def test_staff_whose_queryset_leaves_the_row_out(
    root: Client,
    rows: dict[str, Any],
    gateway: RecordingGateway,
    monkeypatch: pytest.MonkeyPatch,
    subtests: pytest.Subtests,
) -> None:
    """With every permission there is."""
    for own in own_admins():
        nothing = lambda self, request: self.model.objects.none()  # noqa: E731
        monkeypatch.setattr(type(own), "get_queryset", nothing)
    for page, access in PAGES.items():
        for_nobody = not access.readers
        with subtests.test(page):
            address = address_of(page, rows)
            found = root.get(address).status_code
            assert found == (403 if for_nobody else access.hidden)
            if page in ADDING:
                continue  # it adds a row, and none is hidden from that
            with unchanged(gateway):
                acted = root.post(address, posted_to(page, rows)).status_code
            nobody_acts = not access.writers and acted in (403, 405)
            lists_nothing = page.endswith("_changelist") and acted in (200, 302)
            assert acted == found or nobody_acts or lists_nothing
