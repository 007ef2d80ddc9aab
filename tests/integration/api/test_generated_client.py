"""A client that is generated from the schema does the whole main job, over HTTP."""

from __future__ import annotations

import base64
import importlib
import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.urls import include, path

from tests.integration.api.calling import user_with
from tests.support import contract_of_the_api
from tests.support.recording import RecordingGateway

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PACKAGE = "payments_client"

urlpatterns = [
    path("api/schema/", include("django_dinero.api.openapi.urls")),
    path("api/", include("django_dinero.api.urls")),
]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a client that was generated from the schema."""
    folder = tmp_path_factory.mktemp("client")
    schema, config = folder / "schema.json", folder / "config.yml"
    schema.write_text(json.dumps(contract_of_the_api.contract().schema))
    config.write_text(f"package_name_override: {PACKAGE}\npost_hooks: []\n")
    command = [
        *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"),
        *("--path", str(schema), "--config", str(config), "--output-path", str(folder / PACKAGE)),
        "--fail-on-warning",
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder
        for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
            del sys.modules[name]


@pytest.fixture
def models(generated: Path) -> Any:
    """The classes of the generated client."""
    return importlib.import_module(f"{PACKAGE}.models")


@pytest.fixture
def sign_in(
    generated: Path, live_server: Any, settings: Any, gateway: RecordingGateway
) -> Callable[[str], Any]:
    """Returns a client of somebody who is signed in; each of its answers is held to the schema."""
    settings.ROOT_URLCONF = __name__
    settings.REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"]
    }
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    client = importlib.import_module(f"{PACKAGE}.client")

    def hold_to_the_schema(response: Any) -> None:
        response.read()
        request = response.request
        body = request.content or b"{}"
        seen = SimpleNamespace(
            status_code=response.status_code, content=response.content, headers=response.headers
        )
        address = request.url.raw_path.decode()
        headers = {name.title(): value for name, value in request.headers.items()}
        contract_of_the_api.check(request.method, address, headers, body, seen)

    def client_of(name: str) -> Any:
        token = base64.b64encode(f"{name}:{name}".encode()).decode()
        return client.AuthenticatedClient(
            base_url=live_server.url,
            token=token,
            prefix="Basic",
            headers={"X-Forwarded-Proto": "https"},
            httpx_args={"event_hooks": {"response": [hold_to_the_schema]}},
        )

    return client_of


def call(client: Any, group: str, name: str, *args: Any, **given: Any) -> Any:
    """Call an operation by its generated function; returns the status and what was parsed."""
    module = importlib.import_module(f"{PACKAGE}.api.{group}.dinero_{group}_{name}")
    response = module.sync_detailed(*args, client=client, **given)
    return response.status_code, response.parsed


def test_the_whole_main_job(
    sign_in: Callable[[str], Any], models: Any, gateway: RecordingGateway
) -> None:
    user_with("shop", password="shop", is_staff=True, is_superuser=True)
    shop = sign_in("shop")

    # A customer with a card.
    new = models.DineroNewCustomer(
        email="bill@example.com", number="4111111111111111", month=12, year=2050, cvv="900"
    )
    status, customer = call(shop, "customers", "create", body=new)
    assert (status, type(customer)) == (201, models.DineroCustomer)
    [card] = customer.cards
    assert (card.last_4, card.month, card.sync_state.value) == ("1111", 12, "synced")
    assert isinstance(card.id, uuid.UUID)

    # A charge, twice with one key.
    body = models.DineroNewCharge(price="12.50", order_reference="1042")
    once: dict[str, Any] = {"body": body, "idempotency_key": "order-1042-1"}
    status, charge = call(shop, "cards", "charge", card.id, **once)
    assert (status, type(charge)) == (201, models.DineroStaffTransaction)
    assert (charge.price, charge.status.value, charge.children) == ("12.50", "approved", [])
    assert call(shop, "cards", "charge", card.id, **once) == (201, charge)

    # An authorization, captured in part and given back in part.
    hold = models.DineroStaffNewCharge(price="80.00", settle=False, initiator="merchant")
    status, held = call(
        shop, "customers", "charge", customer.id, body=hold, idempotency_key="order-1043-hold"
    )
    assert (status, held.kind.value, held.left_to_capture) == (201, "authorization", "80.00")
    part = models.DineroFollowUp(amount="60.00")
    status, capture = call(
        shop, "transactions", "capture", held.id, body=part, idempotency_key="order-1043-capture"
    )
    assert (status, capture.kind.value, capture.parent) == (201, "capture", held.id)
    gateway.bank.settle_batch()
    part = models.DineroFollowUp(amount="10.00")
    status, refund = call(
        shop, "transactions", "refund", capture.id, body=part, idempotency_key="order-1043-refund"
    )
    assert (status, refund.kind.value, refund.price) == (201, "refund", "10.00")

    # A charge of a token that no customer has.
    token = gateway.bank.mint_token("4111111111111111", month=12, year=2060, cvv="900")
    body = models.DineroTokenCharge(price="9.90", token=token)
    once = {"body": body, "idempotency_key": "order-1045-1"}
    status, guest = call(shop, "charges", "create", **once)
    assert (status, guest.price, guest.customer) == (201, "9.90", None)
    status, found = call(shop, "gateways", "list")
    assert (status, [each.name for each in found.results]) == (200, ["default"])

    # Lists, narrowed and in order.
    narrowed: dict[str, Any] = {"kind": "capture,refund", "customer": customer.id}
    status, page = call(shop, "transactions", "list", **narrowed)
    assert (status, type(page)) == (200, models.DineroTransactionPage)
    assert [row.id for row in page.results] == [refund.id, capture.id]
    status, page = call(shop, "transactions", "list", price_from="50.00", page_size=1)
    assert (status, [row.id for row in page.results]) == (200, [capture.id])
    assert "cursor=" in page.next_


def test_a_refusal_is_read_too(sign_in: Callable[[str], Any], models: Any) -> None:
    user_with("bill", password="bill")
    bill = sign_in("bill")
    card: dict[str, Any] = {"number": "4007000000027", "month": 12, "year": 2050, "cvv": "901"}
    new = models.DineroNewCustomer(email="eve@example.com", **card)
    status, error = call(bill, "customers", "create", body=new)
    assert (status, type(error), error.code.value) == (402, models.DineroError, "card_declined")

    status, operation = call(bill, "operations", "retrieve", error.operation)
    assert (status, type(operation)) == (200, models.DineroOperation)
    assert (operation.state.value, operation.transaction, operation.customer) == (
        "declined",
        None,
        None,
    )
    missing = models.DineroNewCustomer(email="nobody")
    status, error = call(bill, "customers", "create", body=missing)
    assert (status, error.code.value) == (400, "invalid_input")
    assert set(error.errors.additional_properties) == {"email"}


def test_the_holder_confirms(sign_in: Callable[[str], Any], models: Any) -> None:
    user_with("ann", "charge_creditcard", password="ann")
    ann = sign_in("ann")
    new = models.DineroNewCustomer(
        email="ann@example.com", number="4000000000003220", month=12, year=2050
    )
    _status, customer = call(ann, "customers", "create", body=new)
    body = models.DineroNewCharge(price="30.00")
    once: dict[str, Any] = {"body": body, "idempotency_key": "order-1044-1"}
    status, error = call(ann, "customers", "charge", customer.id, **once)
    assert (status, error.code.value) == (402, "action_required")
    assert error.next_action.kind.value == "redirect"
    status, operation = call(ann, "operations", "retrieve", error.operation)
    assert (status, operation.state.value) == (200, "requires_action")
    # What a cardholder sees is of the smaller class.
    status, row = call(ann, "transactions", "retrieve", error.transaction)
    assert (status, type(row)) == (200, models.DineroTransaction)
