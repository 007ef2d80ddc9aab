"""The house itself: what the test settings promise."""

from __future__ import annotations

import socket

import pytest
from django.core import mail
from django.core.checks import run_checks
from django.db import connections


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
