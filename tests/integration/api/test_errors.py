"""Exceptions as answers: each class's status, one shape, nothing that is not the caller's."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import OperationalError
from django.http import Http404
from django.test import RequestFactory
from django.urls import resolve
from rest_framework.exceptions import AuthenticationFailed, NotFound, Throttled, ValidationError
from rest_framework.exceptions import PermissionDenied as DeniedByTheFramework
from rest_framework.response import Response

from django_dinero import exceptions
from django_dinero.api import exception_handler
from django_dinero.exceptions import DineroError, InvalidInput
from django_dinero.gateways.registry import GatewayMisconfigured, get_gateway
from django_dinero.models import Customer, Operation
from django_dinero.testing.factories import (
    CreditCardFactory,
    CustomerFactory,
    OperationFactory,
    TransactionFactory,
)
from tests.integration.api.calling import Caller, json_of
from tests.support.misconfigured import misconfigure
from tests.support.racing import before_statement
from tests.support.recording import RecordingGateway

NUMBER = "4012888818888"

STATUSES = {
    "AVSAndCVVError": 402,
    "AVSError": 402,
    "ActionRequired": 402,
    "AuthenticationError": 502,
    "CVVError": 402,
    "CardDeclinedError": 402,
    "CardLimitError": 409,
    "CardNotFoundError": 409,
    "CustomerNotFoundError": 409,
    "DineroError": 500,
    "DuplicateCardError": 409,
    "DuplicateCustomerError": 409,
    "DuplicateTransactionError": 409,
    "ExpiryError": 402,
    "GatewayError": 502,
    "GatewayUnavailableError": 503,
    "HeldForReview": 202,
    "IdempotencyKeyReused": 422,
    "InsideTransaction": 500,
    "InvalidAmountError": 422,
    "InvalidAmountInput": 400,
    "InvalidCVVInput": 400,
    "InvalidCardError": 402,
    "InvalidCardInput": 400,
    "InvalidExpiryInput": 400,
    "InvalidInput": 400,
    "InvalidTransactionError": 409,
    "NeedsAttention": 202,
    "NotPermittedError": 502,
    "NotSent": 503,
    "OperationClosed": 409,
    "OperationInProgress": 409,
    "OrderPaid": 409,
    "OutcomeUnknown": 202,
    "RefundError": 409,
    "UnsupportedFeature": 400,
}


#: Where the answer's code is not the exception's: "authentication_failed" is a caller's sign-in.
CODES = {"AuthenticationError": "gateway_error"}
#: What cardholders get one and the same answer to.
DECLINES = {
    *("AVSAndCVVError", "AVSError", "CVVError", "CardDeclinedError"),
    *("ExpiryError", "InvalidCardError"),
}


def error_of(name: str, text: str = "said", **context: Any) -> DineroError:
    """An exception of a class."""
    kind: type[DineroError] = getattr(exceptions, name)
    if issubclass(kind, InvalidInput):
        return kind({"field": text}, **context)
    return kind(text, **context)


def answer(error: Exception, *, staff: bool = True) -> Response:
    """What the views answer."""
    request = RequestFactory().get("/api/")
    request.resolver_match = resolve("/api/")
    request.user = get_user_model()()
    view = SimpleNamespace(sees_all=lambda: staff)
    response = exception_handler.handle(error, {"view": view, "request": request})
    assert response is not None
    return response


def test_every_exception_has_its_status_in_the_table() -> None:
    assert set(STATUSES) == set(exceptions.__all__)


@pytest.mark.parametrize("name", exceptions.__all__)
def test_the_status_and_the_code_of_each_exception(name: str) -> None:
    error = error_of(name)
    response = answer(error)
    assert response.status_code == STATUSES[name]
    assert response.data["code"] == CODES.get(name, error.code)
    assert response.data["detail"]


@pytest.mark.parametrize("name", exceptions.__all__)
def test_cardholders_are_told_no_word_of_the_gateways(name: str) -> None:
    error = error_of(name, "velocity filter 7 at db3.internal")
    response = answer(error, staff=False)
    expected = "card_declined" if name in DECLINES else CODES.get(name, error.code)
    assert (response.status_code, response.data["code"]) == (STATUSES[name], expected)
    ours = {"IdempotencyKeyReused", "OperationInProgress", "UnsupportedFeature"}
    told = "velocity" in response.data["detail"]
    assert told is (name in ours or "Input" in name)


def test_one_decline_is_like_another_to_a_cardholder() -> None:
    answers = [answer(error_of(name), staff=False) for name in sorted(DECLINES)]
    assert {(a.status_code, str(a.data)) for a in answers} == {
        (402, str({"code": "card_declined", "detail": "The card was declined."}))
    }


@pytest.mark.parametrize("name", exceptions.__all__)
def test_only_what_passes_says_when_to_try_again(name: str) -> None:
    passing = name in {"NotSent", "OperationInProgress", "GatewayUnavailableError"}
    assert answer(error_of(name)).has_header("Retry-After") is passing


@pytest.mark.parametrize("name", exceptions.__all__)
def test_no_text_of_a_gateway_brings_a_number_back(name: str) -> None:
    response = answer(error_of(name, f"bad number {NUMBER}"))
    assert NUMBER not in str(response.data)


@pytest.mark.parametrize("name", ["AuthenticationError", "InsideTransaction"])
def test_how_the_server_is_set_up_is_for_its_log(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = answer(error_of(name, "login id 5KP3u95bQpv"))
    assert "5KP3" not in str(response.data)
    [record] = [r for r in caplog.records if r.name == "django_dinero.api"]
    assert record.levelno == logging.ERROR
    assert "5KP3" in record.getMessage()


def test_what_is_the_callers_own_fault_is_no_error_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ("InvalidInput", "CardDeclinedError", "OutcomeUnknown"):
        answer(error_of(name))
    assert [r for r in caplog.records if r.name == "django_dinero.api"] == []


@pytest.mark.parametrize("name", ["DuplicateCardError", "DuplicateCustomerError"])
def test_the_id_that_a_duplicate_names_stays_with_the_gateway(name: str) -> None:
    response = answer(error_of(name, "A duplicate record with ID 39931060 already exists."))
    assert "39931060" not in str(response.data)


def test_the_first_refusal_of_several_is_answered() -> None:
    inner = ExceptionGroup("inner", [error_of("NotSent"), error_of("CardDeclinedError")])
    group = ExceptionGroup("several", [inner, error_of("AVSError")])
    assert answer(group).status_code == 503


BUG = ValueError("a bug")


@pytest.mark.parametrize(
    "error",
    [
        BUG,
        ExceptionGroup("bugs", [BUG]),
        ExceptionGroup("mixed", [BUG, error_of("NotSent")]),
        ExceptionGroup("mixed", [error_of("NotSent"), ExceptionGroup("inner", [BUG])]),
    ],
    ids=["alone", "several", "among ours", "deep among ours"],
)
def test_a_bug_is_left_to_the_server(error: Exception) -> None:
    assert exception_handler.handle(error, {}) is None


# -- What the answer is about ----------------------------------------------------------------------


@pytest.mark.django_db
def test_the_row_and_the_operation_are_named() -> None:
    row, operation = TransactionFactory(), OperationFactory()
    data = answer(error_of("CardDeclinedError", transaction=row, operation=operation)).data
    assert data["transaction"] == str(row.public_id)
    assert data["operation"] == operation.key
    assert set(data) == {"code", "detail", "transaction", "operation"}


@pytest.mark.django_db
@pytest.mark.parametrize("name", exceptions.__all__)
def test_what_is_still_to_come_has_an_address(name: str) -> None:
    operation = OperationFactory()
    response = answer(error_of(name, operation=operation))
    expected = f"http://testserver/api/operations/{operation.key}/"
    still_to_come = STATUSES[name] == 202 or name == "ActionRequired"
    assert response.headers.get("Location") == (expected if still_to_come else None)
    assert "Location" not in answer(error_of(name)).headers


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["OutcomeUnknown", "NeedsAttention"])
def test_an_unknown_charge_is_not_to_be_repeated_with_another_key(name: str) -> None:
    charge = answer(error_of(name, operation=OperationFactory(kind="charge"))).data["detail"]
    assert "Do not repeat it with a new Idempotency-Key" in charge
    change = answer(error_of(name, operation=OperationFactory(kind="update_card"))).data["detail"]
    assert "Idempotency-Key" not in change


@pytest.mark.django_db
def test_a_duplicate_card_is_named_where_it_is_the_same_customers() -> None:
    card = CreditCardFactory()
    other = CustomerFactory()
    for customer_id, named in ((card.customer_id, True), (other.customer_id, False)):
        operation = OperationFactory(kind="add_card", customer_id=customer_id)
        error = exceptions.DuplicateCardError("", card_id=card.card_id, operation=operation)
        expected = {"existing": str(card.public_id)} if named else {}
        data = answer(error).data
        assert {k: v for k, v in data.items() if k == "existing"} == expected


@pytest.mark.django_db
def test_a_duplicate_customer_names_nobody_elses_row() -> None:
    theirs = CustomerFactory()
    operation = OperationFactory(kind="create_customer", intent={"customer_key": "another"})
    error = exceptions.DuplicateCustomerError(
        "", customer_id=theirs.customer_id or "", operation=operation
    )
    assert "existing" not in answer(error).data


# -- The framework's own ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Http404("No Customer matches"), 404, "not_found"),
        (NotFound(), 404, "not_found"),
        (PermissionDenied("no"), 403, "permission_denied"),
        (Throttled(wait=9), 429, "throttled"),
        (DeniedByTheFramework("no", code="no_second_factor"), 403, "no_second_factor"),
    ],
    ids=["404", "not found", "403", "429", "403 with a code"],
)
def test_the_frameworks_errors_have_the_same_shape(error: Any, status: int, code: str) -> None:
    response = answer(error)
    assert response.status_code == status
    assert response.data["code"] == code
    assert set(response.data) == {"code", "detail"}


def test_what_token_authentication_says_is_told_in_words() -> None:
    said = {"detail": "The token has expired.", "code": "token_not_valid", "messages": []}
    assert answer(AuthenticationFailed(said)).data == {
        "code": "authentication_failed",
        "detail": "The token has expired.",
    }


def test_wrong_fields_are_named_and_their_texts_scrubbed() -> None:
    response = answer(ValidationError({"a": [f"{NUMBER} is wrong"], "b": "also"}))
    assert response.data == {
        "code": "invalid_input",
        "detail": "a: [secret] is wrong b: also",
        "errors": {"a": ["[secret] is wrong"], "b": ["also"]},
    }
    assert answer(ValidationError("all")).data["errors"] == {"non_field_errors": ["all"]}


# -- A server that is not set up -------------------------------------------------------------------


@pytest.mark.django_db
def test_a_gateway_that_refuses_to_be_built_is_told_and_its_reason_logged(
    owner: Caller,
    customer: Customer,
    gateway: RecordingGateway,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    misconfigure(settings, number=NUMBER)
    before = Operation.objects.count()
    answer = owner.post(f"customers/{customer.public_id}/charge/", {"price": "1.00"})
    assert json_of(answer, 503) == {
        "code": "misconfigured",
        "detail": "The payment gateway is not set up. Nothing was sent.",
    }
    assert Operation.objects.count() == before
    assert not gateway.bank.transactions()
    [line] = [each for each in caplog.records if "misconfigured" in each.getMessage()]
    assert (line.levelname, line.name.split(".")[0]) == ("ERROR", "django_dinero")
    assert "refuses to be built" in line.getMessage()
    assert NUMBER not in line.getMessage()


def test_what_else_is_configured_wrongly_is_a_bug() -> None:
    request = RequestFactory().get("/api/")
    context = {"view": SimpleNamespace(sees_all=lambda: True), "request": request}
    assert exception_handler.handle(ImproperlyConfigured("no SECRET_KEY"), context) is None


def test_a_gateway_says_by_its_class_that_it_refuses_to_be_built(settings: Any) -> None:
    misconfigure(settings)
    with pytest.raises(GatewayMisconfigured, match="refuses to be built") as caught:
        get_gateway()
    assert isinstance(caught.value.__cause__, ImproperlyConfigured)


def _no_table() -> None:
    raise OperationalError("no such table: dinero_customer") from sqlite3.OperationalError()


@pytest.mark.django_db
@pytest.mark.sqlite
def test_a_read_before_migrate_says_what_a_write_does(staff: Callable[..., Caller]) -> None:
    caller = staff("view_customer")
    with before_statement("SELECT", _no_table, about="dinero_customer"):
        answer = caller.get("customers/")
    shown = json_of(answer, 503)
    assert shown["code"] == "not_sent"
    assert "run manage.py migrate" in shown["detail"]


@pytest.mark.django_db
def test_a_read_that_fails_otherwise_is_a_server_error(owner: Caller) -> None:
    def failing() -> None:
        raise OperationalError("disk is full")

    with (
        before_statement("SELECT", failing, about="dinero_customer"),
        pytest.raises(OperationalError),
    ):
        owner.get("customers/")
