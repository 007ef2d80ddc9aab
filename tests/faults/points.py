"""Where a process dies or is stopped: named points at the wire, in the database, and between both.

The app knows nothing of them: the bank sees each request, Django's own wrappers see each statement
and commit, and a signal of the app's tells that an operation was claimed. Each worker of a run
takes the next point of the list, and one of its verbs leads there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class When(StrEnum):
    """What is done to a process, and when."""

    #: By the bank, which never does what was asked.
    before_request = "before request"
    #: By the bank, which has done it and does not answer.
    after_request = "after request"
    #: By itself, before a statement that writes.
    before_write = "before write"
    #: By itself, before or after a transaction's COMMIT.
    before_commit = "before commit"
    after_commit = "after commit"
    #: In the process: its database refuses a statement that writes, or a COMMIT.
    failing = "the database fails"
    #: Stopped by itself, when its claim is committed and nothing is sent.
    claimed = "before sending"
    #: Stopped by the bank, which acts after others have looked the operation up.
    unanswered = "before the bank acts"
    #: Stopped by the bank, which has acted. Its reply waits until the process goes on.
    answered = "after the bank acted"


STOPS = (When.claimed, When.unanswered, When.answered)

#: What each request is that changes something, by root element or by type of transaction.
KINDS: Mapping[str, str] = {
    "authCaptureTransaction": "charge",
    "authOnlyTransaction": "authorize",
    "priorAuthCaptureTransaction": "capture",
    "voidTransaction": "void",
    "refundTransaction": "refund",
    "updateHeldTransactionRequest": "review",
    "createCustomerProfileRequest": "create customer",
    "updateCustomerProfileRequest": "update customer",
    "deleteCustomerProfileRequest": "delete customer",
    "createCustomerPaymentProfileRequest": "add card",
    "updateCustomerPaymentProfileRequest": "update card",
    "deleteCustomerPaymentProfileRequest": "delete card",
}
PAYMENT, VAULT, READ = "payment", "vault", "read"
PAYMENTS = ("charge", "authorize", "capture", "void", "refund", "review")

#: The verbs of a shop that lead to a point, by what happens there. Several are done one after
#: the other.
LEADS: Mapping[str, tuple[str, ...]] = {
    "charge": ("charge_now",),
    "authorize": ("authorize",),
    "capture": ("authorize", "capture", "capture"),
    "void": ("authorize", "void"),
    "refund": ("refund_settled", "refund_settled"),
    "review": ("charge_now", "decide"),
    "create customer": ("store",),
    "update customer": ("edit", "edit"),
    "delete customer": ("store", "delete_customer"),
    "add card": ("add_card",),
    "update card": ("edit_card", "edit_card"),
    "delete card": ("delete_card", "delete_card"),
    # In a view with a transaction nobody stops; after its commit somebody may.
    PAYMENT: ("charge_now", "charge_on_commit"),
    VAULT: ("add_card",),
    "INSERT operation": ("add_card",),
    "UPDATE operation": ("charge_now",),
    "INSERT transaction": ("charge_now",),
    "UPDATE transaction": ("authorize", "void"),
    "INSERT customer": ("create",),
    "UPDATE customer": ("edit",),
    "DELETE customer": ("delete_customer",),
    "INSERT card": ("add_card",),
    "UPDATE card": ("edit_card",),
    "DELETE card": ("delete_card",),
    "COMMIT": ("store",),
}
_STATEMENTS = tuple(what for what in LEADS if what.split()[0] in ("INSERT", "UPDATE", "DELETE"))
#: A share passes these more often than once.
OFTEN: Mapping[str, int] = {"INSERT operation": 4, "UPDATE operation": 6, "COMMIT": 5}


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """A point by its name: what is done there, and what the process does then."""

    when: When
    what: str

    @property
    def name(self) -> str:
        """The point in words, as tables have it."""
        if self.when is When.failing:
            return f"{self.when}: {self.what}"
        signal = "SIGSTOP" if self.when in STOPS else "SIGKILL"
        if self.what == "COMMIT":
            return f"{signal} {self.when}"
        return f"{signal} {self.when}: {self.what}"


POINTS: tuple[Point, ...] = (
    *(
        Point(when, kind)
        for kind in KINDS.values()
        for when in (When.before_request, When.after_request)
    ),
    *(Point(When.before_write, what) for what in _STATEMENTS),
    Point(When.before_commit, "COMMIT"),
    Point(When.after_commit, "COMMIT"),
    *(Point(when, what) for what in (PAYMENT, VAULT) for when in STOPS),
    *(Point(When.failing, what) for what in (*_STATEMENTS, "COMMIT")),
)


def kind_of(root: str, body: bytes) -> str:
    """Return what a request asks for: one of :data:`KINDS`, or ``read``."""
    if root in KINDS:
        return KINDS[root]
    _, _, rest = body.partition(b"<transactionType>")
    return KINDS.get(rest.partition(b"<")[0].decode(errors="replace"), READ)


def realm_of(kind: str) -> str:
    """Say whether a request is about money, about the vault, or only reads."""
    if kind == READ:
        return READ
    return PAYMENT if kind in PAYMENTS else VAULT


def statement_of(sql: str) -> str:
    """Return verb and table of a statement that writes, empty for any other."""
    words = sql[:100].replace('"', " ").replace("`", " ").split()
    if not words or words[0] not in ("INSERT", "UPDATE", "DELETE", "REPLACE"):
        return ""
    before = next((word for word in ("INTO", "FROM") if word in words), words[0])
    table = words[words.index(before) + 1]
    return f"{words[0]} {table.removeprefix('dinero_').replace('creditcard', 'card')}"
