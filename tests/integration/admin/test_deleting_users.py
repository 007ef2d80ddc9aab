"""Deleting a user in Django's own admin: what goes along, and what the gateway still has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.urls import reverse

from django_dinero.enums import ReasonKind
from django_dinero.gateways.types import Reason, Refusal
from django_dinero.models import CreditCard, Customer, Operation
from tests.integration.admin.pages import messages, text, url
from tests.support.recording import RecordingGateway, answer, refuse_connection

REFUSED = answer(Refusal((Reason(ReasonKind.GATEWAY_ERROR, "E00014", "Not today."),)))
LIST = "/admin/auth/user/"


@pytest.fixture
def ann(card: CreditCard) -> Any:
    """A user who owns the customer with the card, and another one."""
    user = get_user_model().objects.create_user("ann")
    Customer.objects.filter(pk=card.customer_pk).update(owner=user)
    Customer.create("office@example.com", owner=user)
    return user


def deletion(user: Any) -> str:
    return reverse("admin:auth_user_delete", args=[user.pk])


def chosen(*users: Any, **given: str) -> dict[str, Any]:
    """What the list of users posts."""
    keys = [str(user.pk) for user in users]
    return {"action": "delete_selected", "_selected_action": keys, **given}


class Shared:
    """The same in a TestCase's transaction and where commits are real."""

    def test_the_page_says_who_goes_at_the_gateway(
        self, root: Client, ann: Any, gateway: RecordingGateway
    ) -> None:
        mark = gateway.mark
        page = text(root.get(deletion(ann)))
        assert "2 customers are deleted at the payment gateway too, with all cards" in page
        assert "bill@example.com" in page
        assert page.count("at the payment gateway too") == 1
        assert gateway.since(mark) == []
        assert "payment gateway" not in text(root.get(LIST))

    def test_what_the_gateway_still_has_is_named(
        self, root: Client, ann: Any, gateway: RecordingGateway
    ) -> None:
        gateway.faults["delete_customer"] = REFUSED
        response = root.post(deletion(ann), {"post": "yes"})
        assert response.status_code == 302
        assert not Customer.objects.exists()
        failed = Operation.objects.get(kind="delete_customer", state="declined")
        told = [each for each in messages(response) if "the gateway still has it" in each]
        assert len(told) == 1
        name = (
            "bill@example.com" if failed.customer_id == ids(ann)["bill"] else "office@example.com"
        )
        assert told[0].startswith(
            f"{name} is deleted here, but the gateway still has it: Not today."
        )
        assert failed.key in told[0]

    def test_many_by_the_lists_action(
        self, root: Client, ann: Any, gateway: RecordingGateway
    ) -> None:
        ben = get_user_model().objects.create_user("ben")
        Customer.create("ben@example.com", owner=ben)
        page = text(root.post(LIST, chosen(ann, ben)))
        assert "3 customers are deleted at the payment gateway too" in page
        gateway.around = lambda verb, call: (
            refuse_connection(call) if verb == "delete_customer" else call()
        )
        response = root.post(LIST, chosen(ann, ben, post="yes"))
        assert not Customer.objects.exists()
        told = [each for each in messages(response) if "the gateway still has it" in each]
        assert sorted(each.split()[0] for each in told) == [
            *("ben@example.com", "bill@example.com", "office@example.com")
        ]

    def test_nothing_is_said_of_who_owns_nobody(
        self, root: Client, card: CreditCard, gateway: RecordingGateway
    ) -> None:
        user = get_user_model().objects.create_user("ben")
        assert "payment gateway" not in text(root.get(deletion(user)))
        response = root.post(deletion(user), {"post": "yes"})
        assert [each for each in messages(response) if "gateway" in each] == []

    def test_later_requests_are_told_nothing(
        self, root: Client, ann: Any, gateway: RecordingGateway
    ) -> None:
        root.post(deletion(ann), {"post": "yes"})
        other = Customer.create("late@example.com")
        gateway.faults["delete_customer"] = REFUSED
        response = root.post(url("customer_delete", other.pk), {"post": "yes"})
        told = [each for each in messages(response) if "gateway" in each]
        assert len(told) == 1
        assert told[0].startswith("Deleted here, but the gateway did not delete it")


_IDS: dict[int, dict[str, str]] = {}


@pytest.fixture(autouse=True)
def remembered(request: pytest.FixtureRequest) -> None:
    """The gateway's ids, before their rows are gone."""
    if "ann" in request.fixturenames:
        user = request.getfixturevalue("ann")
        rows = Customer.objects.filter(owner=user)
        _IDS[user.pk] = {str(row.email).split("@")[0]: str(row.customer_id) for row in rows}


def ids(user: Any) -> dict[str, str]:
    """The gateway's ids of a user's customers, by the first part of the e-mail."""
    return _IDS[max(_IDS)]


@pytest.mark.django_db
class TestInATestCase(Shared):
    """Pushes run at the end of the outermost block."""


@pytest.mark.django_db(transaction=True, databases="__all__")
class TestWithRealCommits(Shared):
    """Pushes run in on_commit callbacks."""


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_atomic_requests_delay_the_message_no_further_than_the_answer(
    root: Client, ann: Any, gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    gateway.faults["delete_customer"] = REFUSED
    response = root.post(deletion(ann), {"post": "yes"})
    assert response.status_code == 302
    assert [each for each in messages(response) if "the gateway still has it" in each]


@pytest.mark.django_db
def test_who_may_not_delete_customers_deletes_no_owner_of_one(
    ann: Any, gateway: RecordingGateway, staff: Callable[..., Client]
) -> None:
    client = staff(name="clerk")
    clerk = get_user_model().objects.get(username="clerk")
    clerk.user_permissions.set(Permission.objects.filter(codename__in=("view_user", "delete_user")))
    page = text(client.get(deletion(ann)))
    assert "your account doesn't have permission to delete" in page
    assert "at the payment gateway too" not in page
    assert client.post(deletion(ann), {"post": "yes"}).status_code == 403
    assert Customer.objects.count() == 2
