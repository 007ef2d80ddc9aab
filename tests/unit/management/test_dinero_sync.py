"""The command: what it does, prints and ends with."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils import translation

from django_dinero.exceptions import GatewayError, NotSent
from django_dinero.gateways.registry import get_gateway
from django_dinero.management import sync_counts
from django_dinero.models import Customer, Operation, VaultPull
from django_dinero.services.sync.comparing import Side
from tests.support.aging import grow_old
from tests.support.queues import Queued, queued
from tests.support.recording import RecordingGateway, refuse_connection

__all__ = ["queued"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def gateway(settings: Any) -> RecordingGateway:
    entry = {"BACKEND": "tests.support.recording.RecordingGateway", "OPTIONS": {}}
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry, "other": entry}}
    found = get_gateway()
    assert isinstance(found, RecordingGateway)
    return found


def run(*arguments: str) -> tuple[list[str], bool]:
    """Return the lines that were printed, and whether all is well."""
    out, err = StringIO(), StringIO()
    try:
        call_command("dinero_sync", *arguments, stdout=out, stderr=err, no_color=True)
    except CommandError as error:
        assert error.returncode == 1
        return [*out.getvalue().splitlines(), str(error)], False
    return out.getvalue().splitlines(), True


def run_json(*arguments: str) -> tuple[list[Any], bool]:
    lines, good = run("--json", *arguments)
    return [json.loads(line) for line in lines if line.startswith("{")], good


def owner_of(remote: Any) -> Any:
    """What a project would name."""
    return get_user_model().objects.filter(email=remote.email).first()


def broken_owner_of(remote: Any) -> Any:
    """What a project would have to mend."""
    return {}[remote.email]


# -- Pushing -------------------------------------------------------------------------------------


def test_it_pushes_and_deletes_what_waits(gateway: RecordingGateway) -> None:
    customer, gone = Customer.create("a@example.com"), Customer.create("b@example.com")
    gateway.faults["delete_customer"] = refuse_connection
    with pytest.raises(NotSent):
        gone.delete()
    Customer.objects.update(first_name="Ann")
    lines, good = run()
    assert (lines, good) == (
        [
            "default: push: 1 delete was sent; 1 changed customer or card was pushed",
            "other: push: nothing",
        ],
        True,
    )
    assert [each.first_name for each in gateway.iter_customers()] == ["Ann"]
    customer.refresh_from_db()
    assert customer.sync_state == "synced"


def test_it_fails_while_something_failed_or_waits(gateway: RecordingGateway) -> None:
    Customer.create("a@example.com")
    Customer.objects.update(first_name="Ann")
    gateway.faults["update_customer"] = refuse_connection
    told, good = run_json("--gateway", "default")
    counts = {"push_failed": 1, "waiting_customers": 1}
    assert [each["counts"] for each in told] == [counts]
    assert (told[0]["verb"], told[0]["ok"], good) == ("push", False, False)
    assert run("--gateway", "default")[1]


def test_what_rests_is_pushed_now_on_request(gateway: RecordingGateway) -> None:
    Customer.create("a@example.com")
    Customer.objects.update(first_name="Ann")
    for _time in range(2):
        gateway.faults["update_customer"] = refuse_connection
        assert not run()[1]
    lines, good = run("--gateway", "default")
    assert lines[0] == (
        "default: push: 1 push has failed, and is tried again later; "
        "1 changed customer or card waits to be pushed"
    )
    assert not good
    assert run("--now")[1]


# -- Pulling -------------------------------------------------------------------------------------


def store(gateway: RecordingGateway, email: str) -> str:
    stored = gateway.bank.create_customer(
        key="", email=email, first_name="", last_name="", cards=[]
    )
    return stored.id


def test_it_pulls_by_id(
    gateway: RecordingGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [store(gateway, f"c{number}@example.com") for number in range(4)]
    (tmp_path / "ids").write_text(f"{ids[2]}\n\n")
    monkeypatch.setattr("sys.stdin", StringIO(f" {ids[3]} \n"))
    chosen = ("--gateway", "default")
    assert run(*chosen, "--customer", ids[0], "--customer", ids[1], "--rate", "1000")[1]
    assert run(*chosen, "--ids-from", str(tmp_path / "ids"))[1]
    assert run(*chosen, "--ids-from", "-")[1]
    assert set(Customer.objects.values_list("customer_id", flat=True)) == set(ids)
    lines, good = run(*chosen, "--customer", "nobody", "--transaction", "none")
    assert [line.split(":")[1].split()[0] for line in lines[:2]] == ["nobody", "none"]
    assert (lines[2], good) == ("default: pull: 2 could not be pulled", False)
    assert run(*chosen, "--ids-from", str(tmp_path / "not there"))[1] is False


def test_an_input_that_a_shell_has_closed_has_no_ids(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    lines, good = run("--gateway", "default", "--ids-from", "-")
    assert (lines, good) == (["default: pull: nothing"], True)


@pytest.mark.parametrize("content", ["\ufeff{}\n", "\r\n  {}\r\n"])
def test_a_list_of_ids_as_spreadsheets_write_it(
    gateway: RecordingGateway, tmp_path: Path, content: str
) -> None:
    store(gateway, "ann@example.com")
    (wanted,) = (each.customer_id for each in gateway.iter_customers())
    (tmp_path / "ids").write_bytes(content.format(wanted).encode())
    assert run("--gateway", "default", "--ids-from", str(tmp_path / "ids"))[1]
    assert Customer.objects.get().customer_id == wanted


def test_a_list_that_is_no_text_is_told(gateway: RecordingGateway, tmp_path: Path) -> None:
    (tmp_path / "ids").write_bytes(b"1\xff\n")
    lines, good = run("--gateway", "default", "--ids-from", str(tmp_path / "ids"))
    assert (good, lines[-1].startswith("--ids-from: ")) == (False, True)


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
@pytest.mark.parametrize("option", ["--customer", "--transaction"])
def test_what_no_database_can_look_for_does_not_stop_the_others(
    gateway: RecordingGateway, option: str, text: str
) -> None:
    lines, good = run("--gateway", "default", option, text, option, "nobody")
    assert (lines[-2], good) == ("default: pull: 2 could not be pulled", False)


def test_it_pulls_an_account_with_owners(gateway: RecordingGateway) -> None:
    ann = get_user_model().objects.create(username="ann", email="ann@example.com")
    store(gateway, "ann@example.com")
    path = f"{__name__}.owner_of"
    told, good = run_json("--gateway", "default", "--pull", "--all", "--owner-from", path)
    assert [(each["verb"], each["counts"]) for each in told] == [("pull", {"customers": 1})]
    assert good
    assert Customer.objects.get().owner == ann


@pytest.mark.parametrize("how", ["account", "ids"])
def test_a_broken_owner_from_is_an_error_and_no_traceback(
    gateway: RecordingGateway, how: str
) -> None:
    one = store(gateway, "ann@example.com")
    what = ["--pull", "--all"] if how == "account" else ["--customer", one]
    asked = ["--gateway", "default", *what, "--owner-from"]
    lines, good = run(*asked, f"{__name__}.broken_owner_of")
    assert "broken_owner_of raised KeyError, asked about customer" in lines[0]
    assert not good
    assert "ann@" not in "".join(lines)
    again = [*asked, f"{__name__}.owner_of", *(["--resume"] if how == "account" else [])]
    assert run(*again)[1]
    assert Customer.objects.count() == 1


def test_a_pull_that_breaks_off_says_why_and_goes_on(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(gateway, "ann@example.com")

    def broken() -> Any:
        raise GatewayError("page 1\x1b[2J failed")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(gateway, "iter_customers", broken)
        lines, good = run("--gateway", "default", "--pull", "--all")
    assert (lines[0], good) == ("default: gateway_error: page 1\\x1b[2J failed", False)
    assert run("--gateway", "default", "--pull", "--all", "--resume")[1]
    assert VaultPull.objects.get().pulled == 1
    assert not run("--gateway", "default", "--pull", "--all", "--resume")[1]


# -- Comparing -----------------------------------------------------------------------------------


def test_it_tells_the_differences(gateway: RecordingGateway) -> None:
    customer = Customer.create("a@example.com")
    there = store(gateway, "there\x1b@example.com")
    assert run("--diff", "--gateway", "other") == (["other: diff: nothing"], True)
    Customer.objects.update_without_push(email="b@example.com")
    grow_old()
    lines, good = run("--diff")
    assert lines[:3] == [
        f"customer {customer.customer_id} (pk {customer.pk}): differs (here / there): "
        "email 'b@example.com' / 'a@example.com'",
        f"customer {there}: at the gateway only",
        "default: diff: 1 customer or card differs; "
        "1 customer or card is stored at the gateway only",
    ]
    assert not good
    told, _good = run_json("--diff", "--gateway", "default")
    assert told[0] == {
        "gateway": "default",
        "side": "both",
        "customer_id": customer.customer_id,
        "card_id": "",
        "customer_pk": customer.pk,
        "waits": False,
        "fields": {"email": {"here": "b@example.com", "there": "a@example.com"}},
    }
    assert (told[2]["verb"], told[2]["counts"]) == ("diff", {"both": 1, "there": 1})
    assert not Operation.objects.exclude(kind="create_customer").exists()


# -- Options -------------------------------------------------------------------------------------

ONE = ("--gateway", "default")
OWNER = f"{__name__}.owner_of"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--gateway", "nope"], "No gateway is called 'nope'"),
        (["--pull"], "go together"),
        (["--all"], "go together"),
        (["--resume"], "belongs to"),
        (["--diff", "--customer", "1"], "one of them"),
        (["--pull", "--all"], "Name the gateway"),
        (["--gateway", "default", "--customer", "1", "--owner-from", "no.such"], "--owner-from"),
        ([*ONE, "--customer", "1", "--owner-from", "."], "--owner-from: ValueError: "),
        ([*ONE, "--customer", "1", "--owner-from", "..x"], "--owner-from: TypeError: "),
        ([*ONE, "--customer", "1", "--owner-from", "sys.path"], "not callable"),
        (["--diff", "--rate", "0"], "0.001 or more"),
        (["--diff", "--rate", "nan"], "0.001 or more"),
        (["--diff", "--rate", "inf"], "0.001 or more"),
        (["--diff", "--rate", "1e-320"], "0.001 or more"),
        (["--diff", "--rate", "0.00099"], "0.001 or more"),
        (["--rate", "5"], "--rate is for pulling and comparing. Leave it out to push."),
        (["--owner-from", OWNER], "--owner-from is for pulling customers alone."),
        (["--diff", "--owner-from", OWNER], "--owner-from is for pulling customers alone."),
        ([*ONE, "--transaction", "1", "--owner-from", OWNER], "for pulling customers alone."),
        ([*ONE, "--pull", "--all", "--limit", "1"], "--limit is for pushing alone. Leave it out"),
        ([*ONE, "--pull", "--all", "--now"], "--now is for pushing alone. Leave it out"),
        ([*ONE, "--customer", "1", "--limit", "1"], "--limit is for pushing alone."),
        (["--diff", "--limit", "1"], "--limit is for pushing alone."),
        (["--diff", "--now"], "--now is for pushing alone."),
        (["--limit", "-1"], "above 0"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    gateway: RecordingGateway, arguments: list[str], said: str
) -> None:
    lines, good = run(*arguments)
    assert not good
    assert said in lines[-1]


def test_no_gateway_at_all(settings: Any) -> None:
    settings.DINERO = {}
    assert run() == (['No gateway is configured in DINERO["GATEWAYS"].'], False)


# -- In the background ---------------------------------------------------------------------------


def test_a_pull_in_the_background_is_only_begun(gateway: RecordingGateway, queued: Queued) -> None:
    owner = f"{__name__}.owner_of"
    lines, good = run(
        *("--gateway", "default", "--pull", "--all", "--background"),
        *("--owner-from", owner, "--rate", "2.5"),
    )
    assert (lines, good) == (["default: pull: 1 pull was put into the queue"], True)
    pull = VaultPull.objects.get()
    assert (pull.in_background, pull.owner_from, pull.rate) == (True, owner, 2.5)
    assert queued == [("pull_page", (pull.pk, ""), None)]
    assert "iter_customers" not in gateway.verbs


def test_a_queue_that_is_down_is_told(
    gateway: RecordingGateway, queued: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_dinero.tasks.with_django.enqueue", None)
    lines, good = run("--gateway", "default", "--pull", "--all", "--background")
    assert (lines[0], good) == ("default: pull: 1 pull was not put into the queue", False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--background"], "--background belongs to --pull --all"),
        (["--diff", "--background"], "--background belongs to --pull --all"),
        (["--pull", "--all", "--resume", "--background"], "without --resume"),
        (["--pull", "--all", "--background", "--owner-from", "no.such"], "--owner-from"),
    ],
)
def test_what_a_queue_cannot_do_is_told(
    gateway: RecordingGateway, queued: Queued, arguments: list[str], said: str
) -> None:
    lines, good = run("--gateway", "default", *arguments)
    assert not good
    assert said in lines[-1]
    assert not VaultPull.objects.exists()


def test_without_a_queue_nothing_is_begun(gateway: RecordingGateway) -> None:
    lines, good = run("--gateway", "default", "--pull", "--all", "--background")
    assert (lines, good) == (["There is no queue: set DINERO['TASKS']."], False)
    assert not VaultPull.objects.exists()


def test_everything_that_is_counted_has_words(gateway: RecordingGateway) -> None:
    pushed = [f"push_{ended}" for ended in ("done", "failed", "waits", "rests")]
    deleted = [f"delete_{ended}" for ended in ("done", "failed", "waits")]
    names = [*pushed, *deleted, "gave_up", *(side.value for side in Side)]
    names += ["customers", "transactions", "failed", "gone", "enqueued", "not_enqueued"]
    with translation.override("de"):
        said = list(sync_counts.in_words(dict.fromkeys(names, 2)))
    assert len(said) == len(names)
    assert [text for text in said for name in names if name in text.split()] == []
