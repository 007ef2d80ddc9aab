"""What a fault run's worker takes for an answer, and what for a crash."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import DatabaseError, IntegrityError

from django_dinero.exceptions import DineroError, NotSent, OutcomeUnknown
from django_dinero.models import Customer
from tests.faults import history
from tests.faults.history import History
from tests.faults.plan import Share
from tests.faults.telling import Telling


class Works(Telling):
    """Fails as it is told, or not."""

    failure: Exception | None = None

    def charge(self) -> str:
        """Begin, and fail."""
        self.begin(price="1.00")
        if self.failure is not None:
            raise self.failure
        return "a row"

    edit = charge


@pytest.fixture
def works(tmp_path: Path) -> Works:
    return Works(Share("w0", "7:w0", ("charge",)), History(tmp_path / "told", "w0"))


def ended(works: Works) -> dict[str, object]:
    *_before, event = history.repeatable(history.read(works.history.path))
    return event


def test_a_verb_is_told_from_begin_to_end(works: Works) -> None:
    works.work()
    common = {"who": "w0", "verb": "charge", "n": 1}
    assert history.repeatable(history.read(works.history.path)) == [
        {**common, "what": "begun", "about": [], "price": "1.00"},
        {**common, "what": "ended", "result": "ok", "returned": "a row"},
    ]


@pytest.mark.parametrize(
    ("failure", "result", "code"),
    [
        (OutcomeUnknown("lost"), "OutcomeUnknown", "outcome_unknown"),
        (Customer.DoesNotExist("gone"), "DoesNotExist", ""),
    ],
)
def test_a_refusal_is_an_answer(works: Works, failure: Exception, result: str, code: str) -> None:
    works.failure = failure
    works.work()
    event = ended(works)
    assert (event["what"], event["result"], event["code"]) == ("ended", result, code)


GONE = [
    IntegrityError("FOREIGN KEY constraint failed"),
    DatabaseError("Save with update_fields did not affect any rows."),
]


@pytest.mark.parametrize("failure", GONE)
def test_a_row_that_another_worker_deletes_is_an_answer(works: Works, failure: Exception) -> None:
    edits = Works(Share("w0", "7:w0", ("edit",)), works.history)
    edits.failure = failure
    edits.work()
    event = ended(edits)
    assert (event["result"], event["code"]) == (type(failure).__name__, "deleted_meanwhile")


@pytest.mark.parametrize("failure", GONE)
def test_of_a_charge_it_is_none(works: Works, failure: Exception) -> None:
    works.failure = failure
    with pytest.raises(DatabaseError):
        works.work()
    assert ended(works)["what"] == "crashed"


def test_several_refusals_are_one_answer(works: Works) -> None:
    works.failure = ExceptionGroup("two", [NotSent("one"), OutcomeUnknown("other")])
    works.work()
    assert ended(works)["errors"] == [
        {"result": "NotSent", "code": "not_sent"},
        {"result": "OutcomeUnknown", "code": "outcome_unknown"},
    ]


@pytest.mark.parametrize(
    "failure",
    [
        TypeError("a mistake"),
        DatabaseError("disk I/O error"),
        IntegrityError("UNIQUE constraint failed: default_of"),
        ExceptionGroup("mixed", [DineroError("one"), TypeError("a mistake")]),
    ],
)
def test_anything_else_is_a_crash(works: Works, failure: Exception) -> None:
    works.failure = failure
    with pytest.raises(type(failure)):
        works.work()
    assert ended(works)["what"] == "crashed"
