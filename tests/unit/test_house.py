"""The house itself: what the test settings promise."""

from __future__ import annotations

import ast
import re
import socket
from pathlib import Path

import pytest
from django.core import mail
from django.core.checks import run_checks
from django.db import connections

import django_dinero


def test_a_test_cannot_reach_another_machine() -> None:
    with (
        socket.socket() as sock,
        pytest.raises(pytest.fail.Exception, match="not this machine"),
    ):
        sock.connect(("192.0.2.1", 443))


@pytest.mark.mariadb
@pytest.mark.django_db(transaction=True, databases=["default", "journal"])
@pytest.mark.parametrize("alias", ["default", "journal"])
def test_mariadb_is_away_from_utc(alias: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), NOW())")
        assert cursor.fetchone() == (120,)


def test_the_tests_settings_pass_their_own_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make migrations` runs with them, and is no test run."""
    monkeypatch.delattr(mail, "outbox")
    assert run_checks(tags=["dinero"]) == []


#: Words that were given up, each for one of the glossary's.
GIVEN_UP = re.compile(r"mirror|adopt|bury|(?<!__)\bslot\b|resolve_held|client_key", re.IGNORECASE)
#: Where one of them is somebody else's word.
THEIRS = {
    # Accept.js calls its public key so, and Django's test databases have a "MIRROR".
    *("gateways/authorizenet/gateway.py", "gateways/authorizenet/options.py"),
    *("gateways/sandbox/gateway.py", "api/openapi/examples.py"),
    *("sandbox/bank/records.py", "sandbox/dialects/authorizenet/account.py"),
    "sandbox/dialects/authorizenet/accept.py",
    *("management/commands/dinero_sandbox.py", "db/__init__.py"),
}


def test_words_that_were_given_up_stay_away() -> None:
    package = Path(django_dinero.__file__).parent
    found = [
        f"{path.relative_to(package)}: {line.strip()}"
        for path in package.rglob("*.py")
        if path.relative_to(package).as_posix() not in THEIRS
        for line in path.read_text().splitlines()
        if GIVEN_UP.search(line)
    ]
    assert found == []


#: What a name in a comparison tells of its value.
SECRET = re.compile(r"signature|(?<!synced_)(?<!pushed_)digest|secret|password|\bmac\b", re.I)


def test_no_secret_is_compared_by_its_characters() -> None:
    """``==`` ends at the first character that differs, which a patient stranger can measure."""
    package = Path(django_dinero.__file__).parent
    found, constant_time = [], 0
    for path in package.rglob("*.py"):
        tree = ast.parse(path.read_text())
        constant_time += path.read_text().count("hmac.compare_digest(")
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
                names = [ast.unparse(each) for each in (node.left, *node.comparators)]
                # A ``Secret`` is compared in constant time, by its own method.
                of_secrets = all(name.startswith("Secret(") for name in names)
                if not of_secrets and any(SECRET.search(name) for name in names):
                    found.append(f"{path.relative_to(package)}: {ast.unparse(node)}")
    assert found == []
    assert constant_time >= 5


def test_what_begins_a_payment_is_listed_once() -> None:
    package = Path(django_dinero.__file__).parent
    pair = re.compile(r"Kind\.CHARGE,\s+\w*Kind\.AUTHORIZE\b\s*\)")
    found = [path.name for path in package.rglob("*.py") for _ in pair.findall(path.read_text())]
    assert found == ["operation.py"]
