"""Commands that move money: once for each key, after a question, with a telling exit code."""

from __future__ import annotations

import builtins
import getpass
import io
import json
import sys
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import NotSent
from django_dinero.gateways.types import Reason, TransactionResult
from django_dinero.management.commands.dinero_charge import Command
from django_dinero.models import Customer, Operation, Transaction
from tests.support.recording import RecordingGateway, lose_reply, lose_request, refuse_connection
from tests.unit.management.conftest import Told, rows

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]


def test_a_default_card_is_charged(customer: Customer, told: Told) -> None:
    text = told(
        *("dinero_charge", "12.5", "--customer", "BILL@example.com", "--order-reference", "A-7"),
        "--no-input",
    )
    row = Transaction.objects.get()
    assert (row.price, row.kind, row.status, row.initiator) == (
        *(Decimal("12.50"), "charge", "approved"),
        "merchant",
    )
    assert text.startswith("Charge 12.50 USD\n  status: approved\n")
    assert f"id: {row.public_id}" in text
    assert "order reference: A-7" in text


def test_a_currency_may_be_typed_small(customer: Customer, told: Told) -> None:
    named = ("--customer", "BILL@example.com", "--currency", "usd")
    told("dinero_charge", "12.5", *named, "--no-input")
    assert Transaction.objects.get().currency == "USD"


@pytest.mark.parametrize("column", ["order_reference", "transaction_id"])
def test_a_payment_is_named_by_what_looks_like_an_id_of_ours(
    customer: Customer, told: Told, column: str
) -> None:
    """Shops number their orders by UUIDs, and so do some gateways."""
    name = str(uuid.uuid4())
    row, other = customer.charge(5), customer.charge(6)
    Transaction.objects.filter(pk=row.pk).update(**{column: name})
    told("dinero_void", str(other.public_id), "--no-input")
    if column == "order_reference":
        told("dinero_void", name, "--no-input")
        row.refresh_from_db()
    else:  # which the bank does not know
        assert "cannot be found" in told("dinero_void", name, "--no-input", ends=1)
        assert Operation.objects.latest("pk").transaction_id == name
    other.refresh_from_db()
    assert (row.status == "voided", other.status) == (column == "order_reference", "voided")


@pytest.mark.parametrize(
    ("account", "made_by"), [("root", "dinero_charge (root)"), (None, "dinero_charge")]
)
def test_who_asked_is_the_command_and_the_account_that_runs_it(
    customer: Customer, told: Told, monkeypatch: Any, account: str | None, made_by: str
) -> None:
    def name() -> str:
        if account is None:
            raise OSError("No username set in the environment")
        return account

    monkeypatch.setattr(getpass, "getuser", name)
    told("dinero_charge", "12.5", "--customer", "bill@example.com", "--no-input")
    assert Operation.objects.get(kind="charge").made_by == made_by


@pytest.mark.parametrize("by", ["public_id", "card_id"])
def test_one_card_is_authorized(customer: Customer, told: Told, by: str) -> None:
    card = customer.cards[0]
    told("dinero_charge", "5", "--card", str(getattr(card, by)), "--authorize", "--no-input")
    assert Transaction.objects.get().kind == "authorization"


def test_a_token_comes_from_stdin(
    gateway: RecordingGateway, told: Told, monkeypatch: Any, card: Any
) -> None:
    token = gateway.bank.mint_token(card["number"], month=12, year=2030)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{token}\n"))
    told("dinero_charge", "5", "--token-from-stdin", "--no-input")
    assert Transaction.objects.get().status == "approved"
    assert "--no-input" in told("dinero_charge", "5", "--token-from-stdin", ends=1)


@pytest.mark.parametrize("typed", [None, "", " \n"])
def test_an_input_that_is_empty_or_closed_has_no_token(
    gateway: RecordingGateway, told: Told, monkeypatch: Any, typed: str | None
) -> None:
    monkeypatch.setattr(sys, "stdin", None if typed is None else io.StringIO(typed))
    text = told("dinero_charge", "5", "--token-from-stdin", "--no-input", ends=1)
    assert text == "No token came on the standard input. Nothing was charged."
    assert gateway.verbs == []


@pytest.mark.parametrize("number", ["4111111111111111", "4111 1111 1111 1111"])
def test_a_card_number_is_no_token_and_is_not_sent_as_one(
    gateway: RecordingGateway, told: Told, monkeypatch: Any, number: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(number))
    text = told("dinero_charge", "5", "--token-from-stdin", "--no-input", ends=1)
    assert "token: This looks like a card number" in text
    assert "4111" not in text
    assert (gateway.verbs, Operation.objects.count()) == ([], 0)


@pytest.mark.parametrize("typed", ["", "y", "no", EOFError])
def test_it_asks_first(customer: Customer, told: Told, monkeypatch: Any, typed: Any) -> None:
    asked = list[str]()

    def answer(prompt: str) -> str:
        asked.append(prompt)
        if typed is EOFError:
            raise EOFError
        return str(typed)

    monkeypatch.setattr(builtins, "input", answer)
    assert "Nothing was done." in told("dinero_charge", "5", "--customer", customer.email, ends=1)
    assert asked[0].startswith("Charge 5.00 USD: bill@example.com, ")
    assert asked[0].endswith(", at default, test? Type yes: ")
    assert not Transaction.objects.exists()


def test_a_question_that_is_broken_off_does_nothing(
    customer: Customer, told: Told, monkeypatch: Any
) -> None:
    def interrupt(prompt: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(builtins, "input", interrupt)
    assert told("dinero_charge", "5", "--customer", customer.email, ends=1) == "Nothing was done."
    assert not Operation.objects.filter(kind="charge").exists()


def test_a_call_that_is_broken_off_may_have_been_done(
    gateway: RecordingGateway, customer: Customer, told: Told
) -> None:
    def interrupt(*args: Any) -> None:
        raise KeyboardInterrupt

    gateway.faults["charge"] = interrupt
    charge = ("dinero_charge", "5", "--customer", customer.email, "--no-input")
    text = told(*charge, "--idempotency-key", "order-8", ends=4)
    assert text.startswith("Interrupted: it may have been done.")
    operation = Operation.objects.get(idempotency_key="order-8")
    assert operation.state in ("sent", "unknown")


def test_a_call_that_is_broken_off_answers_programs_too(
    gateway: RecordingGateway, settled: Transaction, customer: Customer, told: Told
) -> None:
    def interrupt(*args: Any) -> None:
        raise KeyboardInterrupt

    charge = ("dinero_charge", "5", "--customer", customer.email)
    for verb, arguments in {"charge": charge, "refund": ("dinero_refund", "A-1")}.items():
        gateway.faults[verb] = interrupt
        printed = told(*arguments, "--no-input", "--json", "--idempotency-key", verb, ends=4)
        document, end = json.JSONDecoder().raw_decode(printed)
        assert (document["idempotency_key"], document["transaction"]) == (verb, None)
        assert document["command"] == arguments[0]
        [section] = document["gateways"]
        assert (section["code"], section["operation"]) == ("outcome_unknown", None)
        assert (section["gateway"], section["ok"], document["ok"]) == ("default", False, False)
        assert section["problems"][0].startswith("Interrupted: it may have been done.")
        assert printed[end:].strip() == section["problems"][0]


# -- An order is not charged twice ---------------------------------------------------------------


ORDER = ("--order-reference", "R-2", "--no-input")


def test_an_order_is_not_charged_again_while_an_attempt_is_open(
    gateway: RecordingGateway, customer: Customer, told: Told
) -> None:
    charge = ("dinero_charge", "43", "--customer", customer.email, *ORDER)
    gateway.faults["charge"] = lose_reply
    told(*charge, "--idempotency-key", "k-1", ends=4)
    first = Operation.objects.get(kind="charge")
    text = told(*charge, ends=1)
    assert f"A payment of order R-2 is not finished: operation {first.key} (" in text
    assert "with --idempotency-key k-1." in text
    assert "manage.py dinero_reconcile finds out how it ended." in text
    assert "Nothing was charged now; --again charges all the same." in text
    assert Operation.objects.filter(kind="charge").count() == 1
    found, _end = json.JSONDecoder().raw_decode(told(*charge, "--json", ends=1))
    assert found["gateways"][0]["code"] == "operation_in_progress"
    told(*charge, "--idempotency-key", "k-1")
    assert "Order R-2 has a payment of 43.00 USD already (approved)." in told(*charge, ends=1)
    assert Transaction.objects.count() == 1
    told(*charge, "--again")
    assert Transaction.objects.count() == 2


def test_a_key_that_is_repeated_is_no_second_payment(customer: Customer, told: Told) -> None:
    charge = ("dinero_charge", "43", "--customer", customer.email, *ORDER)
    told(*charge, "--idempotency-key", "k-1")
    assert "It was done before" in told(*charge, "--idempotency-key", "k-1")


def test_a_key_under_another_secret_leads_to_no_second_charge(
    customer: Customer, told: Told, settings: Any
) -> None:
    charge = ("dinero_charge", "5", "--customer", "BILL@example.com", "--no-input")
    told(*charge, "--idempotency-key", "k-1")
    settings.SECRET_KEY = "another"
    text = told(*charge, "--idempotency-key", "k-1", ends=1)
    assert "Take a new key only if this is to be done once more." in text
    assert "put the old one into SECRET_KEY_FALLBACKS, and repeat it." in text
    assert Transaction.objects.count() == 1


def test_a_whole_order_is_paid_once(
    gateway: RecordingGateway, customer: Customer, told: Told
) -> None:
    charge = ("dinero_charge", "43", "--customer", customer.email, *ORDER, "--pays-order")
    gateway.faults["charge"] = lose_reply
    told(*charge, ends=4)
    for verb in ("find_operation", "iter_transactions"):
        gateway.faults[verb] = refuse_connection
    assert "whether an attempt to pay this order succeeded" in told(*charge, ends=1)
    gateway.faults.clear()
    assert "This order is paid already." in told(*charge, ends=1)
    assert Transaction.objects.count() == 1
    assert "not allowed with" in told(*charge, "--again", ends=1)


def test_the_question_names_the_order(customer: Customer, told: Told, monkeypatch: Any) -> None:
    asked = list[str]()

    def no(prompt: str) -> str:
        asked.append(prompt)
        return "no"

    monkeypatch.setattr(builtins, "input", no)
    told("dinero_charge", "5", "--customer", customer.email, "--order-reference", "R-2", ends=1)
    assert asked[0].startswith("Charge 5.00 USD for order R-2: bill@example.com, ")


def test_the_whole_command_is_told_to_repeat(gateway: RecordingGateway, customer: Customer) -> None:
    gateway.faults["charge"] = lose_reply
    command = Command(stdout=io.StringIO(), stderr=io.StringIO())
    words = ["5", "--customer", customer.email, "--description", "two words", "--no-input"]
    command.typed = ["dinero_charge", *words]
    with pytest.raises(CommandError) as caught:
        call_command(command, *words)
    key = Operation.objects.get(kind="charge").idempotency_key
    assert str(caught.value).endswith(
        "Repeat it as it was: manage.py dinero_charge 5 --customer bill@example.com "
        f"--description 'two words' --no-input --idempotency-key {key}"
    )
    gateway.faults["charge"] = lose_reply
    command.typed = ["dinero_charge", "4111111111111111"]
    with pytest.raises(CommandError) as caught:
        call_command(command, *words, "--idempotency-key", "k-2")
    assert "Repeat" not in str(caught.value)


def test_wrong_credentials_name_the_gateway_and_what_to_do(
    gateway: RecordingGateway, customer: Customer, told: Told
) -> None:
    def refuse(call: Any) -> Any:
        reason = Reason(ReasonKind.AUTHENTICATION, "E00007", "User authentication failed.")
        return TransactionResult(ResultStatus.FAILED, reasons=(reason,))

    gateway.faults["charge"] = refuse
    text = told("dinero_charge", "5", "--customer", customer.email, "--no-input", ends=1)
    assert text.startswith("User authentication failed.\nNothing was charged or changed: default ")
    assert "manage.py dinero_check --gateway default" in text


@pytest.mark.parametrize("command", ["dinero_charge", "dinero_close"])
def test_a_program_is_asked_nothing(customer: Customer, told: Told, command: str) -> None:
    arguments = {
        "dinero_charge": ("5", "--customer", customer.email),
        "dinero_close": ("KEY", "--note", "x"),
    }
    assert "it goes with --no-input" in told(command, *arguments[command], "--json", ends=1)
    assert not Transaction.objects.exists()


def test_yes_does_it(customer: Customer, told: Told, monkeypatch: Any) -> None:
    monkeypatch.setattr(builtins, "input", lambda prompt: "yes")
    told("dinero_charge", "5", "--customer", customer.email)
    assert Transaction.objects.count() == 1


def test_a_key_is_done_once(customer: Customer, told: Told) -> None:
    arguments = ("dinero_charge", "5", "--customer", customer.email, "--no-input")
    told(*arguments, "--idempotency-key", "order-7")
    text = told(*arguments, "--idempotency-key", "order-7")
    assert text.startswith("It was done before under this key; nothing was done now:")
    assert Transaction.objects.count() == 1
    assert "other" in told(
        *("dinero_charge", "6", "--customer", customer.email, "--no-input"),
        *("--idempotency-key", "order-7"),
        ends=1,
    )


def test_without_a_key_each_call_is_its_own(customer: Customer, told: Told) -> None:
    for _call in range(2):
        told("dinero_charge", "5", "--customer", customer.email, "--no-input")
    assert Transaction.objects.count() == 2


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        (lose_reply, 4, "Do not do it again under another key"),
        (lose_request, 4, "Do not do it again under another key"),
        (refuse_connection, 1, "the same command can be given again"),
    ],
)
def test_the_exit_code_says_whether_money_may_have_moved(
    gateway: RecordingGateway, customer: Customer, told: Told, fault: Any, code: int, says: str
) -> None:
    gateway.faults["charge"] = fault
    text = told("dinero_charge", "5", "--customer", customer.email, "--no-input", ends=code)
    assert says in text
    if code == 4:
        assert Operation.objects.latest("pk").key in text


def test_another_operation_that_comes_first_is_not_taken_for_this_one(
    gateway: RecordingGateway, settled: Transaction, told: Told
) -> None:
    gateway.faults["refund"] = lose_reply
    first = ("dinero_refund", "A-1", "--amount", "10", "--no-input")
    told(*first, "--idempotency-key", "first", ends=4)
    for verb in ("find_operation", "iter_transactions"):  # it cannot be looked up now
        gateway.faults[verb] = refuse_connection
    text = told(*first, "--idempotency-key", "second", ends=1)
    assert "nothing was sent for this command" in text
    assert not Operation.objects.filter(idempotency_key="second").exists()


def test_a_refusal_in_json_names_its_gateway_and_no_payment_of_before(
    gateway: RecordingGateway, settled: Transaction, told: Told
) -> None:
    arguments = ("dinero_refund", "A-1", "--no-input", "--json")
    text = told(*arguments, "--amount", "51", ends=1)
    document, _end = json.JSONDecoder().raw_decode(text)
    assert document["transaction"] is None
    assert document["gateways"][0]["gateway"] == "default"
    gateway.faults["refund"] = lose_reply
    document, _end = json.JSONDecoder().raw_decode(told(*arguments, ends=4))
    assert document["gateways"][0]["operation"] == Operation.objects.latest("pk").key


def test_a_card_number_is_no_key(customer: Customer, told: Told) -> None:
    text = told(
        *("dinero_charge", "5", "--customer", customer.email, "--no-input"),
        *("--idempotency-key", "4111111111111111"),
        ends=1,
    )
    assert "no idempotency key" in text
    assert "4111" not in text
    assert not Transaction.objects.exists()


def test_a_number_where_no_option_is_is_not_echoed(told: Told, gateway: Any) -> None:
    text = told("dinero_charge", "5", "--number", "4111111111111111", ends=1)
    assert "4111111111111111" not in text


def test_names_of_another_kind_or_gateway_are_told(
    authorization: Transaction, customer: Customer, told: Told
) -> None:
    named = str(authorization.transaction_id)
    assert "is a transaction of another kind: authorization" in told(
        "dinero_refund", named, "--no-input", ends=1
    )
    assert "No gateway is called 'nope'" in told(
        *("dinero_charge", "5", "--customer", customer.email, "--gateway", "nope"), ends=1
    )


def test_a_holder_who_has_to_confirm_is_sent_there(
    gateway: RecordingGateway, make_customer: Make, told: Told
) -> None:
    customer = make_customer(number="4000000000003220")
    charge = (
        *("dinero_charge", "5", "--customer", customer.email, "--initiator", "customer"),
        *("--no-input", "--idempotency-key", "k"),
    )
    text = told(*charge, ends=3)
    assert "https://bank.invalid/actions/" in text
    assert "repeat the command with the same key" in text
    gateway.bank.finish_action(Transaction.objects.get().transaction_id or "")
    told(*charge)
    assert Transaction.objects.get().status == "approved"


def test_no_other_card_than_the_confirmed_one_is_charged(
    customer: Customer, told: Told, monkeypatch: Any
) -> None:
    def yes(prompt: str) -> str:
        customer.add_card(number="5424000000000015", month=12, year=2040, is_default=True)
        return "yes"

    monkeypatch.setattr(builtins, "input", yes)
    text = told("dinero_charge", "5", "--customer", customer.email, ends=1)
    assert "The default card is another one by now. Nothing was done." in text
    assert not Transaction.objects.exists()


def test_a_confirmed_command_is_repeated_without_the_question(
    customer: Customer, told: Told, monkeypatch: Any
) -> None:
    monkeypatch.setattr(builtins, "input", lambda prompt: "yes")
    charge = ("dinero_charge", "5", "--customer", customer.email, "--idempotency-key", "k")
    told(*charge)
    customer.add_card(number="5424000000000015", month=12, year=2040, is_default=True)
    assert told(*charge, "--no-input").startswith("It was done before under this key")
    assert Transaction.objects.count() == 1


def test_no_text_of_a_gateway_makes_a_line_of_its_own(
    gateway: RecordingGateway, customer: Customer, told: Told
) -> None:
    def refuse(call: Any) -> Any:
        raise NotSent("no\n\x1b[2Jdone: 5.00 USD")

    gateway.faults["charge"] = refuse
    text = told("dinero_charge", "5", "--customer", customer.email, "--no-input", ends=1)
    assert r"no\n\x1b[2Jdone: 5.00 USD" in text
    assert "\x1b" not in text


def test_what_is_held_is_neither_done_nor_refused(
    gateway: RecordingGateway, customer: Customer, told: Told
) -> None:
    gateway.bank.hold_next()
    text = told("dinero_charge", "5", "--customer", customer.email, "--no-input", ends=3)
    assert "It is neither done nor refused." in text


def test_a_decline_says_why(gateway: RecordingGateway, make_customer: Make, told: Told) -> None:
    customer = make_customer(number="4000000000003220")
    text = told(
        *("dinero_charge", "5", "--customer", customer.email, "--no-input", "--json"), ends=1
    )
    document, _end = json.JSONDecoder().raw_decode(text)
    assert document["transaction"]["status"] == "declined"
    assert document["gateways"][0]["code"] == "card_declined"


def test_a_part_that_was_given_back_is_told_as_nothing(
    gateway: RecordingGateway, make_customer: Make, told: Told
) -> None:
    customer = make_customer(zip="46225")
    text = told("dinero_charge", "5", "--customer", customer.email, "--no-input", ends=1)
    assert text == (
        "Only 1.23 USD was approved, and it was given back.\nDeclined: nothing was charged."
    )
    assert Transaction.objects.get().status == "declined"


def test_programs_get_the_error_too(customer: Customer, told: Told) -> None:
    arguments = ("dinero_charge", "x", "--customer", customer.email, "--no-input", "--json")
    printed = told(*arguments, "--idempotency-key", "k1", ends=1)
    document, _end = json.JSONDecoder().raw_decode(printed)
    assert (document["ok"], document["idempotency_key"]) == (False, "k1")
    assert document["transaction"] is None
    (section,) = document["gateways"]
    assert (section["gateway"], section["code"]) == ("default", "invalid_amount")
    assert "price" in section["problems"][0]
    done = json.loads(told("dinero_charge", "7.00", *arguments[2:]))
    assert (done["command"], done["ok"], done["counts"]) == ("dinero_charge", True, {"done": 1})
    assert done["transaction"]["price"] == "7.00"
    assert (done["gateways"][0]["code"], done["gateways"][0]["replay"]) == ("done", False)


@pytest.mark.parametrize("option", ["--card", "--customer"])
def test_a_card_number_is_never_an_argument(told: Told, option: str, gateway: Any) -> None:
    text = told("dinero_charge", "5", option, "4111111111111111", "--no-input", ends=1)
    assert "There is no" in text
    assert "4111111111111111" not in text


def test_several_of_a_name_are_listed(make_customer: Make, told: Told) -> None:
    rows = [make_customer(), make_customer()]
    text = told("dinero_charge", "5", "--customer", "bill@example.com", "--no-input", ends=1)
    assert "There are several" in text
    assert all(str(row.public_id) in text for row in rows)
    assert all(str(row.customer_id) in text for row in rows)
    assert "1111" in text


# -- What follows a payment ----------------------------------------------------------------------


@pytest.mark.parametrize("by", ["public_id", "transaction_id"])
def test_an_authorization_is_captured_in_part(
    authorization: Transaction, told: Told, by: str
) -> None:
    named = str(getattr(authorization, by))
    text = told("dinero_capture", named, "--amount", "20", "--no-input")
    assert text.startswith("Capture 20.00 USD")
    # The capture has its id at the gateway too; it is the authorization that is captured.
    assert "captured" in told("dinero_capture", named, "--no-input", ends=1)


@pytest.mark.parametrize("by", ["public_id", "transaction_id", "order_reference"])
def test_a_charge_is_not_captured(charge: Transaction, told: Told, by: str) -> None:
    text = told("dinero_capture", str(getattr(charge, by)), "--no-input", ends=1)
    assert text == "A charge is taken already; only an authorization is captured."


def test_a_charge_is_voided_by_its_order(charge: Transaction, told: Told) -> None:
    assert told("dinero_void", "A-1", "--no-input").startswith("Void 50.00 USD")
    charge.refresh_from_db()
    assert charge.status == "voided"


def test_a_part_is_refunded_with_a_reason(settled: Transaction, told: Told) -> None:
    told("dinero_refund", "A-1", "--amount", "5", "--reason", "arrived broken", "--no-input")
    row = Transaction.objects.get(kind="refund")
    assert (row.price, row.description) == (Decimal("5.00"), "arrived broken")
    assert "At most 45.00 USD" in told(
        *("dinero_refund", str(settled.public_id), "--amount", "46", "--no-input"), ends=1
    )


@pytest.mark.parametrize(
    ("command", "question"),
    [
        ("dinero_void", "Void 50.00 USD (default "),
        ("dinero_refund", "Refund 50.00 USD, all that is left of 50.00 USD (default "),
    ],
)
def test_the_question_names_the_payment(
    charge: Transaction, told: Told, monkeypatch: Any, command: str, question: str
) -> None:
    asked = list[str]()

    def no(prompt: str) -> str:
        asked.append(prompt)
        return "no"

    monkeypatch.setattr(builtins, "input", no)
    told(command, "A-1", ends=1)
    assert asked[0].startswith(question)
    assert asked[0].endswith(f"{charge.transaction_id})? Type yes: ")


def asked_by(command: str, name: str, told: Told, monkeypatch: Any) -> str:
    """The question that a command asks before it does anything."""
    asked = list[str]()

    def no(prompt: str) -> str:
        asked.append(prompt)
        return "no"

    monkeypatch.setattr(builtins, "input", no)
    told(command, name, ends=1)
    return asked[0]


def test_the_question_of_a_void_says_what_was_captured(
    authorization: Transaction, told: Told, monkeypatch: Any
) -> None:
    name = str(authorization.public_id)
    assert asked_by("dinero_void", name, told, monkeypatch).startswith("Void 50.00 USD (default ")
    authorization.capture("30")
    question = asked_by("dinero_void", name, told, monkeypatch)
    assert question.startswith("30.00 USD of 50.00 USD (default ")
    assert "were captured. Void the capture, and all of it?" in question


def test_the_question_of_a_refund_says_how_much(
    settled: Transaction, told: Told, monkeypatch: Any
) -> None:
    settled.refund("20")
    question = asked_by("dinero_refund", str(settled.public_id), told, monkeypatch)
    assert question.startswith("Refund 30.00 USD, all that is left of 50.00 USD (default ")


# -- Reviews -------------------------------------------------------------------------------------


def test_what_is_held_is_listed_and_decided(held: Transaction, told: Told) -> None:
    assert str(held.public_id) in told("dinero_review")
    (listed,) = rows(told("dinero_review", "--json"), "held")
    assert (listed["id"], listed["price"]) == (str(held.public_id), "50.00")
    told("dinero_review", "approve", str(held.public_id), "--no-input")
    held.refresh_from_db()
    assert held.status == "approved"
    assert told("dinero_review") == "Nothing is held for review.\n"


def test_a_held_payment_is_declined(held: Transaction, told: Told) -> None:
    assert "Say which payment" in told("dinero_review", "decline", ends=1)
    told("dinero_review", "decline", str(held.transaction_id), "--no-input")
    held.refresh_from_db()
    assert held.status in ("declined", "voided")


def test_a_decision_that_is_refused_shows_no_payment(charge: Transaction, told: Told) -> None:
    """What it was about stands as it did."""
    decide = ("dinero_review", "approve", str(charge.public_id), "--no-input", "--json")
    document, _end = json.JSONDecoder().raw_decode(told(*decide, ends=1))
    assert (document["ok"], document["transaction"]) == (False, None)
    assert document["gateways"][0]["code"] == "invalid_transaction"


def test_a_decision_in_json_shows_the_payment(held: Transaction, told: Told) -> None:
    decide = ("dinero_review", "approve", str(held.public_id), "--no-input", "--json")
    document = json.loads(told(*decide))
    shown = document["transaction"]
    assert (shown["id"], shown["status"]) == (str(held.public_id), "approved")


# -- Closing -------------------------------------------------------------------------------------


def test_an_operation_is_closed_by_hand(charge: Transaction, told: Told) -> None:
    operation = Operation.objects.latest("pk")
    assert told("dinero_close") == "No operation needs attention.\n"
    Operation.objects.filter(pk=operation.pk).update(
        state="needs_attention", outcome={"error": "another amount"}
    )
    listed = told("dinero_close")
    assert operation.key in listed
    assert "another amount" in listed
    assert "--note" in told("dinero_close", operation.key, "--no-input", ends=1)
    assert "Say which operation" in told("dinero_close", "--note", "refunded", ends=1)
    told("dinero_close", operation.key.lower(), "--note", "refunded", "--by", "Ann", "--no-input")
    operation.refresh_from_db()
    assert (operation.state, operation.outcome["closed_by"]) == ("closed", "Ann")
    assert "Only what needs attention" in told(
        *("dinero_close", operation.key, "--note", "again", "--no-input"), ends=1
    )


def test_closing_is_told_to_programs(charge: Transaction, told: Told) -> None:
    Operation.objects.update(state="needs_attention")
    listed = rows(told("dinero_close", "--json"), "operations")
    key = next(each["id"] for each in listed if each["kind"] == "charge")
    (closed,) = rows(told("dinero_close", key, "--note", "x", "--no-input", "--json"), "operations")
    assert closed["state"] == "closed"
    assert "No gateway is called" in told("dinero_close", "--gateway", "other", ends=1)
