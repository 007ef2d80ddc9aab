"""Every measurement runs, against a real bank and a real database, and its report is whole."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.thorough]

ROOT = Path(__file__).resolve().parents[3]


def bench(*arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmarks where no valgrind is found: under it they would take minutes.

    Args:
        *arguments: of the command line.
        **given: further variables of its environment.
    """
    dropped = ("DJANGO_SETTINGS_MODULE", "PEERS", "DINERO_TEST_POSTGRES_URL", "PATH")
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", *arguments],
        cwd=ROOT,
        env={**environment, "PATH": "", **given},
        capture_output=True,
        text=True,
        timeout=300,
    )


def cells(report: str, what: str) -> list[str]:
    (line,) = [line for line in report.splitlines() if line.startswith(f"| {what} ")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_all_parts_run_and_are_written(tmp_path: Path) -> None:
    done = bench("--output", str(tmp_path / "report.md"))
    assert done.returncode == 0, done.stdout + done.stderr
    report = (tmp_path / "report.md").read_text()
    titles = [line[3:] for line in report.splitlines() if line.startswith("## ")]
    wanted = [
        "A call",
        "Connections",
        "The floor",
        "Instructions",
        "Installing the app",
        "The first charge of a worker",
        "Mirroring customers",
        "The API",
        "The admin",
        "Under load",
        "Growth",
    ]
    assert titles == wanted
    for section in report.split("## ")[1:]:
        assert section in done.stdout
    assert report.count("Not measured: valgrind is not on this machine") == 1
    assert report.count("Not measured: no PostgreSQL is named") == 2
    assert "Not measured: valgrind" in done.stderr
    # Counts, not times: a call on a connection that is open opens none; nothing heavy is imported.
    for what in ("create a customer with a card", "get a customer with 10 cards"):
        assert cells(report.split("## Connections")[1], what)[1] == "0"
    assert cells(report, "sqlite: replay of its key")[1].endswith(" ms")
    assert float(cells(report, "sqlite: bytes per charge, all")[1].replace(",", "")) > 0
    assert cells(report, "SDKs, requests, tables, services imported")[1] == "0"


def test_an_unknown_part_is_named() -> None:
    done = bench("speed")
    assert done.returncode != 0
    assert (
        "'speed' is none of calls, floor, instructions, setup, mirror, api, admin, load, growth"
        in done.stderr
    )


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="instructions: no valgrind here")
def test_instructions_are_counted() -> None:
    environment = {**os.environ, "BENCH_DATABASE": ""}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.instructions", "charge", "--calls", "1"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ours, by_hand = (
        float(cell.removesuffix(" M")) for cell in cells(done.stdout, "charge a stored card")[1:3]
    )
    assert 1 < by_hand < ours < 100


@pytest.mark.postgresql
def test_what_is_measured_on_postgresql_runs_there() -> None:
    done = bench(
        *("floor", "mirror", "growth", "admin"),
        BENCH_DATABASE=os.environ["DINERO_TEST_POSTGRES_URL"],
        DINERO_TEST_POSTGRES_URL=os.environ["DINERO_TEST_POSTGRES_URL"],
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Not measured" not in done.stdout + done.stderr
    assert cells(done.stdout, "charge a stored card")[1].endswith(" ms")
    assert float(cells(done.stdout, "postgresql: bytes per charge, rows")[1].replace(",", "")) > 0


@pytest.mark.postgresql
def test_shoppers_pay_at_once_and_the_books_agree() -> None:
    pytest.importorskip("gunicorn")
    address = os.environ["DINERO_TEST_POSTGRES_URL"]
    dropped = ("DJANGO_SETTINGS_MODULE", "BENCH_DATABASE")
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "load"],
        cwd=ROOT,
        env={**environment, "BENCH_SCALE": "0.01", "DINERO_TEST_POSTGRES_URL": address},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    section = done.stdout.split("## Under load")[1]
    for what in ("answers that are no approval", "charges at the bank beyond those"):
        assert cells(section, what)[1] == "0"
    assert cells(section, "sum at the bank less ours")[1] == "0 USD"
    assert cells(section, "differences that reconcile finds")[1] == "0"
    assert float(cells(section, "an answer, p99")[1].split()[0].replace(",", "")) > 0
