"""What a gateway's call returns and raises: scrubbed, and without the frames of the backend."""

from __future__ import annotations

import ast
import logging
import traceback
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from django_dinero import services
from django_dinero.cards import CardDetails
from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus, TransactionKind
from django_dinero.exceptions import DineroError, InvalidInput, OutcomeUnknown
from django_dinero.gateways.base import VERBS
from django_dinero.gateways.calls import ask, check_request, log_broken_call
from django_dinero.gateways.options import hidden_values
from django_dinero.gateways.sandbox import SandboxGateway
from django_dinero.gateways.types import (
    Ack,
    CardRequest,
    CredentialsCheck,
    LookupResult,
    Reason,
    Refusal,
    RemoteCard,
    RemoteTransaction,
    TransactionResult,
)
from django_dinero.redaction import MASK, Secret, scrub

NUMBER = "4111111111111111"
CVV = "9738"
REQUEST = CardRequest("key", "c1", CardDetails(Secret(NUMBER), Secret(CVV)))
TEXT = f"bad {NUMBER} {CVV} the-api-key"
SCRUBBED = f"bad {MASK} {MASK} {MASK}"


@pytest.fixture
def gateway() -> SandboxGateway:
    made = SandboxGateway("default", {})
    made.secrets = (Secret("the-api-key"),)
    return made


def saying(answer: Any, request: CardRequest) -> Any:
    if isinstance(answer, BaseException):
        raise answer
    return answer


@pytest.mark.parametrize(
    "answer",
    [
        Refusal((Reason(ReasonKind.CVV, "252", TEXT), Reason(ReasonKind.AVS, "1", TEXT)), "x1"),
        TransactionResult(ResultStatus.DECLINED, "9", reasons=(Reason(ReasonKind.CVV, "1", TEXT),)),
    ],
)
def test_the_texts_of_an_answer_are_scrubbed(
    answer: Refusal | TransactionResult, gateway: SandboxGateway
) -> None:
    got = ask(gateway, partial(saying, answer, REQUEST))
    assert {reason.text for reason in got.reasons} == {SCRUBBED}
    assert [reason.code for reason in got.reasons] == [reason.code for reason in answer.reasons]
    assert type(got) is type(answer)


def test_the_texts_of_what_is_found_are_scrubbed(gateway: SandboxGateway) -> None:
    reasons = (Reason(ReasonKind.UNAVAILABLE, "26", TEXT),)
    made = RemoteTransaction(
        "9", TransactionKind.CHARGE, RemoteStatus.FAILED, Decimal(5), "USD", reasons=reasons
    )
    got = ask(
        gateway, partial(saying, LookupResult((made, RemoteCard("c1", "k1", "1111"))), REQUEST)
    )
    assert [reason.text for reason in got.matches[0].reasons] == [SCRUBBED]
    assert ask(gateway, partial(saying, made, REQUEST)).reasons == got.matches[0].reasons


def test_what_is_said_of_credentials_quotes_none(gateway: SandboxGateway) -> None:
    got = ask(gateway, partial(saying, CredentialsCheck(False, TEXT, lacks=("refunds",)), REQUEST))
    assert got == CredentialsCheck(False, SCRUBBED, lacks=("refunds",))


@pytest.mark.parametrize("answer", [Ack(), None, RemoteCard("c1", "k1", CVV)])
def test_other_answers_are_returned_as_they_are(answer: object, gateway: SandboxGateway) -> None:
    assert ask(gateway, partial(saying, answer, REQUEST)) is answer


def test_an_error_is_scrubbed_and_keeps_what_it_tells(gateway: SandboxGateway) -> None:
    error = OutcomeUnknown(TEXT, gateway_code=CVV, gateway_name="default")
    with pytest.raises(OutcomeUnknown) as caught:
        ask(gateway, partial(saying, error, REQUEST))
    assert caught.value is error
    assert (str(error), error.message, error.args) == (SCRUBBED, SCRUBBED, (SCRUBBED,))
    assert (error.gateway_code, error.gateway_name) == (CVV, "default")


def test_every_field_of_an_error_about_input_is_scrubbed(gateway: SandboxGateway) -> None:
    with pytest.raises(InvalidInput) as caught:
        ask(gateway, partial(saying, InvalidInput({"number": [TEXT], "cvv": TEXT}), REQUEST))
    assert caught.value.errors == {"number": [SCRUBBED], "cvv": [SCRUBBED]}
    assert TEXT not in str(caught.value)


def test_a_request_is_checked_as_it_is_sent(gateway: SandboxGateway) -> None:
    def refuse(request: object) -> None:
        raise InvalidInput({"number": TEXT})

    gateway.check_request = refuse  # type: ignore[method-assign]
    with pytest.raises(InvalidInput) as caught:
        check_request(gateway, REQUEST)
    assert caught.value.errors == {"number": [SCRUBBED]}


@pytest.mark.parametrize("kind", [OutcomeUnknown, SystemExit, KeyboardInterrupt])
def test_what_leaves_has_no_frame_of_the_backend(
    kind: type[BaseException], gateway: SandboxGateway
) -> None:
    with pytest.raises(kind) as caught:
        ask(gateway, partial(saying, kind(), REQUEST))
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[1:] == ["ask"]


def test_no_frame_of_ours_keeps_the_exception(gateway: SandboxGateway) -> None:
    with pytest.raises(DineroError) as caught:
        ask(gateway, partial(saying, OutcomeUnknown(), REQUEST))
    last = list(traceback.walk_tb(caught.value.__traceback__))[-1][0]
    assert "ended" not in last.f_locals


def test_outside_the_call_nothing_is_in_play(gateway: SandboxGateway) -> None:
    ask(gateway, partial(saying, Ack(), REQUEST))
    assert scrub(CVV) == CVV


def test_the_log_tells_where_a_backend_broke_and_not_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    try:
        saying(KeyError(TEXT), REQUEST)
    except KeyError as error:
        assert log_broken_call("default", error) == "KeyError"
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("django_dinero.gateways", logging.ERROR)
    assert record.getMessage().startswith("default: the backend raised KeyError\n")
    assert "in saying" in record.getMessage()
    assert CVV not in record.getMessage()


# -- Nobody goes another way ------------------------------------------------------------------


class Calls(ast.NodeVisitor):
    """Collects calls of a gateway's verbs that are made at once, not handed over to be made."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Its body is called by whom it is given to."""

    def visit_Call(self, node: ast.Call) -> None:
        verb = node.func
        if isinstance(verb, ast.Attribute) and verb.attr in (*VERBS, "clock", "check_request"):
            self.found.append(ast.unparse(node))
        self.generic_visit(node)


def test_every_call_of_a_gateway_in_the_services_is_made_here() -> None:
    folder = Path(services.__file__).parent
    made: list[str] = []
    for path in folder.rglob("*.py"):
        calls = Calls()
        calls.visit(ast.parse(path.read_text()))
        made += [call for call in calls.found if call.startswith("gateway.")]
    assert made == []
    calls = Calls()
    calls.visit(ast.parse("gateway.charge(request)"))
    assert calls.found == ["gateway.charge(request)"]


# -- Credentials -----------------------------------------------------------------------------------


def test_credentials_are_found_by_the_names_of_their_options() -> None:
    options = {
        **{"transaction_key": "a", "client_SECRET": Secret("b"), "login_id": "c"},
        **{
            "password": "d",
            "api_token": "e",
            "keys": 7,
            "endpoint": "https://x",
            "currency": "USD",
        },
    }
    assert [secret.reveal() for secret in hidden_values(options)] == ["a", "b", "c", "d", "e"]


def test_a_gateway_knows_its_own_credentials() -> None:
    class Other(SandboxGateway):
        option_names = SandboxGateway.option_names | {"api_key"}

    assert Other("other", {"api_key": "abc"}).secrets == (Secret("abc"),)
    assert SandboxGateway("default", {}).secrets == ()
