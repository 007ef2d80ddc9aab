from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any, ClassVar

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from django_dinero.exceptions import GatewayError, NotSent, OutcomeUnknown, UnsupportedFeature
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.types import (
    ChargeRequest,
    CredentialsCheck,
    LookupHints,
    LookupResult,
    Refusal,
    TransactionResult,
)
from django_dinero.models import Customer
from django_dinero.testing.factories import (
    CreditCardFactory,
    CustomerFactory,
    TransactionFactory,
)

pytestmark = pytest.mark.django_db

KEY = "s3cr3t-transaction-key"


class Asked(Gateway):
    """A gateway whose answer to check_credentials is an option."""

    option_names = frozenset({"answer", "transaction_key"})
    asked: ClassVar[list[str]] = []

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        super().__init__(name, options)
        self.answer: Callable[[], CredentialsCheck] = options["answer"]

    def charge(self, request: ChargeRequest) -> TransactionResult:
        raise AssertionError("a check must not move money")

    def retrieve_transaction(self, transaction_id: str) -> Refusal:
        raise AssertionError("not asked here")

    def find_operation(self, key: str, hints: LookupHints) -> LookupResult:
        raise AssertionError("not asked here")

    def check_credentials(self) -> CredentialsCheck:
        self.asked.append(self.name)
        return self.answer()


def raises(error: Exception) -> Callable[[], CredentialsCheck]:
    def answer() -> CredentialsCheck:
        raise error

    return answer


def fine() -> CredentialsCheck:
    return CredentialsCheck(accepted=True, text="Demo Shop", live=False)


def entry(answer: object, **options: object) -> dict[str, Any]:
    backend = f"{__name__}.Asked"
    return {"BACKEND": backend, "OPTIONS": {"answer": answer, "transaction_key": KEY, **options}}


@pytest.fixture(autouse=True)
def no_calls() -> None:
    Asked.asked.clear()


def run(settings: Any, gateways: dict[str, Any], *gateway_names: str) -> tuple[str, str]:
    """Return what was printed, and the text of the CommandError or ''."""
    settings.DINERO = {"GATEWAYS": gateways}
    out = StringIO()
    try:
        call_command("dinero_check", *gateway_names, stdout=out, no_color=True)
    except CommandError as error:
        assert error.returncode == 1
        return out.getvalue(), str(error)
    return out.getvalue(), ""


def test_a_gateway_that_knows_us_is_ok_and_nothing_is_raised(settings: Any) -> None:
    assert run(settings, {"default": entry(fine)}) == (
        "default  OK: Demo Shop (a test account)\n",
        "",
    )


def test_keys_that_not_everybody_needs_are_no_failure(settings: Any, monkeypatch: Any) -> None:
    refused = "no signature_key: webhooks are refused"
    closed = "no client_key: the shop's pages take no cards"
    monkeypatch.setattr(Asked, "webhook_problem", lambda self: refused)
    monkeypatch.setattr(Asked, "browser_problem", lambda self: closed)
    printed, error = run(settings, {"default": entry(fine)})
    assert (printed, error) == (
        f"default  OK: Demo Shop (a test account); {refused}; {closed}\n",
        "",
    )


def test_a_live_account_is_named_as_one(settings: Any) -> None:
    out, error = run(settings, {"default": entry(lambda: CredentialsCheck(accepted=True))})
    assert (out, error) == ("default  OK: real money moves here\n", "")


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (lambda: CredentialsCheck(accepted=False, text="wrong key"), "REFUSED: wrong key"),
        (
            lambda: CredentialsCheck(accepted=True, lacks=("No lists.", "No vault.")),
            "LIMITED: No lists. No vault.",
        ),
        (raises(NotSent("connection refused")), "UNREACHABLE: connection refused"),
        (
            raises(OutcomeUnknown("HTTP status 404.")),
            "UNREACHABLE: HTTP status 404. A check changes nothing there. "
            "If it lasts, look where its address leads.",
        ),
        (raises(GatewayError("E00008 inactive account")), "REFUSED: E00008 inactive account"),
        (raises(UnsupportedFeature("it has no such call")), "NOT CHECKABLE: it has no such call"),
        (raises(ZeroDivisionError(f"at {KEY}")), "FAILED: ZeroDivisionError"),
    ],
)
def test_every_other_end_is_a_verdict_and_a_failure(
    settings: Any, answer: Callable[[], CredentialsCheck], line: str
) -> None:
    out, error = run(settings, {"default": entry(answer)})
    assert out == f"default  {line}\n"
    assert error == "1 of 1 gateways is not OK."


def test_a_wrong_entry_is_a_verdict_too_and_the_others_are_still_asked(settings: Any) -> None:
    gateways = {"a": entry(fine, colour="blue"), "longer": entry(fine)}
    out, error = run(settings, gateways)
    first, second = out.splitlines()
    assert first.startswith("a       MISCONFIGURED: ")
    assert "colour" in first
    assert second == "longer  OK: Demo Shop (a test account)"
    assert error == "1 of 2 gateways is not OK."


def test_several_that_are_not_ok_are_counted(settings: Any) -> None:
    gateways = {"a": entry(raises(NotSent("down"))), "b": entry(fine, colour="blue")}
    _, error = run(settings, gateways)
    assert error == "2 of 2 gateways are not OK."


def test_only_the_named_gateways_are_asked_each_once(settings: Any) -> None:
    gateways = {"a": entry(raises(NotSent("down"))), "b": entry(fine), "c": entry(fine)}
    _, error = run(settings, gateways, "c", "b", "c")
    assert error == ""
    assert Asked.asked == ["c", "b"]


def test_an_option_names_them_as_in_other_commands(settings: Any) -> None:
    gateways = {"default": entry(fine), "old": entry(fine), "new": entry(fine)}
    _output, problem = run(settings, gateways, "old", "--gateway", "new", "--gateway", "old")
    assert (Asked.asked, problem) == (["old", "new"], "")


def test_an_unknown_name_is_answered_with_the_configured_ones(settings: Any) -> None:
    _, error = run(settings, {"a": entry(fine), "b": entry(fine)}, "nope")
    assert "nope" in error
    assert "a, b" in error


def test_no_gateway_at_all_is_a_failure(settings: Any) -> None:
    _, error = run(settings, {})
    assert error == 'No gateway is configured in DINERO["GATEWAYS"].'


@pytest.mark.parametrize(
    "answer",
    [
        lambda: CredentialsCheck(accepted=False, text=f"The key {KEY} is wrong"),
        lambda: CredentialsCheck(accepted=True, text=f"{KEY}\n4111111111111111"),
        raises(NotSent(f"POST with {KEY} failed")),
        raises(UnsupportedFeature(f"not with {KEY}")),
    ],
)
def test_no_key_and_no_card_number_is_shown_whatever_a_library_wrote(
    settings: Any, answer: Callable[[], CredentialsCheck]
) -> None:
    out, error = run(settings, {"default": entry(answer)})
    assert KEY not in out + error
    assert "4111111111111111" not in out
    assert "[secret]" in out  # the text was there to be found
    assert out.count("\n") == 1


def test_rows_of_another_account_under_the_same_name(settings: Any) -> None:
    """The account went live where its test account had been; both names are said."""
    settings.DINERO = {"GATEWAYS": {"default": entry(fine)}}
    CustomerFactory(live=False)
    TransactionFactory(live=False, gateway_name="other")
    out, error = run(settings, {"default": entry(fine)})
    assert out.startswith("default  MIXED: It is a live account, and there are customers of a test")
    assert error.startswith("1 of 1")
    Customer.objects.all()._raw_delete("default")
    CreditCardFactory(live=True, customer__live=True)
    assert run(settings, {"default": entry(fine)})[1] == ""


def test_no_control_character_reaches_the_terminal(settings: Any) -> None:
    out, _error = run(settings, {"default": entry(raises(GatewayError("no\x1b[2J")))})
    assert out == "default  REFUSED: no\\x1b[2J\n"


def test_it_needs_no_tables(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise DatabaseError("no such table: dinero_customer")

    monkeypatch.setattr(Customer._default_manager, "filter", broken)
    assert run(settings, {"default": entry(fine)}) == (
        "default  OK: Demo Shop (a test account)\n",
        "",
    )
