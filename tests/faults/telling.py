"""Tells of each verb when it begins, with what it is about, and how it ended."""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, OperationalError
from django.db.models import Model

from django_dinero.exceptions import DineroError
from django_dinero.models import Operation
from tests.faults.dying import FAILED
from tests.faults.history import History
from tests.faults.plan import Share

#: What is told of a row, where it has that.
FACTS = (
    *("customer_id", "card_id", "transaction_id", "operation_key", "key", "kind", "price"),
    *("lock_name", "state", "status", "sync_state", "version", "is_default", "last_4"),
)
#: What SQLite and Django say where a card is stored, or a row is saved, that another worker deletes
#: meanwhile. It is Django's own race, and one of the two fails; what that leaves behind is compared
#: as everything else is.
DELETED = ("FOREIGN KEY constraint failed", "did not affect any rows")
#: Of a charge it would be one too many.
MONEY = (
    *("charge", "charge_now", "authorize", "charge_part", "charge_on_commit"),
    *(
        "charge_in_a_transaction",
        "submit_twice",
        "decide",
        "capture",
        "void",
        "refund",
        "refund_settled",
    ),
)
#: The codes of such a verb, and of one whose database failed as planned, told in the history.
DELETED_MEANWHILE, DATABASE_FAILED = "deleted_meanwhile", "database_failed"


class Telling:
    """Does verbs of its own by name; a refusal is an answer like others.

    Each verb has a generator of its own: what it draws hangs on the seed and its place alone.
    """

    def __init__(self, share: Share, history: History) -> None:
        self.share = share
        self.history = history
        self.random = random.Random()
        self._verb: dict[str, object] = {}
        self._begun = False

    def work(self) -> None:
        """Do what is planned, one after the other."""
        for ordinal, verb in enumerate(self.share.verbs, 1):
            self.random = self.share.chance(ordinal)
            self._verb, self._begun = {"verb": verb, "n": ordinal}, False
            result = self.tried(getattr(self, verb))
            self._end(result)

    def _end(self, result: dict[str, object]) -> None:
        self.tell("ended" if self._begun else "nothing to do", **result)

    def tried(self, act: Callable[[], object]) -> dict[str, object]:
        """Return what there is to tell of what was returned or raised; raise what no verb may."""
        try:
            return {"result": "ok", **_returned(self.asked(act))}
        except Exception as error:
            answer = _answer(error, str(self._verb.get("verb")))
            if answer is None:
                self._crashed(error)
                raise
            return answer

    def asked(self, act: Callable[[], object]) -> object:
        """Do it as it was asked for."""
        return act()

    def changed(self, operation: Operation, old_state: str, new_state: str, **_: object) -> None:
        """Tell of an operation's change of state, as a receiver of it."""
        self.tell("operation", key=operation.key, kind=operation.kind, old=old_state, new=new_state)

    def written(self, instance: Operation, created: bool, **_: object) -> None:
        """Tell of a new operation, as a receiver of ``post_save``."""
        if created:
            self.changed(instance, "", str(instance.state))

    def begin(self, *rows: Model, **values: object) -> None:
        """Tell that the verb begins, with the rows that it is about."""
        self._begun = True
        self.tell("begun", about=[facts(row) for row in rows], **values)

    def tell(self, what: str, **values: object) -> None:
        """Tell something of the verb that runs."""
        self.history.tell(what, **self._verb, **values)

    def _crashed(self, error: Exception) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [f"{f.filename}:{f.lineno}" for f in frames if "/django_dinero/" in f.filename]
        self.tell("crashed", error=type(error).__name__, places=ours[-5:])


def facts(row: Model) -> dict[str, object]:
    """Return class, primary key and what else may be told of a row."""
    found: dict[str, object] = {"class": type(row).__name__, "pk": row.pk}
    for name in FACTS:
        value = getattr(row, name, None)
        if value not in (None, ""):
            found[name] = str(value) if name == "price" else value
    return found


def _returned(value: object) -> dict[str, object]:
    if isinstance(value, Model):
        return {"returned": facts(value)}
    return {} if value is None else {"returned": value}


def _answer(error: Exception, verb: str) -> dict[str, object] | None:
    if isinstance(error, DineroError | ObjectDoesNotExist):
        return raised(error)
    if isinstance(error, ExceptionGroup) and error.split(DineroError)[1] is None:
        return {"result": "several", "errors": [raised(each) for each in error.exceptions]}
    if isinstance(error, OperationalError) and FAILED in str(error):
        return {"result": type(error).__name__, "code": DATABASE_FAILED}
    deleted = isinstance(error, DatabaseError) and any(text in str(error) for text in DELETED)
    if deleted and verb not in MONEY:
        return {"result": type(error).__name__, "code": DELETED_MEANWHILE}
    return None


def raised(error: Exception) -> dict[str, object]:
    operation = getattr(error, "operation", None)
    about = {"operation": facts(operation)} if isinstance(operation, Model) else {}
    return {"result": type(error).__name__, "code": getattr(error, "code", ""), **about}
