"""CPU per call over local HTTPS, and the connections that the calls open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from benchmarks.contestants import CARDS, Bare, Bench, Ours
from benchmarks.peers import Peer
from benchmarks.report import Row, Section, interleaved, median, scaled

VERBS = {
    "create": "create a customer with a card",
    "get": f"get a customer with {CARDS} cards",
    "charge": "charge a stored card",
}
ROUNDS = 25
LIMIT = 1.2
OURS, BARE, BARER = "ours", "bare", "bare, trust_env=False"

Contestants = dict[str, Callable[[str], float]]


def calls(bench: Bench, scale: float, libraries: Sequence[str] = ()) -> Section:
    """Measure the three calls; ``libraries`` are peers to compare with as well."""
    rounds = scaled(ROUNDS, scale)
    with ExitStack() as stack:
        contestants: Contestants = {
            OURS: Ours(bench).run,
            BARE: Bare(bench).run,
            BARER: Bare(bench, environment=False).run,
        }
        for library in libraries:
            peer = stack.enter_context(Peer(library, bench.bank.account, bench.bank.authority))
            contestants[library] = partial(peer.run, count=bench.calls, **bench.ids)
        rows = [row for verb in VERBS for row in _compare(bench, verb, contestants, rounds)]
    note = (
        "Milliseconds of this process's CPU per call, the bank in another process behind TLS on "
        "loopback: the gateway's method (making the request object, building, checking, sending, "
        "parsing, mapping) against `requests.Session().post` of bytes that lie ready and "
        "`xmltodict.parse` of the reply. `requests` looks for proxies and a netrc at each call, a "
        "fifth to a quarter of its CPU, which would flatter us: the target is on the row without "
        f"that (`trust_env=False`). {rounds} rounds of {bench.calls} calls."
    )
    return Section("A call", note, tuple(rows))


def _compare(bench: Bench, verb: str, contestants: Contestants, rounds: int) -> list[Row]:
    runs = {name: partial(_round, run, verb) for name, run in contestants.items()}
    seconds = interleaved(rounds, runs)
    ms = {name: median(found) / bench.calls * 1000 for name, found in seconds.items()}
    what = VERBS[verb]
    return [
        Row(f"{what}, vs {rival}", ms[OURS], ms[rival], "ms", LIMIT if rival == BARER else None)
        for rival in contestants
        if rival != OURS
    ]


def _round(run: Callable[[str], float], verb: str, number: int) -> float:
    return run(verb)


def connections(bench: Bench) -> Section:
    """Count what the bank accepts while our gateway, which is connected by now, calls on."""
    ours = Ours(bench)
    rows = []
    for verb, what in VERBS.items():
        before = bench.bank.connections()
        ours.run(verb)
        opened = bench.bank.connections() - before
        rows.append(Row(what, opened / bench.calls, None, "", limit=0))
    note = f"New connections per call, counted by the bank over {bench.calls} calls of each kind."
    return Section("Connections", note, tuple(rows))
