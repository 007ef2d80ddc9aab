"""The journal's own connection, its columns and its clock, for every kind of database."""

from __future__ import annotations

import copy
from typing import Any, cast

import pytest
from django.db import connection, connections, models
from django.db.models import functions

from django_dinero.db import journal_alias
from django_dinero.db.fields import UtcNow
from django_dinero.models import CreditCard, Operation

POSTGRESQL = "django.db.backends.postgresql"
POSTGIS = "django.contrib.gis.db.backends.postgis"
MYSQL = "django.db.backends.mysql"


def options(engine: str, **given: Any) -> dict[str, Any]:
    entry: dict[str, Any] = journal_alias({"ENGINE": engine, "NAME": "shop", "OPTIONS": given})
    result: dict[str, Any] = entry["OPTIONS"]
    return result


# -- The second connection -------------------------------------------------------------------------


def test_the_second_connection_is_to_the_same_database() -> None:
    main = {
        "ENGINE": POSTGRESQL,
        "NAME": "shop",
        "HOST": "db",
        "USER": "u",
        "ATOMIC_REQUESTS": True,
    }
    entry = journal_alias(main)
    assert {name: entry[name] for name in ("ENGINE", "NAME", "HOST", "USER")} == {
        name: main[name] for name in ("ENGINE", "NAME", "HOST", "USER")
    }
    assert entry["ATOMIC_REQUESTS"] is False
    assert entry["TEST"] == {"MIRROR": "default"}


def test_the_first_connection_stays_as_it_was() -> None:
    main = {
        "ENGINE": MYSQL,
        "ATOMIC_REQUESTS": True,
        "TEST": {"NAME": "test_shop"},
        "OPTIONS": {"pool": {"min_size": 2}, "init_command": "SET x=1"},
    }
    before = copy.deepcopy(main)
    assert journal_alias(main)["TEST"] == {"NAME": "test_shop", "MIRROR": "default"}
    assert main == before


def test_it_has_no_pool() -> None:
    assert "pool" not in options(POSTGRESQL, pool={"min_size": 2})


@pytest.mark.parametrize("engine", [POSTGRESQL, POSTGIS])
def test_postgresql_waits_two_seconds_for_a_lock(engine: str) -> None:
    assert options(engine)["options"] == "-c lock_timeout=2000"
    given = options(engine, options="-c search_path=shop", sslmode="require")
    assert given == {
        "options": "-c search_path=shop -c lock_timeout=2000",
        "sslmode": "require",
    }


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("", "SET innodb_lock_wait_timeout=2"),
        ("SET time_zone='+02:00'", "SET time_zone='+02:00', innodb_lock_wait_timeout=2"),
        ("set sql_mode='ANSI'; ", "set sql_mode='ANSI', innodb_lock_wait_timeout=2"),
        ("CALL greet()", "CALL greet(); SET innodb_lock_wait_timeout=2"),
    ],
)
def test_mariadb_waits_two_seconds_for_a_lock(command: str, expected: str) -> None:
    given = {"init_command": command} if command else {}
    assert options(MYSQL, **given)["init_command"] == expected


def test_another_kind_keeps_its_options() -> None:
    assert options("django.db.backends.sqlite3", timeout=20) == {"timeout": 20}


# -- Columns and clock -----------------------------------------------------------------------------


def test_ids_are_compared_byte_by_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    field = Operation._meta.get_field("customer_id")
    if connection.vendor != "mysql":
        assert field.db_parameters(connection).get("collation") is None
    # Only the name of the kind is looked at; nothing is queried.
    monkeypatch.setattr(connections["default"], "vendor", "mysql")
    assert field.db_parameters(connection)["collation"] == "utf8mb4_bin"


@pytest.mark.django_db
def test_ids_that_differ_in_case_are_two() -> None:
    for customer_id in ("cus_AbC", "cus_aBc"):
        Operation.objects.create(
            kind="create_customer", gateway_name="default", customer_id=customer_id
        )
    assert Operation.objects.filter(customer_id="cus_AbC").count() == 1


def test_a_row_key_leaves_the_name_of_the_gateways_id_free() -> None:
    field = CreditCard._meta.get_field("customer")
    assert isinstance(field, models.ForeignKey)
    assert (field.attname, field.column) == ("customer_pk", "customer_pk")


@pytest.mark.django_db
def test_the_clock_is_utc_whatever_the_sessions_zone() -> None:
    """Both in one statement: Django reads a time as UTC, and the server is asked for UTC."""
    Operation.objects.create(kind="create_customer", gateway_name="default", sent_at=UtcNow())
    row = Operation.objects.get()
    assert row.sent_at is not None
    assert abs((row.sent_at - row.created_at).total_seconds()) < 60


def test_mariadb_is_asked_for_utc_and_microseconds() -> None:
    assert issubclass(UtcNow, functions.Now)
    sql, parameters = UtcNow().as_mysql(cast("Any", None), connection)
    assert (sql, list(parameters)) == ("UTC_TIMESTAMP(6)", [])
