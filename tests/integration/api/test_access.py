"""Who may do what: every route of the router, for every kind of caller."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from django_dinero.api.permissions import OwnerOrStaffPermission
from django_dinero.api.urls import router, urlpatterns
from django_dinero.exceptions import HeldForReview
from django_dinero.identifiers import new_key
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.models.difference import DifferenceKind
from django_dinero.services.reconcile import differences
from django_dinero.services.reconcile.differences import Found
from tests.integration.api.calling import CARD, OTHER_NUMBER, Caller, json_of, user_with
from tests.support.recording import RecordingGateway
from tests.support.webhooks import notice, receive

pytestmark = [pytest.mark.once, pytest.mark.django_db]

OWNER, OWNER_WITH_PERMISSION, STAFF_ALONE = "owner", "owner with permission", "staff alone"
#: Of rows that belong to nobody: without the permission the route is a 403, whatever the id.
NOBODYS = "nobody's"


@dataclass(frozen=True)
class Route:
    """One action of the API, and who may do it beside staff with the permission."""

    name: str
    method: str
    permission: str
    who: str = OWNER
    body: Any = None

    def __str__(self) -> str:
        return f"{self.method} {self.name}"


ROUTES = (
    Route("customer-list", "GET", "view_customer"),
    Route("customer-detail", "GET", "view_customer"),
    Route("customer-detail", "PATCH", "change_customer", body={"last_name": "Smith"}),
    Route("customer-detail", "DELETE", "delete_customer"),
    Route("customer-cards", "POST", "add_stored_card", body={**CARD, "number": OTHER_NUMBER}),
    Route("customer-charge", "POST", "charge_creditcard", OWNER_WITH_PERMISSION, {"price": "1.01"}),
    Route("card-list", "GET", "view_creditcard"),
    Route("card-detail", "GET", "view_creditcard"),
    Route("card-detail", "PATCH", "change_creditcard", body={"zip": "11111"}),
    Route("card-detail", "DELETE", "delete_creditcard"),
    Route("card-charge", "POST", "charge_creditcard", OWNER_WITH_PERMISSION, {"price": "1.02"}),
    Route("transaction-list", "GET", "view_transaction"),
    Route("transaction-detail", "GET", "view_transaction"),
    Route("transaction-capture", "POST", "capture_transaction", STAFF_ALONE),
    Route("transaction-void", "POST", "void_transaction", STAFF_ALONE),
    Route("transaction-refund", "POST", "refund_transaction", STAFF_ALONE),
    Route("card-default", "POST", "change_creditcard"),
    Route("card-validate", "POST", "charge_creditcard", OWNER_WITH_PERMISSION),
    Route("transaction-approve", "POST", "review_transaction", STAFF_ALONE),
    Route("transaction-decline", "POST", "review_transaction", STAFF_ALONE),
    Route("transaction-refresh", "POST", "change_transaction", STAFF_ALONE),
    Route("operation-detail", "GET", "view_operation"),
    Route("difference-list", "GET", "view_difference", NOBODYS),
    Route("difference-detail", "GET", "view_difference", NOBODYS),
    Route("difference-close", "POST", "close_difference", NOBODYS, {"note": "by phone"}),
    Route("webhook-event-list", "GET", "view_webhookevent", NOBODYS),
    Route("webhook-event-detail", "GET", "view_webhookevent", NOBODYS),
    Route("webhook-event-replay", "POST", "replay_webhookevent", NOBODYS),
)
#: Nobody's object is touched: whoever signed in makes a customer of their own.
CREATE = Route("customer-list", "POST", "add_customer", body={"email": "new@example.com"})
#: It has no object either: a token or a new card is charged.
CHARGE = Route("charge-list", "POST", "charge_creditcard", body={**CARD, "price": "1.03"})
#: They are no rows, and everybody is shown those that are theirs to use.
GATEWAYS = Route("gateway-list", "GET", "add_customer")
WITHOUT_OBJECT = (CREATE, CHARGE, GATEWAYS)
OWNED = [route for route in ROUTES if route.who != NOBODYS]
LISTS = [route for route in OWNED if route.name.endswith("-list")]
DETAILS = [route for route in OWNED if route not in LISTS]
PERMISSIONS = sorted({route.permission for route in (*ROUTES, *WITHOUT_OBJECT)})

each = pytest.mark.parametrize("route", ROUTES, ids=str)
each_detail = pytest.mark.parametrize("route", DETAILS, ids=str)
each_list = pytest.mark.parametrize("route", LISTS, ids=str)


@dataclass
class Ann:
    """An owner with something behind each route."""

    user: Any
    gateway: RecordingGateway
    customer: Customer

    def address(self, route: Route, public_id: object = None) -> str:
        """The address of a route, of Ann's object or of another id."""
        kind, _dash, action = route.name.rpartition("-")
        if action == "list":
            return f"{kind}s/"
        tail = "" if action == "detail" else f"{action}/"
        return f"{kind}s/{public_id or id_of(self.row(route))}/{tail}"

    def row(self, route: Route) -> Any:
        """What the route is tried on, made so that it would work."""
        if route.name.startswith("customer"):
            return self.customer
        if route.name.startswith("card"):
            return self.customer.cards[0]
        if route.name.startswith("operation"):
            return Operation.objects.get(customer_key=self.customer.customer_key)
        if route.name.startswith("difference"):
            found = Found(kind=DifferenceKind.STATUS, subject="1", text="found")
            return differences.record(self.gateway, found)
        if route.name.startswith("webhook"):
            return receive(self.gateway, notice("transaction", "60012345"))
        if route.name in ("transaction-approve", "transaction-decline"):
            self.gateway.bank.hold_next()
            with pytest.raises(HeldForReview) as caught:
                Transaction.create("10.00", customer=self.customer)
            return caught.value.transaction
        settle = route.name != "transaction-capture"
        row = Transaction.create("10.00", customer=self.customer, settle=settle)
        if route.name == "transaction-refund":
            self.gateway.bank.settle_batch()
        return row


def id_of(row: Any) -> object:
    """What stands for a row in an address."""
    if isinstance(row, Operation):
        return row.key
    return getattr(row, "public_id", row.pk)


def action_of(route: Route) -> str:
    """The viewset's own name for a route."""
    patterns: list[Any] = list(urlpatterns)
    [pattern] = [each for each in patterns if each.name == route.name]
    return str(pattern.callback.actions[route.method.lower()])


def missing_id(route: Route) -> object:
    """An id that nothing has."""
    if route.who == NOBODYS:
        return 999_999
    return new_key() if route.name.startswith("operation") else uuid.uuid4()


@pytest.fixture
def ann(gateway: RecordingGateway, db: None) -> Ann:
    user = user_with("ann")
    customer = Customer.create("ann@example.com", owner=user, last_name="Lee", **CARD)
    return Ann(user, gateway, customer)


@pytest.fixture
def attempt(ann: Ann) -> Callable[..., tuple[Any, list[str]]]:
    """Try a route on what is Ann's; returns the reply and what the gateway was asked."""

    def call(caller: Caller, route: Route, public_id: object = None) -> tuple[Any, list[str]]:
        address = ann.address(route, public_id)
        before = ann.gateway.mark
        response = caller.send(route.method, address, route.body)
        return response, ann.gateway.since(before)

    return call


def test_the_table_has_every_route_of_the_router() -> None:
    served = set()
    patterns: list[Any] = list(urlpatterns)
    for pattern in patterns:
        actions: dict[str, str] = getattr(pattern.callback, "actions", {})
        served |= {(pattern.name, m.upper()) for m in actions if m != "head"}
    served.discard(("api-root", "GET"))
    assert served == {(route.name, route.method) for route in (*ROUTES, *WITHOUT_OBJECT)}


def test_every_permission_of_the_views_exists() -> None:
    registry: list[Any] = list(router.registry)
    for _prefix, viewset, _basename in registry:
        for name in viewset.action_permissions.values():
            label, codename = name.split(".")
            assert Permission.objects.filter(
                codename=codename, content_type__app_label=label
            ).exists(), name


def test_nobody(attempt: Any, subtests: pytest.Subtests) -> None:
    for route in (*ROUTES, *WITHOUT_OBJECT):
        with subtests.test(str(route)):
            response, asked = attempt(Caller(), route)
            assert json_of(response, 403)["code"] == "not_authenticated"
            assert asked == []


def test_nobody_at_the_root(db: None) -> None:
    assert json_of(Caller().get(""), 403)["code"] == "not_authenticated"
    assert set(json_of(Caller(user_with("x")).get(""), 200)) == {
        "customers",
        "cards",
        "transactions",
        "gateways",
        "differences",
        "webhook-events",
    }


# -- Others' objects -------------------------------------------------------------------------------


def strangers() -> dict[str, Callable[[Route], Any]]:
    """Callers who may not do a route to what is Ann's, whatever else they may do.

    Each is another user for each route.
    """
    return {
        "another owner": lambda route: _owner_of_another_customer(f"bob, {route}"),
        "another owner with every permission": lambda route: user_with(
            f"bob, {route}", *PERMISSIONS
        ),
        "staff without permissions": lambda route: user_with(f"sam, {route}", is_staff=True),
        "staff with every other permission": lambda route: user_with(
            f"sam, {route}",
            *(name for name in PERMISSIONS if name != route.permission),
            is_staff=True,
        ),
        "superuser without staff": lambda route: user_with(f"sue, {route}", is_superuser=True),
    }


def _owner_of_another_customer(name: str) -> Any:
    user = user_with(name)
    Customer.create("bob@example.com", owner=user, **CARD)
    return user


#: They see what is Ann's where a GET shows it, and may not do this one thing to it.
SEEING = "staff with every other permission"


@pytest.mark.parametrize("route", [r for r in DETAILS if r.method != "GET"], ids=str)
def test_what_staff_see_and_may_not_do_is_refused(ann: Ann, attempt: Any, route: Route) -> None:
    caller = Caller(strangers()[SEEING](route))
    shown = caller.get(ann.address(Route(f"{route.name.partition('-')[0]}-detail", "GET", "")))
    assert shown.status_code == 200
    response, asked = attempt(caller, route)
    refusal = json_of(response, 403)
    assert refusal["code"] == "permission_denied"
    assert f"the permission dinero.{route.permission}" in refusal["detail"]
    assert asked == []
    json_of(attempt(caller, route, missing_id(route))[0], 404)
    ann.customer.refresh_from_db()
    assert (ann.customer.last_name, ann.customer.cards[0].zip) == ("Lee", CARD["zip"])


@pytest.mark.parametrize("who", strangers())
def test_what_is_anothers_does_not_exist(
    ann: Ann, attempt: Any, who: str, subtests: pytest.Subtests
) -> None:
    for route in DETAILS:
        if who == SEEING and route.method != "GET":
            continue
        with subtests.test(str(route)):
            caller = Caller(strangers()[who](route))
            response, asked = attempt(caller, route)
            missing, _asked = attempt(caller, route, missing_id(route))
            assert json_of(response, 404) == json_of(missing, 404)
            assert json_of(response, 404)["code"] == "not_found"
            assert asked == []
            ann.customer.refresh_from_db()
            assert (ann.customer.last_name, ann.customer.cards[0].zip) == ("Lee", CARD["zip"])


@each_detail
def test_an_object_that_got_past_the_queryset_is_refused_all_the_same(
    ann: Ann, route: Route
) -> None:
    registry: list[Any] = list(router.registry)
    [viewset] = [v for _prefix, v, basename in registry if route.name.startswith(basename)]
    row = ann.row(route)
    for user, may in ((user_with("bob", *PERMISSIONS), False), (ann.user, route.who == OWNER)):
        request: Any = SimpleNamespace(user=user)
        view = viewset(request=request, action=action_of(route))
        assert OwnerOrStaffPermission().has_object_permission(request, view, row) is may


@pytest.mark.parametrize("who", strangers())
def test_lists_show_nothing_of_others(
    ann: Ann, attempt: Any, who: str, subtests: pytest.Subtests
) -> None:
    charge = Transaction.create("10.00", customer=ann.customer)
    secret = (ann.customer, ann.customer.cards[0], charge)
    for route in LISTS:
        with subtests.test(str(route)):
            response, _asked = attempt(Caller(strangers()[who](route)), route)
            json_of(response, 200)
            assert [row for row in secret if str(row.public_id) in response.content.decode()] == []


# -- Those who may ---------------------------------------------------------------------------------


def succeeded(response: Any) -> bool:
    """Whether a reply is one of success."""
    return response.status_code in (200, 201, 204)


@each
def test_staff_with_just_this_permission(attempt: Any, route: Route) -> None:
    caller = Caller(user_with("sam", route.permission, is_staff=True))
    response, _asked = attempt(caller, route)
    assert succeeded(response), response.content


@each
def test_a_superuser(attempt: Any, route: Route) -> None:
    root = get_user_model().objects.create_superuser("root")
    response, _asked = attempt(Caller(root), route)
    assert succeeded(response), response.content


@pytest.mark.parametrize("who", strangers())
def test_what_is_nobodys_is_for_staff_alone(
    attempt: Any, who: str, subtests: pytest.Subtests
) -> None:
    for route in ROUTES:
        if route.who != NOBODYS:
            continue
        with subtests.test(str(route)):
            caller = Caller(strangers()[who](route))
            for public_id in (None, missing_id(route)):
                response, asked = attempt(caller, route, public_id)
                assert json_of(response, 403)["code"] == "permission_denied"
                assert asked == []


@each
def test_the_owner(ann: Ann, attempt: Any, route: Route) -> None:
    response, asked = attempt(Caller(ann.user), route)
    if route.who == OWNER:
        assert succeeded(response), response.content
    else:
        refusal = json_of(response, 403)
        assert refusal["code"] == "permission_denied"
        assert f"the permission dinero.{route.permission}" in refusal["detail"]
        assert asked == []


@each
def test_the_owner_with_every_permission(ann: Ann, attempt: Any, route: Route) -> None:
    ann.user.user_permissions.set(Permission.objects.filter(codename__in=PERMISSIONS))
    response, asked = attempt(Caller(ann.user), route)
    if route.who in (STAFF_ALONE, NOBODYS):
        json_of(response, 403)
        assert asked == []
    else:
        assert succeeded(response), response.content


@each_list
def test_staff_and_owner_find_it_in_the_list(ann: Ann, route: Route) -> None:
    row = ann.row(route)
    callers = [Caller(ann.user), Caller(user_with("sam", route.permission, is_staff=True))]
    for caller in callers:
        shown = json_of(caller.get(ann.address(route)), 200)["results"]
        assert [each["id"] for each in shown] == [str(row.public_id)]


# -- Charges without a customer --------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{}, {"is_staff": True}], ids=["a user", "staff"])
def test_a_charge_without_a_customer_needs_the_permission(
    attempt: Any, fields: dict[str, bool]
) -> None:
    others = (name for name in PERMISSIONS if name != CHARGE.permission)
    response, asked = attempt(Caller(user_with("una", *others, **fields)), CHARGE)
    assert json_of(response, 403) == {
        "code": "permission_denied",
        "detail": f"This needs the permission dinero.{CHARGE.permission}.",
    }
    assert asked == []
    assert not Transaction.objects.exists()


@pytest.mark.parametrize(
    ("fields", "owned"),
    [({}, True), ({"is_staff": True}, False), ({"is_superuser": True}, True)],
    ids=["a user", "staff", "superuser without staff"],
)
def test_a_charge_without_a_customer_is_the_users_own(
    attempt: Any, fields: dict[str, bool], owned: bool
) -> None:
    user = user_with("una", CHARGE.permission, **fields)
    response, asked = attempt(Caller(user), CHARGE)
    row = Transaction.objects.get()
    assert json_of(response, 201)["id"] == str(row.public_id)
    assert row.owner == (user if owned else None)
    assert asked == ["charge"]


# -- Whose a new customer is -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "codenames", "owned"),
    [
        ({}, (), True),
        ({"is_staff": True}, (), True),
        ({"is_staff": True}, ("add_customer",), False),
    ],
    ids=["a user", "staff without the permission", "staff with it"],
)
def test_a_new_customer(
    gateway: RecordingGateway, fields: dict[str, bool], codenames: tuple[str, ...], owned: bool
) -> None:
    user = user_with("una", *codenames, **fields)
    json_of(Caller(user).post("customers/", CREATE.body), 201)
    assert Customer.objects.get().owner == (user if owned else None)


@pytest.mark.parametrize(
    "name",
    ["owner", "owner_id", "public_id", "id", "customer_id", "key", "gateway_name", "sync_state"],
)
def test_nobody_assigns_what_is_not_theirs_to_assign(ann: Ann, name: str) -> None:
    caller = Caller(ann.user)
    before = ann.gateway.mark
    customer, card = ann.customer, ann.customer.cards[0]
    for method, address in (
        ("POST", "customers/"),
        ("PATCH", f"customers/{customer.public_id}/"),
        ("POST", f"customers/{customer.public_id}/cards/"),
        ("PATCH", f"cards/{card.public_id}/"),
    ):
        body = {"email": "x@example.com"} if address == "customers/" else {}
        shown = json_of(caller.send(method, address, {**body, name: "1"}), 400)
        assert name in shown["errors"], (method, address)
    assert ann.gateway.since(before) == []


def test_a_user_does_not_choose_the_gateway_not_even_one_that_there_is(ann: Ann) -> None:
    body = {"email": "x@example.com", "gateway_name": "default"}
    shown = json_of(Caller(ann.user).post("customers/", body), 400)
    assert set(shown["errors"]) == {"gateway_name"}


@pytest.mark.parametrize("later", [True, False], ids=["of the customer", "of the transaction"])
def test_a_transaction_is_its_owners_and_its_customers_owners(ann: Ann, later: bool) -> None:
    other = Caller(user_with("bob"))
    Customer.objects.update(owner=None)
    charge = Transaction.create("1.00", customer=Customer.objects.get())
    path = f"transactions/{charge.public_id}/"
    json_of(other.get(path), 404)
    if later:
        Customer.objects.update(owner=other.user)
    else:
        Transaction.objects.update(owner=other.user)
    json_of(other.get(path), 200)


def test_a_charge_of_ones_own_card_cannot_name_another(ann: Ann) -> None:
    ann.user.user_permissions.set(Permission.objects.filter(codename="charge_creditcard"))
    address = f"customers/{ann.customer.public_id}/charge/"
    for name in ("card", "customer", "number", "token", "owner", "initiator", "scope"):
        body = {"price": "1.00", name: "x"}
        assert set(json_of(Caller(ann.user).post(address, body), 400)["errors"]) == {name}
    assert not Transaction.objects.exists()
