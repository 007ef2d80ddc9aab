"""The page on which a card's holder confirms a payment, or refuses to: what his bank would show.

``GET /_action/<name>?return_url=…`` shows it; its form posts the decision, and leads back there.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from django_dinero.money import normalise
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.records import BankRefusal, LedgerRow
from django_dinero.sandbox.http.exchange import Request, Response

ACTION_PATH: Final = "/_action/"
ACTION_METHODS: Final = ("GET", "POST")
_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d2b2a; --paper: #fff; --back: #eaf1f0; --accent: #0b6e63;
  --line: #c4d3d0; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6efed; --paper: #17211f; --back: #0e1514; --accent: #5cc9b9; --line: #3a4b48; } }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--back);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { box-sizing: border-box; width: min(26rem, 100% - 2rem); padding: 2rem;
  background: var(--paper); border: 1px solid var(--line); border-radius: 1rem; }
h1 { margin: 0 0 1rem; font-size: 1.25rem; }
.amount { margin: 0; font-size: 2rem; font-weight: 650; font-variant-numeric: tabular-nums; }
.note { margin: 0 0 1.5rem; }
button { width: 100%; margin-top: .75rem; padding: .75rem; border-radius: .6rem; font: inherit;
  font-weight: 600; cursor: pointer; border: 1px solid var(--accent); background: none;
  color: var(--accent); }
button.confirm { background: var(--accent); color: var(--paper); }
a { color: var(--accent); }
"""
_HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
    "style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")
    + "'",
}
_DECISIONS: Final = ("confirm", "refuse")


def address(url: str, name: str, return_url: str) -> str:
    """Return the page's address.

    Args:
        url: scheme, host and port where the bank is served.
        name: the last part of the address that the bank gave for the action.
        return_url: where the decision leads; empty for nowhere.
    """
    query = f"?{urlencode({'return_url': return_url})}" if return_url else ""
    return f"{url}{ACTION_PATH}{name}{query}"


def answer(bank: Bank, request: Request, url: str) -> Response:
    """Show the page, or take the decision and lead back.

    Args:
        bank: whose payment waits.
        request: what came.
        url: scheme, host and port where the bank is served.
    """
    if request.method not in ACTION_METHODS:
        return _page(405, "<h1>GET and POST only</h1>")
    row = bank.waiting_for(request.path.removeprefix(ACTION_PATH))
    sent = _values(request.query if request.method == "GET" else request.body.decode("latin-1"))
    back = _return_url(sent)
    if request.method == "POST" and request.header("origin") not in ("", url):
        return _page(403, "<h1>A page of another site may not decide this.</h1>")
    if row is None:
        return _page(404, f"<h1>No payment waits here.</h1>{_link(back)}")
    if request.method == "GET":
        return _page(200, _question(row, back))
    if sent.get("decision") not in _DECISIONS:
        return _page(400, "<h1>Confirm or refuse.</h1>")
    return _decide(bank, row, sent["decision"], back)


def _decide(bank: Bank, row: LedgerRow, decision: str, back: str) -> Response:
    decide = bank.finish_action if decision == "confirm" else bank.refuse_action
    try:
        decide(row.id)
    except BankRefusal:  # somebody else decided a moment ago
        return _page(409, f"<h1>This was decided already.</h1>{_link(back)}")
    if back:
        return Response(303, b"", {"Location": back, "Cache-Control": "no-store"})
    return _page(200, "<h1>Done. You can close this page.</h1>")


def _question(row: LedgerRow, back: str) -> str:
    amount = f"{normalise(row.amount, row.currency)} {row.currency}"
    buttons = (
        '<button class="confirm" name="decision" value="confirm">Confirm the payment</button>'
        '<button name="decision" value="refuse">Refuse it</button>'
    )
    return (
        "<h1>Your bank asks: is this you?</h1>"
        f'<p class="amount">{escape(amount)}</p>'
        f'<p class="note">with the card that ends in {escape(row.last_4)}. '
        "This is a test bank: no money moves.</p>"
        f'<form method="post"><input type="hidden" name="return_url" value="{escape(back)}">'
        f"{buttons}</form>"
    )


def _values(text: str) -> Mapping[str, str]:
    return {name: values[-1] for name, values in parse_qs(text).items()}


def _return_url(sent: Mapping[str, str]) -> str:
    """Return where the decision leads, empty unless it is an address of the web."""
    given = sent.get("return_url", "")
    try:
        parts = urlsplit(given)
    except ValueError:
        return ""
    is_clean = given.isascii() and given.isprintable() and " " not in given
    return given if is_clean and parts.scheme in ("http", "https") and parts.hostname else ""


def _link(back: str) -> str:
    return f'<p><a href="{escape(back)}">Back to the shop</a></p>' if back else ""


def _page(status: int, body: str) -> Response:
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Test bank</title><style>{_STYLE}</style></head><body><main>{body}</main></body>"
        "</html>"
    )
    return Response(status, page.encode(), _HEADERS)
