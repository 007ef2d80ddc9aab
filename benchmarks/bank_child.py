"""Serves the test bank behind TLS and answers lines: ``facts``, ``connections`` or ``settle``.

It ends with its input, so that no bank outlives the process that measures.
"""

from __future__ import annotations

import json
import ssl
import sys

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.http.server import SandboxServer


def main(chain: str, store: str | None = None) -> None:
    """Serve until the input ends.

    Args:
        chain: the file with the key and the certificates.
        store: the file that keeps the books; None for memory.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    bank = Bank(store)
    with SandboxServer(bank, ssl_context=context) as server:
        for line in sys.stdin:
            print(json.dumps(answer(server, line.strip())), flush=True)
    bank.close()


def answer(server: SandboxServer, question: str) -> object:
    """Return what is told; after ``settle`` all that was taken is paid out."""
    if question == "connections":
        return server.connections
    if question == "settle":
        server.bank.settle_batch()
        return "settled"
    return facts(server)


def facts(server: SandboxServer) -> dict[str, str]:
    """Return the options that a gateway needs."""
    account = server.bank.account
    return {
        "endpoint": server.endpoint,
        "login_id": account.login_id,
        "transaction_key": account.transaction_key.reveal(),
        "signature_key": account.signature_key.reveal(),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
