"""Which connection the journal is written to."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, connections, transaction

from django_dinero.exceptions import InsideTransaction
from django_dinero.models import Operation
from tests.support.journaling import Router
from tests.support.recording import RecordingGateway


@pytest.fixture
def autonomous(second: str) -> str:
    """The same, of a kind whose second connection can write while the first one does."""
    # Only the name of the kind is looked at: nothing is queried through it in these tests.
    connections[second].vendor = "postgresql"
    return second


def chosen() -> tuple[str, str]:
    return Operation.objects.alias_for_money(), Operation.objects.alias_for_vault()


# -- Without a second connection ------------------------------------------------------------------


@pytest.mark.django_db
def test_a_testcases_own_block_is_no_transaction() -> None:
    assert chosen() == ("default", "default")


@pytest.mark.django_db(transaction=True)
def test_the_refusal_names_every_way_out(settings: Any) -> None:
    settings.DINERO = {**settings.DINERO, "JOURNAL_ALIAS": ""}
    with transaction.atomic(), pytest.raises(InsideTransaction) as caught:
        Operation.objects.alias_for_money()
    assert str(caught.value) == (
        "Money must not move inside a database transaction: a rollback would lose the record of "
        "it. Either call it outside (a view can be non_atomic_requests), or after the commit "
        "(charge_on_commit(), transaction.on_commit()), or on PostgreSQL or MariaDB set "
        'DINERO["JOURNAL_ALIAS"] to a second connection (django_dinero.db.journal_alias).'
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("second")
def test_a_block_inside_a_testcase_is_one() -> None:
    with transaction.atomic():
        with pytest.raises(InsideTransaction):
            Operation.objects.alias_for_money()
        assert Operation.objects.alias_for_vault() == "default"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("second")
def test_an_sqlite_file_has_one_writer_and_no_journal_apart() -> None:
    with transaction.atomic():
        with pytest.raises(InsideTransaction):
            Operation.objects.alias_for_money()
        assert Operation.objects.alias_for_vault() == "default"


# -- With one --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_transaction_is_journaled_apart(autonomous: str) -> None:
    with transaction.atomic():
        assert chosen() == (autonomous, autonomous)
    assert chosen() == ("default", "default")


@pytest.mark.django_db(transaction=True)
def test_a_transaction_on_the_journal_itself_is_one_too(autonomous: str) -> None:
    with transaction.atomic(), transaction.atomic(using=autonomous):
        with pytest.raises(InsideTransaction):
            Operation.objects.alias_for_money()
        assert Operation.objects.alias_for_vault() == "default"


@pytest.mark.django_db(transaction=True)
def test_in_a_transaction_that_is_broken_no_money_moves(autonomous: str) -> None:
    """Its row could not be written, although the journal could."""
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(transaction.TransactionManagementError):
            Operation.objects.alias_for_money()
        assert Operation.objects.alias_for_vault() == autonomous


@pytest.mark.django_db
@pytest.mark.usefixtures("autonomous")
def test_in_a_testcase_its_own_connection_has_to_do() -> None:
    with transaction.atomic():
        assert chosen() == ("default", "default")


# -- A router --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_router_may_keep_the_books_elsewhere(second: str, settings: Any) -> None:
    settings.DATABASE_ROUTERS = [Router(second)]
    assert chosen() == (second, second)
    with transaction.atomic(using=second):
        assert Operation.objects.alias_for_vault() == second


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_money_inside_a_transaction_is_refused_or_journaled_apart(
    gateway: RecordingGateway,
) -> None:
    with transaction.atomic():
        if connection.vendor == "sqlite":
            with pytest.raises(InsideTransaction, match="JOURNAL_ALIAS"):
                Operation.objects.alias_for_money()
            assert Operation.objects.alias_for_vault() == "default"
        else:
            assert (
                Operation.objects.alias_for_money()
                == Operation.objects.alias_for_vault()
                == "journal"
            )
    assert Operation.objects.alias_for_money() == "default"
    assert Operation.objects.alias_for_vault() == "default"


@pytest.mark.django_db(transaction=True)
def test_autocommit_switched_off_counts_as_a_transaction(
    gateway: RecordingGateway, settings: Any
) -> None:
    settings.DINERO = {**settings.DINERO, "JOURNAL_ALIAS": ""}
    transaction.set_autocommit(False)
    try:
        with pytest.raises(InsideTransaction):
            Operation.objects.alias_for_money()
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
