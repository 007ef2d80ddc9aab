"""The history of a run: a JSON object per line, from every process and thread, in one file.

Each has ``at`` (seconds of this machine's clock), ``who`` and ``what``. A line is one write to a
file that is open for appending: what was told survives a SIGKILL, and the order of the file is the
order of the events. Numbers, codes and keys of an account do not belong in it.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django_dinero.redaction import scrub

Event = dict[str, Any]

#: The gateway's ids of customers, cards and transactions, and the keys that we choose.
_IDS = re.compile(r"(?<![\w.])(?:\d{9,11}|[A-Z2-7]{20})(?![\w.])")
#: Lines that are shown of one difference, the last ones of its ids.
SHOWN = 60
#: A line with more ids than this is a list of everything, and no part of a story.
MANY = 12


class History:
    """Tells what happens, each time in a line of its own.

    Args:
        path: the file, made when it is not there.
        who: the process, or the part of it, that tells.
    """

    def __init__(self, path: Path, who: str) -> None:
        self.path = path
        self.who = who
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def tell(self, what: str, **values: object) -> None:
        """Write one event."""
        event = {"at": round(time.time(), 3), "who": self.who, "what": what, **values}
        # Nobody tells a number here; were one to slip in, its digits end in this.
        os.write(self._file, scrub(json.dumps(event, default=str)).encode() + b"\n")


def read(path: Path) -> Iterator[Event]:
    """Yield the events of a file."""
    for line in path.read_text().splitlines():
        yield json.loads(line)


def repeatable(events: Iterable[Event]) -> list[Event]:
    """Return events without the times: what a second run of the seed has again, word for word."""
    return [{name: value for name, value in e.items() if name != "at"} for e in events]


def claimed_by(share: str, events: Iterable[Event]) -> str:
    """Return the key of the operation whose claim a share was stopped at last."""
    stops = [e for e in events if e["what"] == "stop" and e["who"] == share and "key" in e]
    return str(stops[-1]["key"])


def counts(events: Iterable[Event]) -> Counter[str]:
    """Count faults that happened, kills, batches, passings of time, errors of deleted rows."""
    found: Counter[str] = Counter()
    for event in events:
        if event["what"] == "request":
            found["requests"] += 1
            found[event["fault"]] += 1
        elif event["what"] == "kill":
            found[f"killed {event['when']}"] += 1
        elif event["what"] == "stop":
            found[f"stopped {event['when']}"] += 1
        elif event["what"] == "fail":
            found["database failures"] += 1
        elif event["what"] in ("batch settled", "time passes", "landed", "locked out"):
            found[event["what"]] += 1
        elif event.get("code") == "deleted_meanwhile":
            found["errors of deleted rows"] += 1
    del found[""]
    return found


def about(difference: str, events: Iterable[Event]) -> list[str]:
    """Return the last lines of the verbs and requests that name an id of a difference.

    For a worker that crashed: its own last lines.
    """
    ids, words = set(_IDS.findall(difference)), set(difference.split())
    events = list(events)
    named = {_deed(event) for event in events if _names(event, ids, words)}
    return [json.dumps(event) for event in events if _deed(event) in named][-SHOWN:]


def _names(event: Event, ids: set[str], words: set[str]) -> bool:
    """Say whether an event speaks of an id, or is one of a process that is named."""
    if event["who"] in words or event.get("of") in words:
        return True
    found = set(_IDS.findall(json.dumps(event)))
    return len(found) <= MANY and not ids.isdisjoint(found)


def _deed(event: Event) -> tuple[object, ...]:
    """Return what the lines of one verb, or of one request, have in common."""
    return event["who"], event.get("of"), event.get("n", event["at"])
