"""What each action of the API takes and answers: the table that the schema is made of.

A route without its row here fails a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django_dinero.api import serializers, token_charges
from django_dinero.api.gateways import GatewaySerializer
from django_dinero.api.openapi.parameters import Need
from django_dinero.api.views.cards import CardViewSet
from django_dinero.api.views.charges import ChargeViewSet
from django_dinero.api.views.customers import CustomerViewSet
from django_dinero.api.views.differences import DifferenceViewSet
from django_dinero.api.views.gateways import GatewayViewSet
from django_dinero.api.views.operations import OperationViewSet
from django_dinero.api.views.root import RootView
from django_dinero.api.views.transactions import TransactionViewSet
from django_dinero.api.views.webhook_events import WebhookEventViewSet

#: Whoever asks, and whatever for: a parameter may be unknown, a gateway not set up, or the tables
#: not there.
ANY = frozenset({400, 401, 403, 405, 406, 429, 503})
READ = ANY | {404}
#: A body is read first.
WRITE = READ | {411, 413, 415}
#: Stored cards and customers: the gateway is asked.
PUSH = WRITE | {202, 402, 409, 502, 503}
#: A key that was used for something else, or an amount that cannot be.
MONEY = PUSH | {422}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One action.

    Attributes:
        name: of the operation, with the resource before it.
        summary: in a few words.
        answers: the serializers of a success; of several, who asks decides.
        problems: every status that is no such success.
        takes: the serializers of the body; of several, who asks decides.
        key: whether there must or may be an ``Idempotency-Key``.
        status: of a success.
        description: what the summary leaves out.
        paged: whether a list has parameters for its pages.
    """

    name: str
    summary: str
    answers: tuple[type[Any], ...]
    problems: frozenset[int]
    takes: tuple[type[Any], ...] = ()
    key: Need | None = None
    status: int = 200
    description: str = ""
    paged: bool = True


_CARD = (serializers.CardSerializer,)
_CUSTOMER = (serializers.CustomerSerializer,)
# Staff's first: it has all that the other has, and a client takes the first that fits.
_TRANSACTION = (serializers.StaffTransactionSerializer, serializers.TransactionSerializer)
_CHARGE = (serializers.NewChargeSerializer, serializers.StaffNewChargeSerializer)
_TOKEN_CHARGE = (
    token_charges.ShopperChargeSerializer,
    token_charges.TokenChargeSerializer,
    token_charges.StaffTokenChargeSerializer,
)
_FOLLOW_UP = (serializers.FollowUpSerializer,)
_DESCRIPTION = (serializers.VoidSerializer,)
_DIFFERENCE = (serializers.DifferenceSerializer,)
_EVENT = (serializers.WebhookEventSerializer,)

_ONCE = "The same key again moves no money again: it brings the first answer."
_STAFF = "For staff with the permission."


def _money(name: str, summary: str, takes: tuple[type[Any], ...], **more: Any) -> Endpoint:
    """Return a verb that moves money once for each key, and makes a transaction."""
    given: dict[str, Any] = {"status": 201, "description": _ONCE, **more}
    return Endpoint(name, summary, _TRANSACTION, MONEY, takes, "required", **given)


#: By view and action.
ENDPOINTS: Mapping[tuple[type[Any], str], Endpoint] = {
    (RootView, "get"): Endpoint("root", "The addresses of the lists", (), ANY | {404}),
    # -- Customers
    (CustomerViewSet, "list"): Endpoint("list", "List customers", _CUSTOMER, READ),
    (CustomerViewSet, "retrieve"): Endpoint("retrieve", "Show a customer", _CUSTOMER, READ),
    (CustomerViewSet, "create"): Endpoint(
        "create",
        "Store a customer",
        _CUSTOMER,
        MONEY,
        (serializers.NewCustomerSerializer, serializers.StaffNewCustomerSerializer),
        "optional",
        status=201,
        description=(
            "With a first card where `number` or `token` is given. A user who has a customer with "
            "this e-mail address gets that one, with the card added."
        ),
    ),
    (CustomerViewSet, "partial_update"): Endpoint(
        "update",
        "Change a customer",
        _CUSTOMER,
        PUSH,
        (serializers.CustomerUpdateSerializer,),
        description="Here and at the gateway.",
    ),
    (CustomerViewSet, "destroy"): Endpoint(
        "delete", "Delete a customer", (), PUSH, status=204, description="With all cards."
    ),
    (CustomerViewSet, "cards"): Endpoint(
        "add_card",
        "Store a card",
        _CARD,
        PUSH,
        (serializers.NewCardSerializer,),
        status=201,
        description="A card that the gateway has already is a 409 that names it.",
    ),
    (CustomerViewSet, "charge"): _money("charge", "Charge the default card", _CHARGE),
    # -- Cards
    (CardViewSet, "list"): Endpoint("list", "List cards", _CARD, READ),
    (CardViewSet, "retrieve"): Endpoint("retrieve", "Show a card", _CARD, READ),
    (CardViewSet, "partial_update"): Endpoint(
        "update",
        "Change a card",
        _CARD,
        PUSH,
        (serializers.CardUpdateSerializer,),
        description="Its address, its expiry date, or whether it is the default.",
    ),
    (CardViewSet, "destroy"): Endpoint("delete", "Delete a card", (), PUSH, status=204),
    (CardViewSet, "charge"): _money("charge", "Charge a card", _CHARGE),
    (CardViewSet, "default"): Endpoint(
        "make_default",
        "Make a card the default",
        _CARD,
        PUSH,
        description="It is charged where only the customer is named.",
    ),
    (CardViewSet, "validate"): Endpoint(
        "validate",
        "Ask the issuer whether a card is good",
        _CARD,
        PUSH,
        (serializers.ValidationSerializer,),
    ),
    # -- Transactions
    (TransactionViewSet, "list"): Endpoint("list", "List transactions", _TRANSACTION, READ),
    (TransactionViewSet, "retrieve"): Endpoint(
        "retrieve", "Show a transaction", _TRANSACTION, READ
    ),
    (TransactionViewSet, "capture"): _money(
        "capture",
        "Capture an authorization",
        _FOLLOW_UP,
        description=f"All of it, or `amount`. {_STAFF} {_ONCE}",
    ),
    (TransactionViewSet, "void"): _money(
        "void", "Cancel a payment", _DESCRIPTION, description=f"{_STAFF} {_ONCE}"
    ),
    (TransactionViewSet, "refund"): _money(
        "refund",
        "Give a payment back",
        _FOLLOW_UP,
        description=f"All that is left, or `amount`. {_STAFF} {_ONCE}",
    ),
    (TransactionViewSet, "approve"): _money(
        "approve",
        "Take a payment that is held for review",
        _DESCRIPTION,
        status=200,
        description=f"{_STAFF} {_ONCE}",
    ),
    (TransactionViewSet, "decline"): _money(
        "decline",
        "Refuse a payment that is held for review",
        _DESCRIPTION,
        status=200,
        description=f"{_STAFF} {_ONCE}",
    ),
    (TransactionViewSet, "refresh"): Endpoint(
        "refresh",
        "Ask the gateway how a transaction stands",
        _TRANSACTION,
        PUSH,
        description=_STAFF,
    ),
    # -- The rest
    (ChargeViewSet, "create"): _money(
        "create",
        "Charge a token or a new card",
        _TOKEN_CHARGE,
        description=(
            "Of no customer. Shoppers pay what the project says they owe. Whoever is not signed in "
            f"sends a random UUID as the key. {_ONCE}"
        ),
    ),
    (GatewayViewSet, "list"): Endpoint(
        "list",
        "List the gateways that you may use",
        (GatewaySerializer,),
        READ,
        paged=False,
        description="With the keys that a browser needs to make tokens.",
    ),
    (OperationViewSet, "retrieve"): Endpoint(
        "retrieve",
        "Look up how a request ended",
        (serializers.StaffOperationSerializer, serializers.OperationSerializer),
        READ,
        description="The gateway is asked while that is not known.",
    ),
    (DifferenceViewSet, "list"): Endpoint(
        "list", "List differences", _DIFFERENCE, READ, description=_STAFF
    ),
    (DifferenceViewSet, "retrieve"): Endpoint(
        "retrieve", "Show a difference", _DIFFERENCE, READ, description=_STAFF
    ),
    (DifferenceViewSet, "close"): Endpoint(
        "close",
        "Close a difference",
        _DIFFERENCE,
        WRITE | {409, 503},
        (serializers.ExplanationSerializer,),
        description=f"With a note that explains it; no books are changed. {_STAFF}",
    ),
    (WebhookEventViewSet, "list"): Endpoint(
        "list", "List webhook events", _EVENT, READ, description=_STAFF
    ),
    (WebhookEventViewSet, "retrieve"): Endpoint(
        "retrieve", "Show a webhook event", _EVENT, READ, description=_STAFF
    ),
    (WebhookEventViewSet, "replay"): Endpoint(
        "replay",
        "Apply a webhook event again",
        _EVENT,
        WRITE | {409, 503},
        description=f"Its `state` and `error` say whether that worked. {_STAFF}",
    ),
}

#: By view: the name of the operations, and of their group on a page.
RESOURCES: Mapping[type[Any], tuple[str, str]] = {
    RootView: ("api", "Addresses"),
    CustomerViewSet: ("customers", "Customers"),
    CardViewSet: ("cards", "Cards"),
    TransactionViewSet: ("transactions", "Transactions"),
    ChargeViewSet: ("charges", "Charges"),
    GatewayViewSet: ("gateways", "Gateways"),
    OperationViewSet: ("operations", "Operations"),
    DifferenceViewSet: ("differences", "Differences"),
    WebhookEventViewSet: ("webhook_events", "Webhook events"),
}


def described(view: Any, action: str) -> tuple[type[Any], Endpoint] | None:
    """Return the row of a view's action, and the view of the table.

    A project's own subclass has the rows of its base, and none for actions of its own.
    """
    for kind in type(view).__mro__:
        found = ENDPOINTS.get((kind, action))
        if found is not None:
            return kind, found
    return None
