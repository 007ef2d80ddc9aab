"""Runs the measurements that were asked for and writes the report."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from django.test import override_settings

from benchmarks import (
    admin,
    callgrind,
    calling,
    first_charge,
    floor,
    growth,
    load,
    mirroring,
    report,
    serving,
    setting_up,
)
from benchmarks.bank import TlsBank
from benchmarks.contestants import prepare
from benchmarks.peers import LIBRARIES, install
from django_dinero.gateways.registry import get_gateway

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"
#: Growth is last: it takes as long as all the others.
PARTS = ("calls", "floor", "instructions", "setup", "mirror", "api", "admin", "load", "growth")
ALIAS = "authorizenet"
#: How many calls a contestant makes before it is the next one's turn.
CALLS = 20
#: The scale that shows whether everything runs; its figures are not worth keeping.
QUICK = 0.002


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, and write the report; a missed target is told, and fails nothing."""
    options = _parser().parse_args(arguments)
    scale = QUICK if options.quick else float(os.environ.get("BENCH_SCALE", "1"))
    parts = options.parts or PARTS
    whole = set(parts) == set(PARTS) and scale == 1
    output = options.output or (RESULTS if whole else None)
    sections: list[report.Section] = []
    for part in parts:
        found = measure(part, scale)
        sections += found
        print(*map(report.text, found), sep="\n", flush=True)
        if output is not None:  # after each part: one that is broken off keeps those before it
            output.write_text(report.markdown(sections, report.facts(scale)))
    missed = [row.what for section in sections for row in section.rows if row.verdict == "NO"]
    print(f"targets missed: {'; '.join(missed)}" if missed else "all targets met")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Side by side measurements. BENCH_SCALE=0.1 makes them short, PEERS=1 adds the "
        "peer libraries, DINERO_TEST_POSTGRES_URL adds PostgreSQL.",
    )
    parser.add_argument("parts", nargs="*", type=_part, metavar="part", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help=f"the same as BENCH_SCALE={QUICK:g}")
    parser.add_argument(
        "--output", type=Path, help="file of the report; RESULTS.md for all parts at full scale"
    )
    return parser


def _part(name: str) -> str:
    if name not in PARTS:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(PARTS)}")
    return name


def measure(part: str, scale: float) -> list[report.Section]:
    """Run one part."""
    if part == "floor":
        return [floor.measure(scale)]
    if part == "instructions":
        return [callgrind.measure(scale)]
    if part == "setup":
        return [setting_up.measure(scale), first_charge.measure(scale)]
    if part == "mirror":
        return [mirroring.measure(scale, _databases())]
    if part == "api":
        return [serving.measure(scale)]
    if part == "growth":
        return [growth.measure(scale, _databases())]
    if part == "admin":
        return [admin.measure(scale, _databases()[-1])]
    if part == "load":
        return [load.measure(scale, _databases()[-1])]
    return _calls(scale)


def _databases() -> list[str]:
    """Return the databases' addresses: SQLite's is empty."""
    postgres = os.environ.get("DINERO_TEST_POSTGRES_URL", "")
    return ["", *([postgres] if postgres else [])]


def _calls(scale: float) -> list[report.Section]:
    peers = LIBRARIES if os.environ.get("PEERS") == "1" else ()
    for library in peers:
        install(library)
    _forget_other_hosts()
    with TlsBank() as bank, override_settings(DINERO={"GATEWAYS": {ALIAS: bank.entry}}):
        bench = prepare(bank, get_gateway(ALIAS), report.scaled(CALLS, scale))
        return [
            calling.calls(bench, scale, peers),
            calling.connections(bench),
        ]


def _forget_other_hosts() -> None:
    """Drop what the shell has set for other hosts: it must slow nobody's calls to loopback."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        os.environ.pop(name, None)
        os.environ.pop(name.lower(), None)
