"""What every test of this project has, and the section that says what a run left out."""

from __future__ import annotations

import os
import shutil
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.utils import translation
from hypothesis import settings

from django_dinero.gateways.registry import get_gateway
from tests.databases import URL_VARIABLES, VENDOR
from tests.support import quicker
from tests.support.recording import RecordingGateway
from tests.support.thoroughness import THOROUGH, is_in_part

#: What a run may lack, and the variable that gives it. DINERO_REQUIRE names what it must not lack.
OPTIONAL = {
    "postgres": URL_VARIABLES["postgresql"],
    "mariadb": URL_VARIABLES["mariadb"],
    "redis": "DINERO_TEST_REDIS",
    "browser": "DINERO_TEST_BROWSER",
    "node": "DINERO_TEST_NODE",
    "gettext": "DINERO_TEST_GETTEXT",
}
#: The marks of tests that speak of one kind of database, and the kinds they run on.
VENDOR_MARKS = {
    "sqlite": ("sqlite",),
    "postgresql": ("postgresql",),
    "mariadb": ("mariadb",),
    "autonomous": ("postgresql", "mariadb"),
}
# Hypothesis fails an example that takes 200 ms. On a machine that does other things, any may.
settings.register_profile("dinero", deadline=None)
settings.load_profile("dinero")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_configure(config: pytest.Config) -> None:
    required = [name for name in os.environ.get("DINERO_REQUIRE", "").split(",") if name]
    for name in required:
        if name not in OPTIONAL:
            raise pytest.UsageError(f"DINERO_REQUIRE: {name!r} is none of {sorted(OPTIONAL)}")
        if not os.environ.get(OPTIONAL[name]):
            raise pytest.UsageError(f"DINERO_REQUIRE names {name}, but {OPTIONAL[name]} is not set")


@pytest.hookimpl(wrapper=True, tryfirst=True)  # Before -m chooses, and after all are shuffled.
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Iterator[None]:
    left_out = [item for item in items if not is_in_part(item.nodeid)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if is_in_part(item.nodeid)]
    mark_and_skip(items)
    yield
    # Long ones begin first: or one worker has all of them at the end, and the others wait for it.
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    quicker.collect_rarely()


def mark_and_skip(items: list[pytest.Item]) -> None:
    """Mark what uses the database, and skip what is not for this one or has no browser."""
    for item in items:
        if asks_for_database(item):
            item.add_marker(pytest.mark.database)
        for mark, vendors in VENDOR_MARKS.items():
            if item.get_closest_marker(mark) and VENDOR not in vendors:
                reason = f"runs with DINERO_TEST_DB={' or '.join(vendors)}, not on {VENDOR}"
                item.add_marker(pytest.mark.skip(reason=reason))
        if item.get_closest_marker("thorough") and not THOROUGH:
            item.add_marker(pytest.mark.skip(reason="no DINERO_TEST_THOROUGH: takes half a minute"))
        if item.get_closest_marker("browser") and not os.environ.get(OPTIONAL["browser"]):
            item.add_marker(pytest.mark.skip(reason=without("browser")))


def asks_for_database(item: pytest.Item) -> bool:
    """Say whether a test uses the database in its own process."""
    fixtures: set[str] = set(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("django_db") is not None or not fixtures.isdisjoint(
        {"db", "transactional_db", "live_server"}
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what did not run: a green line alone would claim it."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        longrepr = report.longrepr
        text = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
        reasons[text.removeprefix("Skipped: ")] += 1
    if reasons:
        terminalreporter.section("LEFT OUT:", sep="=", yellow=True, bold=True)
        for reason, count in sorted(reasons.items()):
            terminalreporter.write_line(f"{count:5} tests: {reason}", yellow=True)


def without(name: str) -> str:
    """The reason of a test that was left out because ``name`` of OPTIONAL is not here."""
    return f"no {name}: {OPTIONAL[name]} is not set"


def given(name: str) -> str:
    """The value of OPTIONAL[name]'s variable; skips the test when there is none."""
    value = os.environ.get(OPTIONAL[name], "")
    if not value:
        pytest.skip(without(name))
    return value


@pytest.fixture
def postgres_url() -> str:
    """The address of a PostgreSQL server, for tests that start their own processes on it."""
    return given("postgres")


@pytest.fixture
def mariadb_url() -> str:
    """The address of a MariaDB server, for tests that start their own processes on it."""
    return given("mariadb")


@pytest.fixture
def redis_url() -> str:
    """The address of a Redis server, for tests with a Celery worker or a shared cache."""
    return given("redis")


@pytest.fixture
def browser() -> str:
    """The path of a Chromium."""
    return given("browser")


@pytest.fixture
def node_sdk() -> Path:
    """The folder in which ``npm install authorizenet`` was run."""
    return Path(given("node"))


@pytest.fixture
def gettext_tools() -> Path:
    """The folder of GNU gettext's programs; nobody has to name one that is in the PATH."""
    return Path(shutil.which("xgettext") or given("gettext")).parent


@pytest.fixture
def gateway(settings: Any) -> RecordingGateway:
    """The default gateway, recording what is asked of it."""
    entry = {"BACKEND": "tests.support.recording.RecordingGateway", "OPTIONS": {}}
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry}}
    found = get_gateway()
    assert isinstance(found, RecordingGateway)
    return found


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of the gateway's schema and recorded replies, which the project does not carry."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no ../shared/data beside the checkout: the official schema, recorded replies")
    return SHARED_DATA


@pytest.fixture(scope="session", autouse=True)
def permissions_stay() -> Iterator[None]:
    """Write content types and permissions once a run, and not after each real transaction."""
    with pytest.MonkeyPatch.context() as patch:
        quicker.keep_permissions(patch)
        yield


@pytest.fixture(autouse=True)
def languages_end_with_their_test() -> Iterator[None]:
    """Forget the language that a request has activated: the middleware leaves it to the thread."""
    yield
    translation.deactivate()


@pytest.fixture(scope="session", autouse=True)
def only_this_machine() -> Iterator[None]:
    """Refuse every connection that leaves this machine: no test may ever reach a real gateway."""
    hosts = {"127.0.0.1", "::1", "localhost"}
    servers = [*URL_VARIABLES.values(), OPTIONAL["redis"]]
    hosts |= {urlsplit(os.environ.get(name, "")).hostname or "" for name in servers}
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0] if isinstance(address, tuple) else address
            if host not in hosts:
                pytest.fail(f"a test tried to reach {host!r}, which is not this machine")
        connect(self, address)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield
