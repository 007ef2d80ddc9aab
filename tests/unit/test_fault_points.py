"""The named points of a fault run."""

from __future__ import annotations

import pytest

from tests.faults.points import LEADS, POINTS, kind_of, realm_of, statement_of
from tests.faults.shop import Shop


def test_every_point_has_verbs_that_lead_there() -> None:
    assert {point.what for point in POINTS} == LEADS.keys()
    assert all(callable(getattr(Shop, verb)) for verbs in LEADS.values() for verb in verbs)


def test_no_two_points_have_one_name() -> None:
    assert len({point.name for point in POINTS}) == len(POINTS)


@pytest.mark.parametrize(
    ("root", "body", "kind", "realm"),
    [
        ("createTransactionRequest", "authOnlyTransaction", "authorize", "payment"),
        ("createTransactionRequest", "refundTransaction", "refund", "payment"),
        ("updateHeldTransactionRequest", "", "review", "payment"),
        ("deleteCustomerPaymentProfileRequest", "", "delete card", "vault"),
        ("getTransactionDetailsRequest", "", "read", "read"),
        ("", "", "read", "read"),
    ],
)
def test_a_request_has_a_kind(root: str, body: str, kind: str, realm: str) -> None:
    sent = f"<transactionType>{body}</transactionType>" if body else ""
    assert kind_of(root, sent.encode()) == kind
    assert realm_of(kind) == realm


@pytest.mark.parametrize(
    ("sql", "statement"),
    [
        ('INSERT INTO "dinero_operation" ("key") VALUES (%s)', "INSERT operation"),
        ("INSERT IGNORE INTO `dinero_creditcard` (`id`) VALUES (%s)", "INSERT card"),
        ('UPDATE "dinero_customer" SET "email" = %s', "UPDATE customer"),
        ('DELETE FROM "dinero_transaction" WHERE "id" IN (%s)', "DELETE transaction"),
        ('SELECT 1 FROM "dinero_operation"', ""),
        ("SAVEPOINT one", ""),
        ("", ""),
    ],
)
def test_a_statement_that_writes_has_a_name(sql: str, statement: str) -> None:
    assert statement_of(sql) == statement
