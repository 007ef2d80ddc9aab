"""The tables of a run: what was broken where, how often, and what it did to the books."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from tests.faults.found import BOOKS, COLUMNS, VAULT, Books
from tests.faults.history import Event
from tests.faults.points import POINTS, Point, When, realm_of
from tests.faults.shops import Terms

#: A run of so many verbs is a full one, and comes to each point at least so often.
FULL, ENOUGH = 10_000, 20
NONE = "none"
#: The column that counts an event.
PLACES = {"kill": "kill", "stop": "stop", "fail": "faults"}
#: States of the operation that a process was about, in the order of an operation's life.
STATES = (NONE, "new", "sent", "unknown", "ended")
_ENDS = ("succeeded", "declined", "failed", "absent", "held", "requires_action", "closed")
#: What a planned fault is, in words.
FAULTS: Mapping[str, str] = {
    "drop_before": "cut before the bank has read it",
    "drop_after": "cut in place of the reply",
    "truncate": "cut in the middle of the reply",
    "garbage": "a proxy's page in place of the reply",
    "status_500": "status 500 in place of the reply",
    "repeat": "the request comes twice",
    "delay": "the reply comes after the read timeout",
    "late": "cut, and done after others have looked",
}


@dataclass(slots=True)
class Tally:
    """What happened in a run, counted from the histories of its shops.

    Attributes:
        hits: by point or fault, how often it was met, by the state of the operation then.
        events: how often something happened that is no point: verbs, requests, batches.
        shops: what each shop was like, what happened in it, and what was found in its books.
    """

    hits: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    shops: list[tuple[Terms, Counter[str], Books]] = field(default_factory=list)

    def add(self, terms: Terms, events: Iterable[Event], books: Books) -> None:
        """Count a shop."""
        happened: Counter[str] = Counter()
        states: dict[str, str] = {}
        for event in events:
            who = str(event.get("of") or event["who"])
            if event["what"] == "begun":
                happened["verbs"] += who.startswith("w")
                states[who] = NONE
            elif event["what"] == "operation":
                states[who] = _state(event["new"])
            elif event["what"] in ("kill", "stop", "fail"):
                happened[PLACES[event["what"]]] += 1
                self.hits[_point(event).name][states.get(who, NONE)] += 1
            elif event["what"] == "request":
                happened["requests"] += 1
                self._fault(event, states.get(who, NONE), happened)
        self.shops.append((terms, happened, books))

    def _fault(self, event: Event, state: str, happened: Counter[str]) -> None:
        if event["fault"]:
            happened["faults"] += 1
            self.hits[f"{FAULTS[event['fault']]}: {realm_of(event['kind'])}"][state] += 1

    @property
    def operations(self) -> int:
        """How many verbs were planned."""
        return sum(terms.operations for terms, _happened, _books in self.shops)

    def missed(self) -> list[str]:
        """Return the points that a full run came to too rarely."""
        if self.operations < FULL:
            return []
        hits = {point.name: sum(self.hits[point.name].values()) for point in POINTS}
        return [f"rarely met: {name} {n} times" for name, n in hits.items() if n < ENOUGH]

    def lines(self) -> Iterator[str]:
        """Yield the tables as text."""
        for nth, table in enumerate((self._by_shops(), self._by_points(), self._by_currency())):
            yield from [""] if nth else []
            yield from _aligned(list(table))

    def _by_shops(self) -> Iterator[list[str]]:
        heads = ("verbs", "requests", "faults", "kill", "stop", *COLUMNS)
        words = {"kill": "SIGKILL", "stop": "SIGSTOP", BOOKS: "books diff", VAULT: "vault diff"}
        yield ["database, bank", "shops", *(words.get(head, head) for head in heads)]
        sums: dict[str, Counter[str]] = defaultdict(Counter)
        for terms, happened, books in self.shops:
            counted = happened + Counter({name: len(books.lines.get(name, ())) for name in COLUMNS})
            for name in (f"{terms.vendor}, {terms.semantics}", "all"):
                sums[name] += counted + Counter(shops=1)
        last = sums.pop("all", Counter())
        for name, counted in (*sorted(sums.items()), ("all", last)):
            yield [name, *(str(counted[head]) for head in ("shops", *heads))]

    def _by_points(self) -> Iterator[list[str]]:
        yield ["fault or point, and the operation's state", "hits", *STATES]
        planned = [point.name for point in POINTS]
        others = sorted(name for name in self.hits if name not in planned)
        for name in (*planned, *others):
            states = self.hits[name]
            hits = [sum(states.values()), *(states[state] for state in STATES)]
            yield [name, *map(str, hits)]

    def _by_currency(self) -> Iterator[list[str]]:
        yield ["currency", "bank took", "we took", "bank gave back", "we gave back", "difference"]
        sums: dict[str, list[Decimal]] = {}
        for _terms, _happened, books in self.shops:
            off = books.off_by()
            for currency, values in books.sums.items():
                numbers = [*map(Decimal, values), off[currency]]
                known = sums.get(currency, [Decimal(0)] * len(numbers))
                sums[currency] = [one + other for one, other in zip(known, numbers, strict=True)]
        for currency, totals in sorted(sums.items()):
            yield [currency, *(f"{total:.2f}" for total in totals)]


def _point(event: Event) -> Point:
    when = When(event["when"])
    return Point(when, event["where"])


def _state(state: str) -> str:
    return "ended" if state in _ENDS else state


def _aligned(rows: list[list[str]]) -> Iterator[str]:
    """Yield rows as lines: names on the left, numbers on the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for name, *cells in rows:
        numbers = (f"  {cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True))
        yield f"{name:<{widths[0]}}" + "".join(numbers)
