"""Every kind of difference has a story: what it means, whether money moved, what to do."""

from __future__ import annotations

from decimal import Decimal

import pytest

from django_dinero.admin.difference_stories import story_of_difference
from django_dinero.models import Difference, difference_texts
from django_dinero.models.difference import DifferenceKind, DifferenceState

#: The kinds that a reason stands for; its own name where there are several.
KINDS = {
    "contradicts": DifferenceKind.AMOUNT,
    "missing_there": DifferenceKind.MISSING_THERE,
    "second_of_key": DifferenceKind.TWICE,
    "seen_after_closing": DifferenceKind.STATUS,
    "another_kind": DifferenceKind.STATUS,
    "needs_attention": DifferenceKind.STATUS,
    "unknown_key": DifferenceKind.UNKNOWN_KEY,
    "takes_back_a_part": DifferenceKind.AMOUNT,
    "books": DifferenceKind.BOOKS,
    "customer_only_there": DifferenceKind.VAULT_ONLY_THERE,
    "card_only_here": DifferenceKind.VAULT_ONLY_HERE,
    "customer_only_here": DifferenceKind.VAULT_ONLY_HERE,
}


def difference(kind: DifferenceKind, **values: object) -> Difference:
    given = {"gateway_name": "shop", "transaction_id": "T1", "customer_id": "C1", **values}
    return Difference(kind=kind, **given)


@pytest.mark.parametrize("kind", DifferenceKind)
def test_each_kind_has_one(kind: DifferenceKind) -> None:
    story = story_of_difference(difference(kind))
    assert all(str(text).endswith(".") for text in (story.happened, story.money, story.todo))
    assert not story.calm


def test_each_reason_has_one_of_its_own_or_of_its_kind() -> None:
    assert set(KINDS) == set(difference_texts.TEXTS)
    found = {story_of_difference(difference(k, reason=r)).todo for r, k in KINDS.items()}
    assert len(found) == len(KINDS)


OF_REFUNDS = ("contradicts", "missing_there", "second_of_key", "seen_after_closing")


@pytest.mark.parametrize("reason", OF_REFUNDS)
def test_what_helps_where_a_refund_differs_moves_money_the_other_way(reason: str) -> None:
    kind = KINDS[reason]
    of_charge = story_of_difference(difference(kind, reason=reason, facts={"kind": "charge"}))
    of_refund = story_of_difference(difference(kind, reason=reason, facts={"kind": "refund"}))
    assert of_refund.todo != of_charge.todo != ""
    assert "another payment" not in str(of_refund.todo)
    assert "efund what is too much" not in str(of_refund.todo)
    assert "customer" in str(of_refund.money)


@pytest.mark.parametrize("kind", DifferenceKind)
def test_one_that_has_ended_needs_nobody(kind: DifferenceKind) -> None:
    story = story_of_difference(difference(kind, state=DifferenceState.CLOSED))
    assert (str(story.todo), story.calm) == ("Nothing to do.", True)


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        (DifferenceKind.UNKNOWN_KEY, "dinero_sync --transaction T1 --gateway shop"),
        (DifferenceKind.STATUS, "dinero_sync --transaction T1 --gateway shop"),
        (DifferenceKind.VAULT_ONLY_THERE, "dinero_sync --customer C1 --gateway shop"),
    ],
)
def test_a_command_names_what_it_is_about(kind: DifferenceKind, command: str) -> None:
    assert f"“manage.py {command}”" in str(story_of_difference(difference(kind)).todo)


@pytest.mark.parametrize(
    ("here", "there", "words"),
    [
        ("12.00", "25.00", "The gateway has 13.00 USD more than the books."),
        ("12.00", None, "The gateway has 12.00 USD less than the books."),
        ("12.00", "12.005", "The gateway has 0.005 USD more than the books."),
        ("12.00", "12.00", "behind it."),
    ],
)
def test_the_books_of_a_day_say_how_much_is_missing(
    here: str, there: str | None, words: str
) -> None:
    row = difference(
        DifferenceKind.BOOKS,
        currency="USD",
        amount_here=Decimal(here),
        amount_there=None if there is None else Decimal(there),
    )
    assert str(story_of_difference(row).money).endswith(words)
