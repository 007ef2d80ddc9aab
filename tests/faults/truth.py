"""What callers were told, held against what the bank has (invariant I6).

Nobody was told "failed" or "not sent" of what the bank has taken, nor "paid" of what it has not.
Whoever was told "unknown" was told the truth, and so was a process that was killed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from django_dinero.enums import RemoteStatus
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.records import LedgerRow
from tests.faults.history import Event
from tests.faults.points import When

#: The codes of refusals that say: no money has moved, and none will.
NOTHING_MOVED = frozenset(
    {
        *("not_sent", "card_declined", "cvv", "avs", "expiry", "invalid_card", "invalid_amount"),
        *("invalid_input", "inside_transaction", "unsupported_feature"),
    }
)
#: Operations that make an entry at the bank, and the rows of those.
KINDS = ("charge", "authorize", "refund")
ROWS = ("charge", "authorization", "refund")
PAID = ("approved", "settled")
#: In which a payment took nothing.
TOOK_NOTHING = (RemoteStatus.DECLINED, RemoteStatus.VOIDED, RemoteStatus.FAILED)


def differences(bank: Bank, events: Iterable[Event]) -> Iterator[str]:
    """Yield a line for each falsehood that a caller was told."""
    entries = {entry.operation_key: entry for entry in bank.transactions()}
    for event in events:
        for answer in _answers(event):
            operation, row = answer.get("operation"), answer.get("returned")
            if isinstance(operation, dict) and answer.get("code") in NOTHING_MOVED:
                yield from _told_too_little(operation, str(answer["code"]), entries)
            if isinstance(row, dict) and row.get("kind") in ROWS and row.get("status") in PAID:
                key = str(row.get("operation_key", ""))
                yield from () if key in entries else (f"untrue: {key} is not paid at the bank",)


def sent_late(events: Iterable[Event]) -> Iterator[str]:
    """Yield a line for each request of a process that was taken for dead before it had sent it.

    By then another one may have proven that nothing was sent, and have sent it again.
    """
    dead: dict[str, str] = {}
    for event in events:
        if event["what"] == "stop" and event["when"] == When.claimed:
            dead[event["who"]] = event["key"]
        elif event["what"] == "request" and event["of"] in dead:
            key = dead[event["of"]]
            if f"refId={key} " in f"{event['told']} ":
                yield f"untrue: {key} was sent by {event['of']}, long after it was taken for dead"


def _told_too_little(
    operation: Event, code: str, entries: Mapping[str, LedgerRow]
) -> Iterator[str]:
    entry = entries.get(operation["key"])
    if operation["kind"] in KINDS and entry is not None and entry.status not in TOOK_NOTHING:
        yield f"untrue: {operation['key']} was told to be {code}, the bank has {entry.id}"


def _answers(event: Event) -> Iterator[Event]:
    """Yield what a caller was told at the end of a verb: once, or once for each thread."""
    if event["what"] not in ("ended", "attempt failed"):
        return
    yield event
    several = event.get("returned")
    if isinstance(several, list):
        yield from (each for each in several if isinstance(each, dict))
