"""The command that looks after webhooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test.utils import override_script_prefix

from django_dinero.exceptions import OutcomeUnknown
from django_dinero.gateways.authorizenet import AuthorizeNetGateway
from django_dinero.gateways.authorizenet.webhooks import EVENT_TYPES
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import WebhookEndpoint
from django_dinero.management.commands.dinero_webhooks import Command
from django_dinero.management.webhook_address import doubts
from django_dinero.models import Transaction, WebhookEvent
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.records import TEST_SIGNATURE_KEY
from django_dinero.sandbox.http.adapter import BankAdapter
from django_dinero.services import webhooks
from tests.support.recording import RecordingGateway, refuse_connection
from tests.support.webhooks import notice, receive
from tests.unit.management.deaf import Deaf, errors
from tests.unit.services.conftest import card, charge, customer, make_customer

__all__ = ["card", "charge", "customer", "make_customer"]

pytestmark = pytest.mark.django_db

URL = "https://shop.example/payments/default/"


def run(*words: str) -> str:
    """Run it and return what it says."""
    out = StringIO()
    call_command("dinero_webhooks", *words, stdout=out)
    return out.getvalue().strip()


def told(*words: str) -> Any:
    """The same, for programs: what it says of the first gateway, or of none in particular."""
    told = json.loads(run(*words, "--json"))
    assert (told["command"], told["verb"], told["ok"]) == ("dinero_webhooks", words[0], True)
    return told["gateways"][0] if told["gateways"] else told


@pytest.fixture
def account(settings: Any) -> Iterator[Bank]:
    """An account of Authorize.Net, at a bank in this process."""
    options = {
        "environment": "sandbox",
        "login_id": "sandbox-login",
        "transaction_key": "sandbox-key",
        "signature_key": TEST_SIGNATURE_KEY,
    }
    entry = {
        "BACKEND": "django_dinero.gateways.authorizenet.AuthorizeNetGateway",
        "OPTIONS": options,
    }
    settings.DINERO = {"GATEWAYS": {"default": entry}}
    found, bank = get_gateway(), Bank()
    assert isinstance(found, AuthorizeNetGateway)
    found.mount(BankAdapter(bank))
    yield bank
    bank.close()


def test_an_endpoint_is_registered_once(account: Bank) -> None:
    assert run("list") == "The gateway has no endpoint."
    (made,) = told("register", URL)["endpoints"]
    assert (made["url"], made["active"]) == (URL, True)
    assert set(made["events"]) == set(EVENT_TYPES)
    assert told("register", URL)["endpoints"] == [made]
    assert told("list")["endpoints"] == [made]
    assert run("list") == f"{made['id']}  {URL}  active, 15 kinds of events"
    assert run("register", URL) == f"{made['id']}  {URL}"
    (endpoint,) = account.endpoints()
    assert (endpoint.url, len(endpoint.events)) == (URL, 15)


def test_an_endpoint_that_is_switched_off_is_told_of(
    account: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the provider's own pages it can be: then nothing is sent to it."""
    off = WebhookEndpoint("1", URL, tuple(EVENT_TYPES), is_active=False)
    monkeypatch.setattr(AuthorizeNetGateway, "list_webhooks", lambda self: (off,))
    (doubt,) = told("register", URL)["doubts"]
    assert doubt == "It is inactive, and gets nothing. Remove it, and register it again."


@pytest.mark.parametrize("url", ["http://[::1", "shop.example", "ftp://shop.example/"])
def test_what_is_no_address_is_refused(account: Bank, url: str) -> None:
    with pytest.raises(CommandError, match="This is no address"):
        call_command("dinero_webhooks", "register", url, stdout=StringIO(), stderr=StringIO())
    assert list(account.endpoints()) == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (URL, []),
        (URL[:-1], []),
        ("http://127.0.0.1:8000/payments/default/", []),
        (
            "http://shop.example/payments/default/",
            ["Over http everybody on the way reads along: https is better."],
        ),
        (
            "https://shop.example/",
            [
                "No address of this project takes webhooks there. "
                "The path of “default” is /payments/default/."
            ],
        ),
        (
            "https://shop.example/payments/other/",
            [
                "Webhooks that come there are read as those of “other”. "
                "The path of “default” is /payments/default/."
            ],
        ),
    ],
    ids=["good", "no slash", "this machine", "http", "another page", "another gateway"],
)
def test_what_speaks_against_an_address_is_told(
    account: Bank, url: str, expected: list[str]
) -> None:
    said = StringIO()
    call_command("dinero_webhooks", "register", url, stdout=StringIO(), stderr=said)
    assert said.getvalue().splitlines() == expected
    assert told("register", url)["doubts"] == expected
    assert len(account.endpoints()) == 1


def test_a_project_below_a_path_and_a_name_that_is_quoted(account: Bank, settings: Any) -> None:
    entry = settings.DINERO["GATEWAYS"]["default"]
    settings.DINERO = {"GATEWAYS": {"café 2": entry}}
    found = get_gateway("café 2")
    with override_script_prefix("/shop/"):
        own = "https://shop.example/shop/payments/caf%C3%A9%202/"
        assert doubts(own, found) == []
        (doubt,) = doubts(own.replace("/shop/payments", "/payments"), found)
    assert doubt.endswith("The path of “café 2” is /shop/payments/caf%C3%A9%202/.")
    assert doubts("https://[::1/", found) == []


def test_a_project_without_the_line_in_its_urls_is_told_of_it(account: Bank, settings: Any) -> None:
    settings.ROOT_URLCONF = "django_dinero.api.urls"
    (doubt,) = told("register", URL)["doubts"]
    assert doubt == (
        "No address of this project takes webhooks there. A line in urls.py is missing: "
        'path("webhooks/", include("django_dinero.webhooks.urls")).'
    )


def test_a_gateway_that_could_believe_no_webhook_is_told(account: Bank, settings: Any) -> None:
    entry = settings.DINERO["GATEWAYS"]["default"]
    options = {**entry["OPTIONS"], "signature_key": None}
    settings.DINERO = {"GATEWAYS": {"default": {**entry, "OPTIONS": options}}}
    assert doubts(URL, get_gateway()) == ["no signature_key: webhooks are refused"]


def test_an_endpoint_is_removed(account: Bank) -> None:
    (made,) = told("register", URL)["endpoints"]
    assert told("remove", made["id"])["removed"] == made["id"]
    assert account.endpoints() == ()
    (made,) = told("register", URL)["endpoints"]
    assert run("remove", made["id"]) == "Removed."


def test_an_endpoint_that_the_gateway_does_not_have_is_told(account: Bank) -> None:
    """It may be a slip, and the one that was meant goes on sending."""
    (made,) = told("register", URL)["endpoints"]
    with pytest.raises(CommandError, match="The gateway default has no endpoint garbage"):
        run("remove", "garbage")
    assert [each.id for each in account.endpoints()] == [made["id"]]


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        (["--verbosity", "0"], "verbosity", 0),
        (["-v", "2"], "verbosity", 2),
        (["--settings", "shop.settings"], "settings", "shop.settings"),
        (["--pythonpath", "src"], "pythonpath", "src"),
        (["--traceback"], "traceback", True),
        (["--no-color"], "no_color", True),
        (["--force-color"], "force_color", True),
        (["--skip-checks"], "skip_checks", True),
    ],
)
def test_options_of_django_stand_before_and_behind_the_verb(
    options: list[str], name: str, value: object
) -> None:
    parser = Command().create_parser("manage.py", "dinero_webhooks")
    for words in (["drain", *options], [*options, "drain"]):
        assert vars(parser.parse_args(words))[name] == value


@pytest.mark.parametrize("url", ["shop.example", "ftp://shop.example/", "https:///x", ""])
def test_an_address_that_is_none(account: Bank, url: str) -> None:
    with pytest.raises(CommandError, match="This is no address"):
        run("register", url)
    assert account.endpoints() == ()


def test_a_live_account_is_told_over_https_alone(
    account: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AuthorizeNetGateway, "live", True)
    with pytest.raises(CommandError, match="https"):
        run("register", "http://shop.example/")


def test_wrong_credentials(account: Bank, settings: Any) -> None:
    gateway = get_gateway()
    assert isinstance(gateway, AuthorizeNetGateway)
    gateway.mount(BankAdapter(Bank()))
    options = settings.DINERO["GATEWAYS"]["default"]["OPTIONS"]
    other = AuthorizeNetGateway("default", {**options, "transaction_key": "other-key"})
    other.mount(BankAdapter(account))
    for call in (other.list_webhooks, lambda: other.register_webhook(URL)):
        answer = call()
        assert "authentication_failed" in str(answer)
        assert "other-key" not in str(answer)


def test_a_gateway_without_endpoints(gateway: RecordingGateway) -> None:
    with pytest.raises(CommandError, match="sends no webhooks by itself"):
        run("list")


def test_no_such_gateway(gateway: RecordingGateway) -> None:
    for asked in ("list", "drain"):
        with pytest.raises(CommandError, match="nobody"):
            run(asked, "--gateway", "nobody")


def test_draining(gateway: RecordingGateway, charge: Transaction) -> None:
    for _ in range(3):
        webhooks.store(gateway, notice("transaction", charge.transaction_id or ""), b"{}")
    webhooks.store(gateway, notice("transaction", "1"), b"{}")
    assert run("drain", "--limit", "1") == "1 applied; 3 more are due."
    assert told("drain")["counts"] == {"applied": 2, "not_ours": 1}
    assert run("drain", "--gateway", "default") == "nothing was due; 0 more are due."
    with pytest.raises(CommandError, match="a number above 0"):
        run("drain", "--limit", "0")


@errors
@pytest.mark.parametrize("form", ["", "--json"])
def test_events_are_worked_on_whether_anybody_reads_of_it(
    gateway: RecordingGateway, charge: Transaction, error: Exception, form: str
) -> None:
    event = webhooks.store(gateway, notice("transaction", charge.transaction_id or ""), b"{}")
    assert event is not None
    for words in (["drain"], ["replay", str(event.pk)], ["purge"]):
        call_command("dinero_webhooks", *words, *filter(None, [form]), stdout=Deaf(error))
    event.refresh_from_db()
    assert event.state == "applied"


@errors
def test_an_endpoint_is_kept_whether_anybody_reads_of_it(account: Bank, error: Exception) -> None:
    outputs = {"stdout": Deaf(error), "stderr": Deaf(error)}
    call_command("dinero_webhooks", "register", "http://shop.example/", **outputs)
    (endpoint,) = account.endpoints()
    assert endpoint.url == "http://shop.example/"
    with pytest.raises(type(error)):
        call_command("dinero_webhooks", "list", **outputs)


def test_a_gateway_that_is_configured_wrongly_does_not_stop_the_others(
    gateway: RecordingGateway, charge: Transaction, settings: Any
) -> None:
    webhooks.store(gateway, notice("transaction", charge.transaction_id or ""), b"{}")
    entries = settings.DINERO["GATEWAYS"]
    wrong = {**entries["default"], "OPTIONS": {"nonsense": 1}}
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {**entries, "a": wrong}}
    with pytest.raises(CommandError, match=r"^a: .*nonsense"):
        run("drain")
    assert WebhookEvent.objects.get().attempts == 1


def test_draining_tells_of_a_gateway_that_is_not_configured(gateway: RecordingGateway) -> None:
    webhooks.store(gateway, notice("transaction", "1"), b"{}")
    WebhookEvent.objects.update(gateway_name="old\x1b")
    said = "old\\x1b: It is not configured, and 1 webhook of it waits."
    assert run("drain", "--gateway", "default") == "nothing was due; 0 more are due."
    assert run("drain").splitlines() == ["1 parked; 0 more are due.", said]
    document = json.loads(run("drain", "--json"))
    assert [(each["gateway"], each["counts"]) for each in document["gateways"]] == [
        ("default", {}),
        ("old\x1b", {"waiting": 1}),
    ]


def test_draining_without_a_gateway(settings: Any) -> None:
    settings.DINERO = {"GATEWAYS": {}}
    with pytest.raises(CommandError, match="No gateway is configured"):
        run("drain")


def test_replaying(gateway: RecordingGateway, charge: Transaction) -> None:
    event = receive(gateway, notice("transaction", charge.transaction_id or "", "charged"))
    assert event is not None
    assert run("replay", str(event.pk)) == f"{event.pk}  charged  applied"
    assert told("replay", str(event.pk))["event"] == {"id": event.pk, "state": "applied"}
    gateway.faults["retrieve_transaction"] = refuse_connection
    with pytest.raises(CommandError, match="connection refused"):
        run("replay", str(event.pk))
    with pytest.raises(CommandError, match="no event 0"):
        run("replay", "0")


def test_replaying_in_vain_for_the_last_time(
    gateway: RecordingGateway, charge: Transaction, settings: Any
) -> None:
    event = receive(gateway, notice("transaction", charge.transaction_id or "", "charged"))
    assert event is not None
    settings.DINERO = {**settings.DINERO, "WEBHOOKS": {"MAX_TRIES": 1}}  # and a new, empty bank
    with pytest.raises(CommandError, match="not applied: The gateway does not find it"):
        run("replay", str(event.pk))
    event.refresh_from_db()
    assert event.state == "given_up"


def test_replaying_what_is_not_ours_is_no_failure(gateway: RecordingGateway, db: None) -> None:
    event = receive(gateway, notice("transaction", "1", "charged"))
    assert event is not None
    assert run("replay", str(event.pk)) == f"{event.pk}  charged  not ours"


def test_purging(gateway: RecordingGateway, charge: Transaction, settings: Any) -> None:
    receive(gateway, notice("transaction", charge.transaction_id or ""))
    receive(gateway, notice("transaction", "1"))
    WebhookEvent.objects.update(received_at=datetime.now(UTC) - timedelta(days=61))
    assert run("purge", "--days", "62") == "Events: 0 emptied, 0 deleted, 0 given up."
    assert told("purge")["counts"] == {"emptied": 1, "deleted": 1}


def test_an_answer_that_is_lost_is_not_told_as_nothing_done(
    account: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(url: str) -> None:
        account.add_endpoint(url, EVENT_TYPES)
        raise OutcomeUnknown("It was silent.")

    monkeypatch.setattr(get_gateway(), "register_webhook", lose)
    with pytest.raises(CommandError, match="look whether it has done it"):
        call_command("dinero_webhooks", "register", URL, stdout=StringIO(), stderr=StringIO())
