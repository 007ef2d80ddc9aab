"""Shoppers who pay at the same time: each one charges his own card again and again.

Reads one JSON object from its input (``port``, ``seconds``, ``first_cents`` and ``shoppers``, each
with ``user`` and ``path``), and prints one: the milliseconds of every answer, and how many there
were of each status. It knows neither Django nor the app.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
import uuid
from collections import Counter
from typing import Any

#: Cents between the first amounts of two shoppers.
APART = 10_000


class Shopper(threading.Thread):
    """Pays until the time is over, on one connection."""

    def __init__(self, work: dict[str, Any], number: int, start: threading.Barrier) -> None:
        super().__init__()
        self.work, self.start_line = work, start
        self.shopper = work["shoppers"][number]
        self.cents = int(work["first_cents"]) + number * APART
        self.milliseconds: list[float] = []
        self.statuses: Counter[int] = Counter()

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", int(self.work["port"]), timeout=60)
        self.start_line.wait()
        end = time.perf_counter() + float(self.work["seconds"])
        while (began := time.perf_counter()) < end:
            self.statuses[self.pay(connection)] += 1
            self.milliseconds.append((time.perf_counter() - began) * 1000)
        connection.close()

    def pay(self, connection: http.client.HTTPConnection) -> int:
        """Send one charge, of an amount that was not charged before; return the status."""
        self.cents += 1
        body = json.dumps({"price": f"{self.cents // 100}.{self.cents % 100:02d}"})
        headers = {
            "Content-Type": "application/json",
            "X-User": str(self.shopper["user"]),
            "Idempotency-Key": uuid.uuid4().hex,
        }
        connection.request("POST", self.shopper["path"], body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status


def main() -> None:
    """Let all of them pay."""
    work = json.load(sys.stdin)
    line = threading.Barrier(len(work["shoppers"]))
    shoppers = [Shopper(work, number, line) for number in range(len(work["shoppers"]))]
    for shopper in shoppers:
        shopper.start()
    for shopper in shoppers:
        shopper.join()
    statuses = sum((shopper.statuses for shopper in shoppers), Counter[int]())
    times = [each for shopper in shoppers for each in shopper.milliseconds]
    print(json.dumps({"milliseconds": times, "statuses": statuses}))


if __name__ == "__main__":
    main()
