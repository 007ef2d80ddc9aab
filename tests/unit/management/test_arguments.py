"""What stands in the arguments of commands: blanks, numbers too large, texts, card numbers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_dinero.models import Customer, Transaction
from tests.support.recording import RecordingGateway
from tests.unit.management.conftest import Told

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]
NUMBER = "4111111111111111"
#: What is not asked, and stands behind every command that moves money.
NO_INPUT = "--no-input"


# -- A shell's empty variables --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", " ", "\t\n", "\u00a0"], ids=ascii)
@pytest.mark.parametrize(
    "command",
    [
        ("dinero_refund",),
        ("dinero_void",),
        ("dinero_capture",),
        ("dinero_review", "approve"),
        ("dinero_review", "decline"),
    ],
    ids=" ".join,
)
def test_a_blank_name_is_no_payment(
    gateway: RecordingGateway, customer: Customer, told: Told, command: tuple[str, ...], name: str
) -> None:
    customer.charge("100.00")  # without an order reference, as many are
    asked = list(gateway.verbs)
    assert told(*command, name, NO_INPUT, ends=1) == "Name a payment. Nothing was done."
    assert gateway.verbs == asked


def test_blanks_around_a_name_are_none_of_it(customer: Customer, told: Told) -> None:
    customer.charge("100.00", order_reference="A-7")
    customer.charge("5.00")
    told("dinero_void", " A-7\n", NO_INPUT)
    assert Transaction.objects.get(order_reference="A-7", kind="charge").status == "voided"


@pytest.mark.parametrize("name", ["", " "])
def test_a_blank_name_is_nobody_and_nothing(
    make_customer: Make, gateway: RecordingGateway, told: Told, name: str
) -> None:
    make_customer(email="ann@example.com")
    assert told("dinero_erase", name, NO_INPUT, ends=1) == "Name a customer. Nothing was done."
    assert Customer.objects.filter(email="ann@example.com").exists()
    text = told("dinero_close", name, "--note", "x", NO_INPUT, ends=1)
    assert text == "Name an operation. Nothing was done."


@pytest.mark.parametrize(
    "arguments",
    [
        ("dinero_charge", "5", NO_INPUT, "--customer"),
        ("dinero_charge", "5", NO_INPUT, "--card"),
        *(
            ("dinero_charge", "5", NO_INPUT, "--customer", "bill@example.com", option)
            for option in ("--idempotency-key", "--gateway", "--currency", "--order-reference")
        ),
        ("dinero_refund", "A-7", NO_INPUT, "--idempotency-key"),
        ("dinero_refund", "A-7", NO_INPUT, "--gateway"),
        ("dinero_erase", "bill@example.com", NO_INPUT, "--gateway"),
        ("dinero_cards", "--customer"),
        ("dinero_cards", "--gateway"),
        ("dinero_close", "--gateway"),
        ("dinero_close", "KEY", "--note", "x", NO_INPUT, "--by"),
        ("dinero_review", "--gateway"),
        ("dinero_report", "--gateway"),
        ("dinero_status", "--gateway"),
        ("dinero_reconcile", "--gateway"),
        *(
            ("dinero_sync", option)
            for option in ("--gateway", "--customer", "--transaction", "--ids-from", "--owner-from")
        ),
        ("dinero_webhooks", "list", "--gateway"),
        ("dinero_webhooks", "drain", "--gateway"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_option_is_not_one_that_was_left_out(
    gateway: RecordingGateway,
    customer: Customer,
    told: Told,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    value: str,
) -> None:
    monkeypatch.setattr(sys, "stdin", None)  # where a token would be read from
    customer.charge("5.00", order_reference="A-7")
    asked = list(gateway.verbs)
    text = told(*arguments, value, ends=1)
    assert text == f"Error: argument {arguments[-1]}: it is empty; give a value, or leave it out"
    assert gateway.verbs == asked


def test_an_empty_key_of_a_program_is_no_new_one(
    gateway: RecordingGateway, customer: Customer, told: Told
) -> None:
    how: dict[str, Any] = {"customer": customer.email, "idempotency_key": "", "no_input": True}
    for _ in range(2):
        with pytest.raises(CommandError, match="1 to 64 visible"):
            call_command("dinero_charge", "5", **how)
    assert not Transaction.objects.exists()


@pytest.mark.parametrize("command", ["dinero_capture", "dinero_refund"])
def test_an_empty_amount_is_not_all_of_it(
    gateway: RecordingGateway, customer: Customer, told: Told, command: str
) -> None:
    customer.charge("100.00", order_reference="A-7", settle=command == "dinero_refund")
    asked = list(gateway.verbs)
    assert "amount: " in told(command, "A-7", "--amount", "", NO_INPUT, ends=1)
    assert gateway.verbs == asked


# -- What has no effect --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("dinero_charge", "5", NO_INPUT, "--customer", "bill@example.com", "--again"),
            "--again belongs to --order-reference: name the order as well.",
        ),
        (
            ("dinero_review", "--idempotency-key", "a"),
            "--idempotency-key belongs to a decision: approve or decline, and a payment.",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_an_option_that_has_no_effect_is_refused(
    gateway: RecordingGateway,
    customer: Customer,
    told: Told,
    arguments: tuple[str, ...],
    says: str,
) -> None:
    assert told(*arguments, ends=1) == says
    assert not Transaction.objects.exists()


# -- An id that two gateways have given -----------------------------------------------------------


def test_an_id_of_two_gateways_erases_nobody(
    make_customer: Make, settings: Any, gateway: RecordingGateway, told: Told
) -> None:
    entry = settings.DINERO["GATEWAYS"]["default"]
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry, "other": entry}}
    ann = make_customer(email="ann@example.com")
    bob = make_customer(email="bob@example.com", gateway_name="other")
    Customer.objects.filter(pk=bob.pk).update(customer_id=ann.customer_id)
    text = told("dinero_erase", ann.customer_id, NO_INPUT, ends=1)
    assert text.startswith("There are several with the name")
    assert "--gateway" in text.splitlines()[0]
    assert Customer.objects.count() == 2
    told("dinero_erase", ann.customer_id, "--gateway", "default", NO_INPUT)
    assert Customer.objects.get() == bob


def test_several_by_one_name_are_listed_with_ids_that_can_be_read(
    customer: Customer, told: Told
) -> None:
    customer.charge("5.00", order_reference="A-7")
    customer.charge("6.00", order_reference="A-7")
    # With the day behind it, it would pass for a card number of 19 digits.
    digits = "40260001230"
    Transaction.objects.filter(price=5).update(transaction_id=digits)
    Transaction.objects.update(created_at="2026-11-28T12:00:00Z")
    for last in range(10):
        Transaction.objects.filter(price=5).update(transaction_id=f"{digits[:-1]}{last}")
        assert f"{digits[:-1]}{last}; 2026-11-28" in told("dinero_void", "A-7", NO_INPUT, ends=1)


# -- Numbers and days that nothing can be reckoned with -------------------------------------------

THIRTY = "9" * 30
TOO_MANY_DAYS = "write a number up to 36500"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("dinero_report", "days", "--until", "9999-12-31"), "of the years 1900 to 2200"),
        (("dinero_report", "days", "--until", "0001-01-01"), "of the years 1900 to 2200"),
        (("dinero_report", "batches", "--since", "0001-01-01"), "of the years 1900 to 2200"),
        (("dinero_report", "authorizations", "--older", THIRTY), TOO_MANY_DAYS),
        (("dinero_report", "authorizations", "--older", "36501"), TOO_MANY_DAYS),
        (("dinero_cards", "--expiring", THIRTY), TOO_MANY_DAYS),
        (("dinero_webhooks", "purge", "--days", THIRTY), TOO_MANY_DAYS),
        (("dinero_webhooks", "purge", "--days", "9" * 5000), TOO_MANY_DAYS),
        (("dinero_webhooks", "purge", "--days", "000"), "write a number above 0"),
        (("dinero_webhooks", "drain", "--limit", THIRTY), "write a number up to 1000000000"),
        (("dinero_status", "--patience", THIRTY), "write a number up to 1000000000"),
        (("dinero_sync", "--limit", THIRTY), "write a number up to 1000000000"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, tuple) else "",
)
def test_what_lies_beyond_any_calendar_is_refused(
    gateway: RecordingGateway, told: Told, arguments: tuple[str, ...], says: str
) -> None:
    text = told(*arguments, ends=1)
    assert text.startswith(f"Error: argument {arguments[-2]}: write a ")
    assert says in text


@pytest.mark.parametrize(
    "arguments",
    [
        ("dinero_report", "days", "--since", "1900-01-01", "--until", "2200-12-31"),
        ("dinero_report", "days", "--until", "1900-01-01"),
        ("dinero_report", "batches", "--until", "2200-12-31"),
        ("dinero_report", "authorizations", "--older", "36500"),
        ("dinero_cards", "--expiring", "36500"),
        ("dinero_webhooks", "purge", "--days", "36500"),
        ("dinero_webhooks", "drain", "--limit", "1000000000"),
        ("dinero_sync", "--limit", "1000000000"),
    ],
    ids=" ".join,
)
def test_the_ends_of_what_is_taken_can_be_reckoned_with(
    gateway: RecordingGateway, told: Told, arguments: tuple[str, ...]
) -> None:
    told(*arguments)


def test_no_event_has_a_number_that_no_database_has(gateway: RecordingGateway, told: Told) -> None:
    assert "There is no event" in told("dinero_webhooks", "replay", THIRTY, ends=1)


# -- Characters that no database takes ------------------------------------------------------------


@pytest.mark.parametrize("text", ["\ud800", "a\x00b"], ids=ascii)
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("dinero_refund", NO_INPUT), "transaction"),
        (("dinero_void", NO_INPUT), "transaction"),
        (("dinero_capture", NO_INPUT), "transaction"),
        (("dinero_review", NO_INPUT, "approve"), "transaction"),
        (("dinero_erase", NO_INPUT), "customer"),
        (("dinero_close", NO_INPUT, "--note", "x"), "operation"),
        (("dinero_charge", "5", NO_INPUT, "--customer"), "argument --customer"),
        (("dinero_charge", "5", NO_INPUT, "--card"), "argument --card"),
        (("dinero_cards", "--customer"), "argument --customer"),
        (("dinero_refund", "A-7", NO_INPUT, "--idempotency-key"), "argument --idempotency-key"),
        (("dinero_status", "--gateway"), "argument --gateway"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_looked_for_is_named(
    gateway: RecordingGateway, told: Told, arguments: tuple[str, ...], named: str, text: str
) -> None:
    said = told(*arguments, text, ends=1).removeprefix("Error: ")
    assert said == f"{named}: The text has a character that cannot be sent (a control character)."


# -- Card numbers that somebody typed -------------------------------------------------------------

TYPED = (NUMBER, "4111 1111-1111 1111")


@pytest.mark.parametrize("typed", TYPED)
@pytest.mark.parametrize(
    "arguments",
    [
        ("dinero_charge", "5", "--customer"),
        ("dinero_charge", "5", "--number"),
        ("dinero_refund", NO_INPUT),
        ("dinero_erase", NO_INPUT),
        ("dinero_close", "--note", "x", NO_INPUT),
        ("dinero_cards", "--customer"),
        ("dinero_cards", "--gateway"),
        ("dinero_cards", "--expiring"),
        ("dinero_check",),
        ("dinero_report",),
        ("dinero_report", "days", "--since"),
        ("dinero_reconcile", "--gateway"),
        ("dinero_reconcile", "--since"),
        ("dinero_status", "--gateway"),
        ("dinero_status",),
        ("dinero_sync", "--gateway"),
        ("dinero_sync", "--customer"),
        ("dinero_sync", "--transaction"),
        ("dinero_sync", "--json", "--customer"),
        ("dinero_sync", "--ids-from"),
        ("dinero_sync", "--gateway", "default", "--pull", "--all", "--owner-from"),
        ("dinero_webhooks",),
        ("dinero_webhooks", "replay"),
        ("dinero_webhooks", "list"),
        ("dinero_webhooks", "list", "--gateway"),
        ("dinero_webhooks", "remove"),
        ("dinero_sandbox", "--port"),
        ("dinero_sandbox", "--reject-avs"),
    ],
    ids=" ".join,
)
def test_no_command_repeats_a_card_number(
    gateway: RecordingGateway, told: Told, arguments: tuple[str, ...], typed: str
) -> None:
    text = told(*arguments, typed, ends=1)
    assert typed not in text
    assert "1111" not in text


@pytest.mark.parametrize("arguments", [("dinero_status",), ("dinero_webhooks", "list")])
def test_a_shell_is_not_shown_one_either(arguments: tuple[str, ...]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "django", *arguments, NUMBER, "--settings", "tests.settings"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "unrecognized arguments: [secret]" in ended.stderr
    assert NUMBER not in ended.stderr + ended.stdout
