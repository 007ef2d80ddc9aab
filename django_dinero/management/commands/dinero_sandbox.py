"""Serve the test bank over HTTP as Authorize.Net's API, for the real clients."""

from __future__ import annotations

import errno
import json
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from django_dinero.management.base import DineroCommand
from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.card_facts import CVV_LETTERS
from django_dinero.sandbox.bank.enums import Check
from django_dinero.sandbox.bank.records import TEST_SIGNATURE_KEY, Account
from django_dinero.sandbox.bank.triggers import AVS_ZIPS
from django_dinero.sandbox.dialects.authorizenet.rest import is_address
from django_dinero.sandbox.http.controls import CONTROLS
from django_dinero.sandbox.http.faults import FaultName
from django_dinero.sandbox.http.sender import TrickName
from django_dinero.sandbox.http.server import SandboxServer

DEFAULT_PORT = 8765
_OPERATION = "createTransactionRequest"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: What to send, and what the result is. The triggers are those of Authorize.Net's own sandbox.
_CARDS = (
    ("Visa", "4111111111111111 4007000000027 4012888818888"),
    ("Mastercard", "5424000000000015 2223000010309703"),
    ("American Express", "370000000000002"),
    ("Discover", "6011000000000012"),
    ("JCB", "3088000000000017"),
    ("Diners Club", "38000000000006"),
)
_PREPAID = (
    ("zip 46225", "only 1.23 approved (a prepaid card)"),
    ("zip 46226 46227 46228", "approved, balance 1.23 -1.23 0.00"),
)
_OTHER = (
    ("number with a wrong check digit", "error 6"),
    ("number 4000000000003220", "declined: 3-D Secure has no place in this API"),
    ("a month that is over", "error 8"),
    ("0.00 authorized only", "approved for Visa with street and zip, else error 290 or 289"),
    ("the same again within 2 minutes", "error 11, a duplicate"),
)
_IN_A_ROW = 5
_TRICKS = ", ".join(TrickName)
_BACKEND = "django_dinero.gateways.authorizenet.AuthorizeNetGateway"
_NO_SUCH_LETTER = "%s: give letters of %s, or an empty text for none."


class Command(DineroCommand):
    """``manage.py dinero_sandbox``: print the address, the keys and the triggers, then serve."""

    help = "Serves a test bank that speaks Authorize.Net's XML and JSON. No money moves."
    # Skipped, so that it starts in a project that has no database and no gateway yet.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port",
            type=int,
            default=DEFAULT_PORT,
            help=f"The port on this machine, {DEFAULT_PORT} by default; 0 takes any free one.",
        )
        parser.add_argument(
            "--store",
            type=Path,
            help="The file that keeps customers, cards and transactions; without it, memory does.",
        )
        parser.add_argument(
            "--webhook-url",
            action="append",
            default=[],
            metavar="URL",
            help="Send signed webhooks of all that happens there; may be given more than once.",
        )
        parser.add_argument(
            "--signature-key",
            default=TEST_SIGNATURE_KEY,
            metavar="KEY",
            help="The key that signs them. The default one is the same everywhere.",
        )
        for name, what in (("avs", "address"), ("cvv", "card code")):
            parser.add_argument(
                f"--reject-{name}",
                default="N",
                metavar="LETTERS",
                help=f"The results of the {what} check that the account declines, N by default.",
            )

    def handle(self, *args: Any, port: int, store: Path | None, **options: Any) -> None:
        """Serve until Ctrl-C or SIGTERM.

        Raises:
            CommandError: the port is taken, the file is no store of a test bank, or the account
                is to decline a result that no check has.
        """
        account = Account(
            signature_key=_signature_key(options["signature_key"]),
            reject_avs=_letters("--reject-avs", options["reject_avs"]),
            reject_cvv=_letters("--reject-cvv", options["reject_cvv"]),
        )
        try:
            bank = Bank(store, account)
        except ValueError as error:
            raise CommandError(f"--store {store}: {error}") from error
        try:
            _send_to(bank, options["webhook_url"])
            self._serve(_server(bank, port))
        finally:
            bank.close()

    def _serve(self, server: SandboxServer) -> None:
        end = threading.Event()

        def leave(number: int, frame: FrameType | None) -> None:
            end.set()

        # Only the main thread may set signal handlers. A test may run the command in another one.
        is_main = threading.current_thread() is threading.main_thread()
        before = {number: signal.signal(number, leave) for number in _SIGNALS if is_main}
        try:
            with server:
                self._print_facts(server)
                while not end.wait(1.0):
                    pass
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _print_facts(self, server: SandboxServer) -> None:
        account = server.bank.account
        facts = {
            "endpoint": server.endpoint,
            "login_id": account.login_id,
            "transaction_key": account.transaction_key.reveal(),
            "signature_key": account.signature_key.reveal(),
            "client_key": account.client_key,
            "control": server.control_url,
        }
        # Programs parse these lines by their names, so they are not translated.
        lines = [f"{name}: {value}" for name, value in facts.items()]
        lines += ["", _("For your settings"), _settings(facts)]
        lines += ["", _("Test cards"), *_table(_CARDS)]
        lines += ["", _("Triggers"), *_table((*_triggers(account), *_OTHER))]
        lines += ["", _("Controls: POST application/json to the control address and a name")]
        controls = tuple((name, json.dumps(takes)) for name, takes in CONTROLS.items())
        lines += [*_table(controls), "  " + _("GET stats tells what happened so far.")]
        lines += ["  " + _("GET webhooks tells which webhooks were sent, and what was answered.")]
        lines += ["  " + _("A webhook can be %s; without a name all come as usual.") % _TRICKS]
        lines += ["  " + _("Faults: %s; without a name none is left.") % ", ".join(FaultName)]
        lines += ["  " + _("A fault's operation is a root element, as %s.") % _OPERATION]
        lines += ["", _("It serves until Ctrl-C.")]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def _signature_key(given: str) -> Secret:
    if not (given.isascii() and given.isalnum()):
        raise CommandError(_("--signature-key: give letters and digits, without blanks."))
    return Secret(given)


def _server(bank: Bank, port: int) -> SandboxServer:
    try:
        return SandboxServer(bank, port=port)
    except (OSError, OverflowError) as error:
        text = f"--port {port}: {error}. Give another one; --port 0 takes any that is free."
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            text = f"{text} Another test bank may be running there."
        raise CommandError(text) from error


def _send_to(bank: Bank, urls: Sequence[str]) -> None:
    """Let a bank send webhooks to these addresses, each once, whatever its store remembers."""
    known = {endpoint.url for endpoint in bank.endpoints()}
    for url in urls:
        if not is_address(url):
            raise CommandError(_("--webhook-url %s: this is no address.") % url)
        if url not in known:
            bank.add_endpoint(url)


def _letters(option: str, given: str) -> str:
    letters = given.upper()
    if not set(letters) <= set(Check):
        raise CommandError(_(_NO_SUCH_LETTER) % (option, "".join(Check)))
    return letters


def _settings(facts: Mapping[str, str]) -> str:
    """Return settings with which the real client reaches the bank."""
    options = {name: value for name, value in facts.items() if name != "control"}
    gateway = {"BACKEND": _BACKEND, "OPTIONS": options}
    # Names and texts alone: JSON's words for them are Python's.
    # A name of its own: that of another account stays with that one's rows.
    return 'DINERO["GATEWAYS"]["authorizenet"] = ' + json.dumps(gateway, indent=4)


def _triggers(account: Account) -> Iterator[tuple[str, str]]:
    """Yield what to send and what comes of it, by what the account declines."""
    yield "zip 46282", "declined"
    yield from _results("zip", "AVS", AVS_ZIPS, account.reject_avs)
    yield "any other zip", _result("AVS", "Y", account.reject_avs) + "; so are"
    yield "  46214 on Visa", ""
    yield "  46204 46211 46214 on American Express", ""
    yield from _PREPAID
    yield from _results("cvv", "CVV", CVV_LETTERS, account.reject_cvv)
    yield "any other cvv, or none", _result("CVV", "P", account.reject_cvv)


def _results(
    field: str, check: str, letters: Mapping[str, Check], rejected: str
) -> Iterator[tuple[str, str]]:
    for declines in (True, False):
        sent = [each for each, letter in letters.items() if (letter in rejected) is declines]
        for start in range(0, len(sent), _IN_A_ROW):
            row = sent[start : start + _IN_A_ROW]
            told = " ".join(letters[each] for each in row)
            yield f"{field} {' '.join(row)}", _result(check, told, rejected)


def _result(check: str, letters: str, rejected: str) -> str:
    if letters[0] in rejected:
        return f"{check} {letters}: declined by the account's own rules"
    return f"approved, {check} {letters}"


def _table(rows: tuple[tuple[str, str], ...]) -> list[str]:
    width = max(len(left) for left, _right in rows)
    return [f"  {left:<{width}}  {right}" for left, right in rows]
