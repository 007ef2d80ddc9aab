"""Schemathesis makes up requests to every route, right ones and wrong ones, from the schema alone.

Nothing may end in a server error or in an answer that the schema does not have. A test that fails
prints its seed. ``DINERO_SCHEMA_SEED`` is another one, ``DINERO_SCHEMA_EXAMPLES`` more requests.
"""

from __future__ import annotations

import base64
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as bounds
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from django_dinero import throttle_rates
from django_dinero.api.openapi.endpoints import ENDPOINTS, RESOURCES
from django_dinero.exceptions import HeldForReview
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.models.difference import DifferenceKind
from django_dinero.services.reconcile import differences
from django_dinero.services.reconcile.differences import Found
from tests.integration.api.calling import user_with
from tests.support import contract_of_the_api
from tests.support.recording import RecordingGateway
from tests.support.thoroughness import THOROUGH
from tests.support.webhooks import notice, receive

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.django_db]

SEED = int(os.environ.get("DINERO_SCHEMA_SEED", "20261129"))
EXAMPLES = int(os.environ.get("DINERO_SCHEMA_EXAMPLES", "8" if THOROUGH else "5"))
NAMES = [f"{RESOURCES[view][0]}_{each.name}" for (view, _), each in ENDPOINTS.items()]
#: Owners are refused by all of these alike.
OF_STAFF = ("differences", "webhook_events")
WHO = [
    *((name, "staff") for name in NAMES),
    *((name, "owner") for name in NAMES if not name.startswith(OF_STAFF)),
]
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.unsupported_method,
    checks.missing_required_header,
]


@pytest.fixture(scope="module")
def operations() -> dict[str, Any]:
    """What can be called, by name, in this process."""
    found = schemathesis.openapi.from_dict(contract_of_the_api.contract().schema)
    found.app = get_wsgi_application()
    results: list[Any] = list(found.get_all_operations())
    each = [result.ok() for result in results]
    return {op.definition.raw["operationId"].removeprefix("dinero_"): op for op in each}


@pytest.fixture(autouse=True)
def in_this_transaction(settings: Any) -> Iterator[None]:
    """Let a request keep the connection of the test, and its caller sign in by name."""
    settings.REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"],
        "DEFAULT_THROTTLE_RATES": dict.fromkeys(throttle_rates.DEFAULTS),
    }
    # Card numbers are taken over https alone.
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    for moment in (signals.request_started, signals.request_finished):
        moment.disconnect(close_old_connections)
    yield
    for moment in (signals.request_started, signals.request_finished):
        moment.connect(close_old_connections)


def a_row_for(name: str, gateway: RecordingGateway, customer: Customer) -> Any:
    """The id of something that an operation can be done to."""
    resource = name.rpartition("_")[0]
    if name.startswith("customers"):
        return customer.public_id
    if name.startswith("cards"):
        return customer.cards[0].public_id
    if resource == "operations":
        return Operation.objects.get(customer_key=customer.customer_key).key
    if resource == "differences":
        found = Found(kind=DifferenceKind.STATUS, subject="1", text="found")
        return differences.record(gateway, found).pk
    if resource == "webhook_events":
        event: Any = receive(gateway, notice("transaction", "60012345"))
        return event.pk
    if name in ("transactions_approve", "transactions_decline"):
        gateway.bank.hold_next()
        with pytest.raises(HeldForReview) as caught:
            Transaction.create("10.00", customer=customer)
        return caught.value.transaction.public_id
    row = Transaction.create("10.00", customer=customer, settle=name != "transactions_capture")
    gateway.bank.settle_batch()
    return row.public_id


def signed_in(name: str) -> dict[str, str]:
    """The header of somebody who is signed in."""
    token = base64.b64encode(f"{name}:{name}".encode()).decode()
    return {"Authorization": f"Basic {token}", "X-Forwarded-Proto": "https"}


@pytest.mark.parametrize(("name", "who"), WHO)
def test_nothing_but_what_the_schema_says(
    operations: dict[str, Any], gateway: RecordingGateway, customer: Customer, name: str, who: str
) -> None:
    if who == "staff":
        user_with("staff", password="staff", is_staff=True, is_superuser=True)
    else:
        customer.owner.set_password("owner")  # type: ignore[union-attr]
        customer.owner.save()  # type: ignore[union-attr]
    operation, real = operations[name], a_row_for(name, gateway, customer)
    seen: Counter[int] = Counter()

    def call(case: Any, *, there: bool) -> None:
        for parameter in ("id", "key"):
            if there and parameter in (case.path_parameters or {}):
                case.path_parameters[parameter] = str(real)
        response = case.call(headers=signed_in(who))
        seen[response.status_code] += 1
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as failures:
            said = "\n".join(str(each) for each in failures.exceptions)
            pytest.fail(f"{case.method} {case.formatted_path} {case.query} {case.body}\n{said}")

    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        strategy = operation.as_strategy(generation_mode=mode)
        run = bounds(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )(seed(SEED)(given(case=strategy, there=st.sampled_from([True, True, False]))(call)))
        try:
            run()
        except Unsatisfiable:
            # Where a request has no part that could be wrong, there may be no wrong one.
            if mode is GenerationMode.POSITIVE or operation.body or operation.query:
                raise
    print(f"{name} as {who}, seed {SEED}: {dict(seen)}")  # noqa: T201 - shown when it fails
    assert seen.total() >= 2
