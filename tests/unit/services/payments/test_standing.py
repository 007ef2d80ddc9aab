"""What became of a payment: a word for each, from its status and from what has followed it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from django_dinero.enums import TransactionKind
from django_dinero.models import Transaction
from django_dinero.models.family import FOLLOWING, Family
from django_dinero.models.standing import TONES, Standing, Tone, standing_of
from tests.support.recording import RecordingGateway

#: kind, status, price
Row = tuple[str, str, str]

UNDECIDED_OR_OVER = (
    *("voided", "held", "requires_action", "declined"),
    *("failed", "expired", "returned", "charged_back"),
)


def row(kind: str, status: str, price: str) -> Transaction:
    return Transaction(kind=kind, status=status, price=Decimal(price), currency="USD")


def standing(first: Row, *followed: Row) -> Standing:
    return standing_of(Family(row(*first), tuple(row(*each) for each in followed)))


@pytest.mark.parametrize("kind", [kind.value for kind in TransactionKind])
@pytest.mark.parametrize("status", UNDECIDED_OR_OVER)
def test_what_was_not_taken_stands_as_its_status_says(kind: str, status: str) -> None:
    assert standing((kind, status, "50")) == status


@pytest.mark.parametrize(
    ("first", "followed", "expected"),
    [
        (("charge", "approved", "50"), [], "captured"),
        (("charge", "settled", "50"), [], "settled"),
        (("charge", "settled", "50"), [("refund", "approved", "10")], "partly_refunded"),
        (("charge", "settled", "50"), [("refund", "settled", "50")], "refunded"),
        (
            ("charge", "settled", "50"),
            [("refund", "approved", "20"), ("refund", "settled", "30")],
            "refunded",
        ),
        (("charge", "settled", "50"), [("refund", "declined", "50")], "settled"),
        (("charge", "settled", "50"), [("refund", "held", "50")], "settled"),
        (("charge", "charged_back", "50"), [("refund", "approved", "50")], "charged_back"),
        (("capture", "approved", "50"), [], "captured"),
        (("capture", "settled", "50"), [], "settled"),
        (("capture", "settled", "50"), [("refund", "approved", "50")], "refunded"),
        (("refund", "approved", "50"), [], "approved"),
        (("refund", "settled", "50"), [], "settled"),
        (("void", "approved", "50"), [], "approved"),
    ],
)
def test_what_was_taken_stands_as_its_refunds_say(
    first: Row, followed: list[Row], expected: str
) -> None:
    assert standing(first, *followed) == expected


@pytest.mark.parametrize(
    ("followed", "expected"),
    [
        ([], "authorized"),
        ([("capture", "declined", "50")], "authorized"),
        ([("capture", "held", "50")], "authorized"),
        ([("capture", "approved", "20")], "partly_captured"),
        ([("capture", "settled", "20")], "partly_captured"),
        ([("capture", "approved", "50")], "captured"),
        ([("capture", "approved", "20"), ("capture", "settled", "30")], "captured"),
        ([("capture", "settled", "50")], "settled"),
        ([("capture", "settled", "20"), ("capture", "settled", "30")], "settled"),
        ([("capture", "settled", "20"), ("refund", "approved", "5")], "partly_refunded"),
        ([("capture", "settled", "20"), ("refund", "approved", "20")], "refunded"),
        ([("capture", "settled", "50"), ("refund", "approved", "50")], "refunded"),
        ([("capture", "returned", "50")], "returned"),
        ([("capture", "returned", "20"), ("capture", "charged_back", "30")], "charged_back"),
    ],
)
def test_an_authorization_stands_as_its_captures_say(followed: list[Row], expected: str) -> None:
    assert standing(("authorization", "approved", "50"), *followed) == expected


def test_every_word_has_a_label_and_a_tone() -> None:
    assert set(TONES) == set(Standing)
    assert all(str(each.label) for each in Standing)
    assert Standing.HELD.tone is Tone.OPEN
    assert Standing.CAPTURED.tone is Tone.GOOD
    assert Standing.REFUNDED.tone is Tone.NEUTRAL
    assert Standing.CHARGED_BACK.tone is Tone.BAD


@pytest.mark.django_db
def test_it_follows_a_payment_through_its_life(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    def now() -> Standing:
        return standing_of(Family.of(Transaction.objects.get(pk=authorization.pk)))

    assert now() == Standing.AUTHORIZED
    capture = authorization.capture("20.00")
    assert now() == Standing.PARTLY_CAPTURED
    gateway.bank.settle_batch()
    capture.refund("5.00")
    assert now() == Standing.PARTLY_REFUNDED
    capture.refund()
    assert now() == Standing.REFUNDED


@pytest.mark.django_db
def test_a_void_leaves_its_word_everywhere(authorization: Transaction) -> None:
    authorization.capture("20.00")
    authorization.refund()
    words = {row.kind: standing_of(Family.of(row)) for row in Transaction.objects.all()}
    assert words == {
        "authorization": Standing.VOIDED,
        "capture": Standing.VOIDED,
        "void": Standing.APPROVED,
    }


@pytest.mark.django_db
def test_a_list_reads_each_level_once(
    authorization: Transaction, charge: Transaction, django_assert_num_queries: Any
) -> None:
    authorization.capture("20.00")
    with django_assert_num_queries(3):
        rows = Transaction.objects.filter(parent=None).prefetch_related(FOLLOWING)
        words = {row.pk: standing_of(Family.of(row)) for row in rows}
    assert words == {
        authorization.pk: Standing.PARTLY_CAPTURED,
        charge.pk: Standing.CAPTURED,
    }
