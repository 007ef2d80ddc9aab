"""A bad day: a worker is killed in the middle of a charge, and somebody acts at the gateway."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.core.management import call_command
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.urls import reverse
from django.utils import timezone

from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import FollowUpRequest, LookupHints
from django_dinero.identifiers import new_key
from django_dinero.models import Customer, Operation, Transaction

#: Seconds that the bank keeps its answer back, and that anything here may take.
KEPT_BACK, PATIENCE = 30.0, 20.0


class TooSlow(Exception):
    """What was waited for did not come."""


def kill_a_worker(control: str, customer: Customer, gateway_name: str) -> Operation:
    """Charge in a process of its own, and kill it when the bank has taken the money.

    Args:
        control: the address of the bank's controls.

    Returns:
        The operation that the dead worker has left.
    """
    call_control(
        control, "fault", name="delay", operation="createTransactionRequest", seconds=KEPT_BACK
    )
    newest = Operation.objects.order_by("pk").last()
    connections.close_all()
    worker = os.fork()
    if not worker:
        _charge_and_never_return(customer)
    try:
        left = Operation.objects.filter(pk__gt=newest.pk if newest else 0)
        operation: Operation = _wait_for(left.first)
        _wait_for(lambda: at_the_bank(operation, gateway_name))
    finally:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
    operation.refresh_from_db()
    return operation


def _charge_and_never_return(customer: Customer) -> None:
    try:
        Transaction.create(price="42.00", customer=customer)
    finally:
        os._exit(1)


def at_the_bank(operation: Operation, gateway_name: str) -> int:
    """Count what the gateway has under the key of an operation."""
    since = timezone.now() - timedelta(hours=1)
    hints = LookupHints(kind=operation.kind, since=since, amount=operation.amount)
    return len(get_gateway(gateway_name).find_operation(operation.key, hints).matches)


def reconcile(gateway_name: str) -> str:
    """Let the lease and the quarantine of the dead worker run out, and run the command.

    Returns:
        What it says.
    """
    gateway = get_gateway(gateway_name)
    time.sleep(max(gateway.lease_seconds, gateway.quarantine_seconds))
    out = io.StringIO()
    call_command("dinero_reconcile", gateway=[gateway_name], stdout=out, verbosity=0)
    # Without the headline, which begins with the gateway's name.
    return "; ".join(line.strip() for line in out.getvalue().splitlines() if line.startswith(" "))


def void_at_the_gateway(row: Transaction) -> Transaction:
    """Void a payment past this shop, as its staff may do in the gateway's own pages.

    Returns:
        The row, after the gateway's webhook was applied.
    """
    with _site() as address, _registered(row.gateway_name, address):
        get_gateway(row.gateway_name).void(
            FollowUpRequest(new_key(), row.transaction_id or "", row.price, row.currency)
        )
        _wait_for(Transaction.objects.filter(pk=row.pk, status="voided").exists)
    row.refresh_from_db()
    return row


@contextmanager
def _registered(gateway_name: str, site: str) -> Iterator[None]:
    path = reverse("dinero-webhooks:webhook", args=[gateway_name])
    out = io.StringIO()
    tell: dict[str, Any] = {"gateway": gateway_name, "json": True, "stdout": out}
    call_command("dinero_webhooks", "register", f"{site}{path}", **tell)
    (told,) = json.loads(out.getvalue())["gateways"]
    try:
        yield
    finally:
        call_command("dinero_webhooks", "remove", told["endpoints"][0]["id"], **tell)


@contextmanager
def _site() -> Iterator[str]:
    """Serve this project on a port of its own."""
    server = _Server(("127.0.0.1", 0), _QuietHandler)
    server.set_app(get_wsgi_application())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadedWSGIServer):
    #: Closing it waits for the request that is being answered.
    daemon_threads = False


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        """Write no line for each request."""


def call_control(control: str, lever: str, **values: object) -> Any:
    """Pull one of the bank's levers."""
    body = json.dumps(values).encode()
    request = urllib.request.Request(  # noqa: S310 - the address came from the bank itself
        f"{control}{lever}",
        data=body,
        method="POST",
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
        return json.load(reply)


def _wait_for(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        answer = found()
        if answer:
            return answer
        time.sleep(0.05)
    raise TooSlow(f"Nothing came within {PATIENCE:g} s.")
