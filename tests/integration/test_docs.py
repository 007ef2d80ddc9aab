"""The claims of the documentation: its examples run, its settings and links are real."""

from __future__ import annotations

import doctest
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.dispatch import Signal

from django_dinero import conf, exceptions, signals
from django_dinero.gateways.authorizenet import AuthorizeNetGateway
from django_dinero.gateways.base import COMMON_OPTIONS
from django_dinero.gateways.registry import reset
from django_dinero.gateways.sandbox import SandboxGateway
from django_dinero.models import Transaction
from django_dinero.models.operation import TRANSITIONS, OperationState
from django_dinero.models.transaction import TransactionStatus

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
