"""The claims of the documentation: its examples run, its settings and links are real."""

from __future__ import annotations

import doctest
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from django.core.management import get_commands, load_command_class
from django.dispatch import Signal
from prometheus_client import CollectorRegistry

from django_dinero import conf, exceptions, signals
from django_dinero.gateways.authorizenet import AuthorizeNetGateway
from django_dinero.gateways.base import COMMON_OPTIONS
from django_dinero.gateways.registry import get_gateway, reset
from django_dinero.gateways.sandbox import SandboxGateway
from django_dinero.logs import FIELDS
from django_dinero.metrics import Counters, StatusCollector
from django_dinero.models import Transaction
from django_dinero.models.operation import TRANSITIONS, OperationState
from django_dinero.models.transaction_status import TransactionStatus
from django_dinero.observing.calls import OUTCOMES
from django_dinero.tasks import queue, with_celery
from django_dinero.tasks.checking import check_tasks
from django_dinero.testing.factories import OperationFactory

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
ALL_PAGES = sorted((ROOT / "docs").rglob("*.md"))
REPOSITORY = "https://github.com/django-dinero/django-dinero"
FILES = "https://raw.githubusercontent.com/django-dinero/django-dinero"
WITH_EXAMPLES = [page for page in PAGES if ">>> " in page.read_text()]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_bank(settings: Any) -> Iterator[None]:
    entry = {"BACKEND": "django_dinero.gateways.sandbox.SandboxGateway"}
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry}}
    reset()
    yield
    reset()


def test_there_are_examples() -> None:
    assert {page.name for page in WITH_EXAMPLES} >= {
        "quickstart.md",
        "customers.md",
        "transactions.md",
    }


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.name)
def test_the_examples_of_a_page(page: Path) -> None:
    result = doctest.testfile(str(page), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0


def test_the_ten_lines_of_the_readme() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    code = next(block for block in blocks if "Customer.create(" in block)
    scope: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), scope)  # noqa: S102 - it is our own page
    assert scope["charge"].price == 200
    assert Transaction.objects.filter(kind="void").count() == 1


def test_every_signal_stands_in_the_table() -> None:
    page = (ROOT / "docs" / "signals.md").read_text()
    names = {name for name, value in vars(signals).items() if isinstance(value, Signal)}
    assert set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE)) == names
    assert all(f"``{name}``" in (signals.__doc__ or "") for name in names)


def test_every_error_stands_in_the_table() -> None:
    table = (ROOT / "docs" / "errors.md").read_text()
    for name in exceptions.__all__:
        error = getattr(exceptions, name)
        assert f"`{name}`" in table, name
        if not issubclass(error, exceptions.InvalidInput) or error is exceptions.InvalidInput:
            assert f"`{error.code}`" in table, name


def test_every_check_stands_in_the_table() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "django_dinero").rglob("*.py"))
    told = re.findall(r"^\| `(dinero\.[EW]\d+)`", page("settings"), re.MULTILINE)
    assert told == sorted(set(re.findall(r'id="(dinero\.[EW]\d+)"', sources)))


def test_every_setting_and_option_stands_in_a_table() -> None:
    settings = set(re.findall(r"^\| `(\w+)`", page("settings"), re.MULTILINE))
    assert settings == conf.KNOWN | COMMON_OPTIONS
    names = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ", page("gateways"), re.MULTILINE)
    options = {name.strip("` ") for row in names for name in row.split(",")}
    assert options == SandboxGateway.option_names | AuthorizeNetGateway.option_names


def test_every_state_and_status_stands_in_its_table() -> None:
    states = named_in(table(page("deployment"), "State"))
    assert states == named_in(table(page("api"), "`state`")) == set(OperationState.values)
    assert named_in(table(page("transactions"), "`status`")) == set(TransactionStatus.values)


def test_which_state_follows_which() -> None:
    rows = table(page("deployment"), "From")
    told = {row.split("`")[1]: set(re.findall(r"`(\w+)`", row)[1:]) for row in rows}
    assert told == {str(state): set(following) for state, following in TRANSITIONS.items()}


def test_every_metric_stands_in_a_table() -> None:
    registry = CollectorRegistry()
    Counters(registry)
    made = {family.name: family.type for family in registry.collect()}
    made |= {family.name: family.type for family in StatusCollector().describe()}
    names = {f"{name}_total" if kind == "counter" else name for name, kind in made.items()}
    assert set(re.findall(r"^\| `(dinero_\w+)` \| `gateway`", page("watching"), re.M)) == names


def test_every_field_and_logger_and_word_of_the_log_stands_in_its_table() -> None:
    assert named_in(table(page("watching"), "Field")) == set(FIELDS)
    assert named_in(table(page("watching"), "Word")) == set(OUTCOMES)
    sources = "".join(path.read_text() for path in (ROOT / "django_dinero").rglob("*.py"))
    loggers = set(re.findall(r'get_logger\("([\w.]+)"\)', sources))
    told = set(re.findall(r"^\| `(django_dinero[\w.]*)` \|", page("watching"), re.MULTILINE))
    assert told == loggers


def test_the_alerts_ask_for_metrics_that_there_are() -> None:
    rules = re.search(r"```yaml\n(.*?)```", page("watching"), re.DOTALL)
    assert rules is not None
    text = page("watching").replace(rules[0], "")
    expressions = re.sub(r"annotations:.*", "", rules[1])
    asked = set(re.findall(r"dinero_\w+", expressions))
    assert len(asked) > 6
    assert [name for name in asked if f"| `{name}` |" not in text] == []


def test_every_attack_has_its_test() -> None:
    rows = re.findall(r"^\| (\d+)\. (.*) \|$", page("security"), re.MULTILINE)
    assert sorted(int(number) for number, _row in rows) == list(range(1, 43))
    for number, row in rows:
        named = re.findall(r"`((?:unit|integration)/[\w/]+\.py)::(test_\w+)`", row)
        assert named, number
        for path, name in named:
            assert re.search(rf"^def {name}\(", (ROOT / "tests" / path).read_text(), re.M), name


def table(text: str, heading: str) -> list[str]:
    """The rows of the table whose first column has this heading."""
    found = re.search(rf"^\| {re.escape(heading)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert found is not None, heading
    return found[1].splitlines()


def named_in(rows: list[str]) -> set[str]:
    """What the first cells of a table name."""
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split(" | ")[0])}


def test_the_menu_leads_to_every_page() -> None:
    menu = [name for index in ("index", "reference/index") for name in toctree(index)]
    assert sorted(menu) == sorted(name_of(path) for path in ALL_PAGES if name_of(path) != "index")


def test_the_index_leads_to_every_page() -> None:
    links = re.findall(r"\]\(([\w/-]+)\.md\)", page("index"))
    assert sorted(links) == sorted(toctree("index"))


def test_the_readme_can_be_read_anywhere() -> None:
    """On a package index relative links lead nowhere."""
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    assert links
    for link in links:
        file = re.fullmatch(f"(?:{REPOSITORY}/blob|{FILES})/main/(.+)", link)
        assert file is not None, link
        assert (ROOT / file[1]).is_file(), link


def toctree(index: str) -> list[str]:
    """The pages that an index names, as paths below docs/."""
    blocks = re.findall(r"```{toctree}\n(.*?)```", page(index), re.DOTALL)
    folder = index.rpartition("/")[0]
    names = re.findall(r"^([\w/-]+)$", "\n".join(blocks), re.MULTILINE)
    return [f"{folder}/{name}" if folder else name for name in names]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT / "docs").with_suffix("").as_posix()


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text()


# -- Work in the background ------------------------------------------------------------------------


def blocks(name: str, language: str) -> list[str]:
    """The code of a page that is in this language; what stands for the reader's own is empty."""
    found = re.findall(rf"^```{language}\n(.*?)^```", page(name), re.DOTALL | re.MULTILINE)
    return [block.replace("..., ", "").replace("{..., ", "{") for block in found]


def assigned(name: str, setting: str) -> list[Any]:
    """The values that the examples of a page give a setting."""
    values = []
    for block in blocks(name, "python"):
        if re.search(rf"^{setting} = ", block, re.MULTILINE):
            scope: dict[str, Any] = {}
            exec(block.replace("INSTALLED_APPS = [", "INSTALLED_APPS = [*[], "), scope)  # noqa: S102
            values.append((scope[setting], scope.get("TASKS")))
    return values


def test_the_settings_of_the_queues_are_well(settings: Any) -> None:
    found = assigned("background", "DINERO")
    assert [dinero["TASKS"]["ENGINE"] for dinero, _tasks in found] == ["django", "celery"]
    for dinero, tasks in found:
        settings.TASKS = tasks or {}
        settings.DINERO = {**settings.DINERO, **dinero}
        assert check_tasks() == []


def test_the_keys_of_the_queues_stand_in_their_table() -> None:
    keys = {each.name.upper() for each in fields(conf.Tasks)}
    assert named_in(table(page("background"), "Key")) == keys


def test_the_jobs_stand_in_their_table() -> None:
    assert named_in(table(page("background"), "Job")) == set(queue.JOBS)


def test_what_celery_beat_is_told_is_a_task() -> None:
    ((schedule, _tasks),) = assigned("deployment", "CELERY_BEAT_SCHEDULE")
    names = {task.name for task in with_celery.TASKS.values()}
    assert {entry["task"] for entry in schedule.values()} <= names


@pytest.mark.parametrize(
    "name", ["background", "deployment", "going-live", "moving-in", "reconcile", "sync"]
)
def test_every_command_line_can_be_read(settings: Any, name: str) -> None:
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    lines = re.findall(r"manage\.py ((?:dinero|db|prune)_\w+[^`\n]*)$", page(name), re.MULTILINE)
    assert lines
    for line in lines:
        words = shlex.split(line.partition(" >> ")[0], comments=True)
        command = load_command_class(get_commands()[words[0]], words[0])
        command.create_parser("manage.py", words[0]).parse_args(words[1:])


# -- Several gateways ------------------------------------------------------------------------------


def test_the_loop_over_tenants_names_those_that_need_somebody() -> None:
    scope: dict[str, Any] = {}
    (code,) = [block for block in blocks("several-gateways", "python") if "reconcile_all" in block]
    exec(code, scope)  # noqa: S102 - it is our own page
    assert scope["reconcile_all"](["default"]) == []
    OperationFactory(state="needs_attention", live=False)
    assert scope["reconcile_all"](["default"]) == ["default"]


def test_the_resolver_of_the_page_makes_an_entry_of_a_tenant(settings: Any) -> None:
    scope: dict[str, Any] = {"Merchant": Mock()}
    (code,) = [block for block in blocks("several-gateways", "python") if "def find" in block]
    exec(code, scope)  # noqa: S102 - it is our own page
    first = scope["Merchant"].objects.filter.return_value.first
    first.return_value.login_id = "login"
    first.return_value.decrypted_transaction_key.return_value = "key"
    settings.DINERO = {"GATEWAYS": {"slug": scope["find"]("slug")}}
    assert get_gateway("slug").live
    first.return_value = None
    assert scope["find"]("nobody") is None
