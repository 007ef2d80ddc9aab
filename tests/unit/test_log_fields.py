"""What programs read in our records: the same fields in each, and nothing of a person."""

from __future__ import annotations

import ast
import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from pythonjsonlogger.json import JsonFormatter

import django_dinero
from django_dinero.exceptions import OutcomeUnknown
from django_dinero.logs import FIELDS, fields_of, get_logger, log_fields
from django_dinero.models import Customer, Operation, WebhookEvent
from django_dinero.services.reconcile.run import reconcile
from django_dinero.services.webhooks.applying import apply
from tests.support.planted import stands_alone
from tests.support.recording import RecordingGateway, lose_reply, refuse_connection

pytestmark = pytest.mark.django_db

NUMBER = "4111111111111111"
PERSON: dict[str, Any] = {
    **{"first_name": "Augusta", "last_name": "Lovelace", "email": "ada@example.com"},
    **{"number": NUMBER, "cvv": "9738", "address": "12 St James Square", "zip": "90210"},
}


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> Callable[[str], list[logging.LogRecord]]:
    """The records of a logger, from INFO on."""
    caplog.set_level(logging.INFO, logger="django_dinero")
    return lambda name: [each for each in caplog.records if each.name == name]


def fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name.startswith("dinero_")}


@contextmanager
def written(formatter: logging.Formatter) -> Iterator[io.StringIO]:
    """What a handler with this formatter writes of our records."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.getLogger("django_dinero")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield stream
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


Records = Callable[[str], list[logging.LogRecord]]


def test_each_change_of_state_is_a_record(gateway: RecordingGateway, records: Records) -> None:
    row = Customer.create(**PERSON).charge("12.5")
    sent, ended = records("django_dinero.journal")[-2:]
    common = {
        "dinero_operation": row.operation_key,
        "dinero_gateway": "default",
        "dinero_kind": "charge",
        "dinero_amount": "12.50",
        "dinero_currency": "USD",
    }
    assert fields(sent) == {**common, "dinero_state": "sent"}
    assert fields(ended) == {
        **common,
        "dinero_state": "succeeded",
        "dinero_transaction": row.transaction_id,
    }
    assert (sent.levelname, ended.levelname) == ("INFO", "INFO")
    assert ended.getMessage() == (
        f"Operation {row.operation_key} (charge at default) was sent and is succeeded"
    )


def test_an_unknown_outcome_is_one_warning(gateway: RecordingGateway, records: Records) -> None:
    customer = Customer.create(**PERSON)
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        customer.charge(10)
    told = records("django_dinero.journal")[-2:]
    assert [each.levelname for each in told] == ["INFO", "WARNING"]
    assert [fields(each)["dinero_state"] for each in told] == ["sent", "unknown"]


def test_each_call_of_a_gateway_is_a_record(gateway: RecordingGateway, records: Records) -> None:
    row = Customer.create(**PERSON).charge(10)
    told = fields(records("django_dinero.gateways")[-1])
    assert told.pop("dinero_seconds") >= 0
    assert told == {
        "dinero_operation": row.operation_key,
        "dinero_gateway": "default",
        "dinero_kind": "charge",
        "dinero_state": "sent",
        "dinero_amount": "10.00",
        "dinero_currency": "USD",
        "dinero_verb": "charge",
        "dinero_outcome": "approved",
    }


def test_records_of_reconcile_name_gateway_and_phase(
    gateway: RecordingGateway, records: Records
) -> None:
    gateway.faults["iter_transactions"] = refuse_connection
    reconcile(None)
    (told,) = [each for each in records("django_dinero.reconcile") if each.levelname == "ERROR"]
    assert fields(told) == {"dinero_gateway": "default", "dinero_phase": "sweep"}


def test_records_of_an_event_name_it(gateway: RecordingGateway, records: Records) -> None:
    event = WebhookEvent.objects.create(
        gateway_name="default",
        live=gateway.live,
        event_id="1",
        object_kind="transaction",
        object_id="77",
    )

    def broken(call: Any) -> None:
        raise RuntimeError

    gateway.faults["retrieve_transaction"] = broken
    apply(event.pk)
    told = records("django_dinero.gateways")
    assert {fields(each)["dinero_event"] for each in told} == {event.pk}


def test_every_field_is_one_of_the_list_and_none_is_of_a_person(
    gateway: RecordingGateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="django_dinero")
    customer = Customer.create(**PERSON)
    customer.charge(10, description="of Augusta", customer_ip="203.0.113.7")
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        customer.charge(11, description="of Augusta")
    Operation.objects.get(state="unknown").look_up()
    reconcile(None)
    customer.delete()
    found: dict[str, Any] = {}
    for record in caplog.records:
        found |= fields(record)
        text = f"{record.getMessage()} {fields(record)}"
        for secret in (NUMBER, "Augusta", "Lovelace", "ada@", "St James", "203.0.113.7"):
            assert secret not in text
        assert not stands_alone("9738", text)
    assert set(found) <= set(FIELDS)
    assert len(found) > 8


def test_a_json_formatter_needs_no_configuration(gateway: RecordingGateway) -> None:
    with written(JsonFormatter()) as stream:
        row = Customer.create(**PERSON).charge(10)
    last = json.loads(stream.getvalue().splitlines()[-1])
    assert last["dinero_operation"] == row.operation_key
    assert last["dinero_state"] == "succeeded"
    assert last["message"].startswith("Operation ")


def test_structlog_needs_its_own_adder_alone(gateway: RecordingGateway) -> None:
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder()],
        processor=structlog.processors.JSONRenderer(),
    )
    with written(formatter) as stream:
        row = Customer.create(**PERSON).charge(10)
    last = json.loads(stream.getvalue().splitlines()[-1])
    assert last["dinero_operation"] == row.operation_key


def test_a_plain_format_may_name_a_field(gateway: RecordingGateway) -> None:
    plain = logging.Formatter("%(dinero_operation)s %(levelname)s", defaults=dict.fromkeys(FIELDS))
    with written(plain) as stream:
        get_logger("django_dinero.tests").error("without any")
        row = Customer.create(**PERSON).charge(10)
    first, *_rest, last = stream.getvalue().splitlines()
    assert first == "None ERROR"
    assert last == f"{row.operation_key} INFO"


def test_no_field_makes_a_line(caplog: pytest.LogCaptureFixture) -> None:
    get_logger("django_dinero.tests").error("x", extra={"dinero_transaction": "1\n2\x1b[2J"})
    (record,) = caplog.records
    assert fields(record) == {"dinero_transaction": "1\\n2\\x1b[2J"}


def test_a_records_own_fields_stand_before_those_of_its_block(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logger = get_logger("django_dinero.tests")
    with log_fields(dinero_gateway="outer", dinero_phase="sweep"):
        with log_fields(dinero_event=7):
            logger.error("x", extra={"dinero_gateway": "own"})
        logger.error("x")
    logger.error("x")
    assert [fields(each) for each in caplog.records] == [
        {"dinero_gateway": "own", "dinero_phase": "sweep", "dinero_event": 7},
        {"dinero_gateway": "outer", "dinero_phase": "sweep"},
        {},
    ]


def test_the_fields_of_an_operation_that_moves_no_money() -> None:
    operation = Operation(key="K", kind="add_card", gateway_name="default", state="new")
    assert fields_of(operation) == {
        **{"dinero_operation": "K", "dinero_gateway": "default"},
        **{"dinero_kind": "add_card", "dinero_state": "new"},
    }


def test_every_record_that_names_an_operation_has_its_fields() -> None:
    """Else somebody adds one that programs cannot find by its operation."""
    lacking = [
        f"{path.name}:{node.lineno}"
        for path in Path(django_dinero.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).startswith("logger.")
        and "operation.key" in " ".join(map(ast.unparse, node.args))
        and "extra" not in [each.arg for each in node.keywords]
    ]
    assert lacking == []
