"""A shop under load, on a database of its own: reads what to do as JSON, prints figures as JSON.

It starts the bank, the web server and the shoppers, each as a process of its own.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import django

django.setup()

from django.contrib.auth.models import Permission, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import Sum  # noqa: E402
from django.test import override_settings  # noqa: E402

from benchmarks.bank import TlsBank  # noqa: E402
from benchmarks.database import created  # noqa: E402
from benchmarks.report import environment, in_turn  # noqa: E402
from django_dinero.models import Customer, Difference, Transaction  # noqa: E402

CARD: dict[str, Any] = {"number": "4111111111111111", "cvv": "900", "month": 12, "year": 2040}
#: Seconds until the server answers.
PATIENCE = 30.0
#: Cents between the first amounts of two turns: no bank takes two for the same one.
APART = 1_000_000


def main(order: dict[str, Any]) -> dict[str, Any]:
    """Let the shoppers pay; return the answers by contestant, and what the bank says."""
    found: dict[str, Any] = {
        name: {"milliseconds": [], "statuses": Counter()} for name in ("ours", "by hand")
    }
    with created(), TlsBank(durable=True) as bank:
        with override_settings(DINERO={"GATEWAYS": {"default": bank.entry}}):
            customers = [shopper(number) for number in range(order["clients"])]
            turns = turns_of(customers)
            with served(bank, order) as port:
                pay(
                    port, turns, {**order, "seconds": 0.5}, 0
                )  # a warm-up, whose times do not count
                warm = Transaction.objects.count()
                for turn in range(order["turns"]):
                    for name in in_turn(turn, list(turns)):
                        answers = pay(port, {name: turns[name]}, order, turn + 1)
                        found[name]["milliseconds"] += answers[name]["milliseconds"]
                        found[name]["statuses"] += Counter(answers[name]["statuses"])
            call_command("dinero_reconcile", verbosity=0, stdout=sys.stderr)
        return found | compared(bank.totals()["USD"]["charged"], warm)


def compared(there: dict[str, Any], warm: int) -> dict[str, Any]:
    """Return how the bank's charges differ from ours."""
    here = Transaction.objects.aggregate(sum=Sum("price"))["sum"]
    return {
        "bank": there["count"] - warm,
        "difference": float(Decimal(there["sum"]) - here),
        "found": Difference.objects.count(),
    }


def shopper(number: int) -> Customer:
    """Return a customer with a card, whose owner may charge it."""
    owner = User.objects.create(username=f"shopper{number}")
    owner.user_permissions.add(Permission.objects.get(codename="charge_creditcard"))
    return Customer.create(f"{owner.username}@example.com", owner=owner, **CARD)


def turns_of(customers: list[Customer]) -> dict[str, list[dict[str, Any]]]:
    """Return by contestant who charges what."""
    cards = {customer.owner_id: customer.cards.get().public_id for customer in customers}
    return {
        "ours": [
            {"user": user, "path": f"/api/cards/{card}/charge/"} for user, card in cards.items()
        ],
        "by hand": [{"user": user, "path": f"/by-hand/{card}/"} for user, card in cards.items()],
    }


@contextmanager
def served(bank: TlsBank, order: dict[str, Any]) -> Iterator[int]:
    """Serve the shop; give the port."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        port = int(listening.getsockname()[1])
        command = [sys.executable, "-m", "gunicorn", "django.core.wsgi:get_wsgi_application()"]
        command += ["--bind", f"fd://{listening.fileno()}", "--log-level", "warning"]
        command += ["--workers", str(order["workers"]), "--threads", str(order["threads"])]
        process = subprocess.Popen(
            command,
            pass_fds=[listening.fileno()],
            env=environment(
                DJANGO_SETTINGS_MODULE="benchmarks.load_settings",
                BENCH_LOAD_GATEWAY=json.dumps(bank.entry),
                BENCH_DATABASE_NAME=connection.settings_dict["NAME"],
            ),
        )
    try:
        wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers, whatever it answers."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"The server has not answered within {PATIENCE:g} s.")


def pay(
    port: int, turns: dict[str, list[dict[str, Any]]], order: dict[str, Any], turn: int
) -> dict[str, Any]:
    """Let the shoppers of each contestant pay, and return their answers by contestant."""
    answers = {}
    for name, shoppers in turns.items():
        work = {
            "port": port,
            "seconds": order["seconds"],
            "first_cents": 100 + (2 * turn + (name == "ours")) * APART,
            "shoppers": shoppers,
        }
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.load_clients"],
            input=json.dumps(work),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        answers[name] = json.loads(done.stdout)
    return answers


if __name__ == "__main__":
    result = main(json.load(sys.stdin))
    print(json.dumps(result))
