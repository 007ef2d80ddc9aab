"""What the commands that move money have in common: a key, a question, and an exit code."""

from __future__ import annotations

import getpass
import shlex
import uuid
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.card_numbers import looks_like_card_number
from django_dinero.conf import DEFAULT_GATEWAY
from django_dinero.enums import NextActionKind, TransactionKind
from django_dinero.exceptions import (
    ActionRequired,
    AuthenticationError,
    CardDeclinedError,
    DineroError,
    HeldForReview,
    IdempotencyKeyReused,
    NeedsAttention,
    NotSent,
    OperationInProgress,
    OutcomeUnknown,
)
from django_dinero.logs import escape
from django_dinero.management.arguments import gateway_names, given, one_or_all
from django_dinero.management.base import DineroCommand
from django_dinero.management.document import Section, add_json, document
from django_dinero.models import Transaction
from django_dinero.models.arguments import FollowUpOptions
from django_dinero.models.operation import CHARGES
from django_dinero.money import normalise
from django_dinero.redaction import scrub

#: The scope of the idempotency keys that are given to commands.
SCOPE = "django_dinero.commands"

#: Exit codes; 2 is argparse's.
REFUSED, WAITS, UNKNOWN = 1, 3, 4
EXIT_CODES = (
    "Exit codes: 0 done; 1 refused, or nothing was sent; 3 held for review, or waiting for the "
    "card's holder; 4 not known: repeat it under the same idempotency key, and under no other."
)
#: What to do about wrong credentials.
_CREDENTIALS = gettext_lazy(
    "Nothing was charged or changed: %(gateway)s does not accept our credentials. Whoever looks "
    "after the settings has to correct them; manage.py dinero_check --gateway %(gateway)s tells "
    "whether they are right."
)
#: Whether money has moved is not known, or somebody has to look.
UNKNOWN_ERRORS = (OutcomeUnknown, OperationInProgress, NeedsAttention)
WAITING_ERRORS = (HeldForReview,)


class MoneyCommand(DineroCommand):
    """Asks, moves money once for each idempotency key, and tells what became of it.

    The exit code is 0 if it is done, 1 if it was refused or nothing was sent, 3 if it is held for
    review or waits for the card's holder, and 4 while the outcome is not known.
    """

    #: At which gateway; set when the rows are found.
    gateway_name = DEFAULT_GATEWAY
    #: The row that is captured, voided, refunded or decided: it stands as it did after a refusal.
    original_pk: int | None = None

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, whose help ends with the exit codes."""
        kwargs.setdefault("epilog", EXIT_CODES)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_own_arguments(parser)
        parser.add_argument(
            "--gateway", type=given, metavar="NAME", help="Search only at this gateway."
        )
        parser.add_argument(
            "--idempotency-key",
            type=given,
            metavar="KEY",
            help=(
                "Repeat a command with its key, and it is done once. Without one a new key is made "
                "and printed first."
            ),
        )
        parser.add_argument("--no-input", action="store_true", help="Do not ask.")
        add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, after asking.

        Raises:
            CommandError: it was not done, or it is not known whether it was.
        """
        key = options["idempotency_key"]
        if key is None:
            key = uuid.uuid4().hex
        if looks_like_card_number(key):
            raise CommandError(_("A card number is no idempotency key. Nothing was done."))
        gateway_names(one_or_all(options["gateway"]))
        refuse_question_in_json(options)
        try:
            question = self.prepare(options)
            if not options["no_input"]:
                confirm(question)
            self.stderr.write(_("Idempotency key: %(key)s") % {"key": scrub(key)})
            how: FollowUpOptions = {"idempotency_key": key, "scope": SCOPE, "by": self.maker()}
            row = self._do_or_say(options, how)
        except (DineroError, ImproperlyConfigured) as error:
            raise self._failure(error, key, options) from error
        if options["json"]:
            facts = {"code": "done", "replay": row.is_replay}
            self._write_json(key, row, Section(row.gateway_name, {"done": 1}, facts=facts))
            return
        if row.is_replay:
            self.write_after(_("It was done before under this key; nothing was done now:"))
        for line in lines_of(row):
            self.write_after(escape(line))

    def _do_or_say(self, options: Mapping[str, Any], key: FollowUpOptions) -> Transaction:
        """Do it; if somebody breaks it off, say what that means."""
        try:
            return self.do(options, key)
        except KeyboardInterrupt:
            text = _(
                "Interrupted: it may have been done. Do not do it again under another key: the "
                "same command with --idempotency-key as printed above asks how it ended."
            )
            named = str(key["idempotency_key"])
            lines = [text, *self._repetition(named, options)]
            if options["json"]:
                # Nothing is asked any more, not even for the operation: somebody wants out.
                facts = {"code": OutcomeUnknown.code, "operation": None}
                self._write_json(
                    named, None, Section(self.gateway_name, problems=lines, facts=facts)
                )
            raise CommandError("\n".join(lines), returncode=UNKNOWN) from None

    def _repetition(self, key: str, options: Mapping[str, Any]) -> list[str]:
        """Return the command that asks how it ended, as it may be pasted.

        Nothing if it was not typed, or has what no terminal may show.
        """
        words = ["manage.py", *self.typed]
        if options["idempotency_key"] is None:
            words += ["--idempotency-key", key]
        line = shlex.join(words)
        if not self.typed or scrub(line) != line or escape(line) != line:
            return []
        return [_("Repeat it as it was: %(command)s") % {"command": line}]

    def maker(self) -> str:
        """Return who does it, for the record: the command, and the account that runs it."""
        command, name = type(self).__module__.rpartition(".")[2], login()
        return f"{command} ({name})"[:100] if name else command

    @abstractmethod
    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add what this command alone takes."""

    @abstractmethod
    def prepare(self, options: Mapping[str, Any]) -> str:
        """Find the rows, and return the question that is asked before anything is done.

        Raises:
            CommandError: an argument names nothing.
        """

    @abstractmethod
    def do(self, options: Mapping[str, Any], key: FollowUpOptions) -> Transaction:
        """Do it, and return the row."""

    def _failure(
        self,
        error: DineroError | ImproperlyConfigured,
        key: str,
        options: Mapping[str, Any],
    ) -> CommandError:
        code, advice = _verdict(error, key)
        if code == UNKNOWN:
            advice += self._repetition(key, options)
        if _is_of_credentials(error):
            name = getattr(error, "gateway_name", "") or self.gateway_name
            advice.append(_CREDENTIALS % {"gateway": name})
        text = scrub(str(error))
        if options["json"]:
            operation = getattr(error, "operation", None)
            facts = {
                "code": getattr(error, "code", "improperly_configured"),
                "operation": getattr(operation, "key", None),
            }
            row = getattr(error, "transaction", None)
            if row is not None and row.pk == self.original_pk:
                row = None  # it is what was to be captured or decided, and stands as it did
            section = Section(self.gateway_name, problems=[text, *advice], facts=facts)
            self._write_json(key, row, section)
        # A gateway may have said it: no line break or escape sequence of its own.
        return CommandError("\n".join(map(escape, [text, *advice])), returncode=code)

    def _write_json(self, key: str, row: Transaction | None, section: Section) -> None:
        shown = None if row is None else document_of(row)
        command = type(self).__module__.rpartition(".")[2]
        told = document(command, [section], idempotency_key=scrub(key), transaction=shown)
        self.write_after(told)


def login() -> str:
    """Return the name of the account that runs a command; a container's user may have none."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return ""


def refuse_question_in_json(options: Mapping[str, Any]) -> None:
    """Refuse to ask where the answer is for a program.

    Raises:
        CommandError: the question would stand in the midst of the document.
    """
    if options["json"] and not options["no_input"]:
        raise CommandError(_("--json asks nobody; it goes with --no-input."))


def confirm(question: str) -> None:
    """Ask on the terminal.

    Raises:
        CommandError: the answer is not yes, or nobody is there to answer.
    """
    try:
        answer = input(_("%(question)s Type yes: ") % {"question": escape(question)})
    except (EOFError, RuntimeError):  # a shell that closes an input or output leaves none
        raise CommandError(_("Nobody answers; pass --no-input. Nothing was done.")) from None
    except KeyboardInterrupt:
        raise CommandError(_("Nothing was done.")) from None
    if answer != "yes":
        raise CommandError(_("Nothing was done."))


def amount_text(amount: Decimal, currency: str) -> str:
    """Return an amount with its currency."""
    return f"{normalise(amount, currency)} {currency}"


def lines_of(row: Transaction) -> Iterator[str]:
    """Say what a transaction is, in a few lines."""
    yield f"{capfirst(row.get_kind_display())} {amount_text(Decimal(row.price), row.currency)}"
    yield f"  {_('status')}: {row.get_status_display()}"
    yield f"  {_('id')}: {row.public_id}"
    facts = {
        _("gateway"): row.gateway_name,
        _("gateway id"): row.transaction_id,
        _("card"): " ".join(filter(None, (row.brand, row.last_4))),
        _("authorization code"): row.auth_code,
        _("order reference"): row.order_reference,
    }
    yield from (f"  {name}: {value}" for name, value in facts.items() if value)


def document_of(row: Transaction) -> dict[str, Any]:
    """Return a transaction for programs, under the names that the API has."""
    return {
        "id": str(row.public_id),
        "gateway_name": row.gateway_name,
        "live": row.live,
        "transaction_id": row.transaction_id,
        "kind": str(TransactionKind(row.kind).value),
        "status": row.status,
        "price": str(normalise(Decimal(row.price), row.currency)),
        "currency": row.currency,
        "parent": str(row.parent.public_id) if row.parent else None,
        "last_4": row.last_4,
        "brand": row.brand,
        "auth_code": row.auth_code,
        "order_reference": row.order_reference,
        "created_at": row.created_at,
    }


def _verdict(error: Exception, key: str) -> tuple[int, list[str]]:
    """Return the exit code for an error, and what to do now."""
    operation = getattr(error, "operation", None)
    if isinstance(error, OperationInProgress) and operation is None:
        return REFUSED, []  # another attempt to pay the order; the text says that nothing was sent
    if isinstance(error, UNKNOWN_ERRORS) and not _is_of(operation, key):
        text = _(
            "Operation %(key)s on the same payment or customer comes first: nothing was sent for "
            "this command. Give it again when that one has ended, if it is still wanted."
        )
        return REFUSED, [text % {"key": getattr(operation, "key", "?")}]
    if isinstance(error, UNKNOWN_ERRORS):
        named = operation.key if operation is not None else "?"
        text = _(
            "It may have been done. Do not do it again under another key: the same command with "
            "--idempotency-key as printed above asks how operation %(key)s ended."
        )
        return UNKNOWN, [text % {"key": named}]
    if isinstance(error, ActionRequired):
        text = _(
            "The card's holder has to confirm it (%(action)s): it is neither done nor refused. "
            "After that, repeat the command with the same key."
        )
        return WAITS, [text % {"action": _address_of(error)}]
    if isinstance(error, WAITING_ERRORS):
        return WAITS, [_("It is neither done nor refused. dinero_review lists it.")]
    if isinstance(error, CardDeclinedError) and getattr(operation, "kind", "") in CHARGES:
        return REFUSED, [_("Declined: nothing was charged.")]
    if isinstance(error, IdempotencyKeyReused):
        text = _(
            "Nothing was done. If this command is the same as the first one, the project's "
            "SECRET_KEY was changed: put the old one into SECRET_KEY_FALLBACKS, and repeat it."
        )
        return REFUSED, [text]
    if isinstance(error, NotSent):
        return REFUSED, [_("Nothing was sent; the same command can be given again.")]
    return REFUSED, []


def _is_of_credentials(error: Exception) -> bool:
    """Say whether the gateway refused our credentials, and nothing of this command is open."""
    operation = getattr(error, "operation", None)
    is_over = operation is None or not operation.is_open
    return isinstance(error, AuthenticationError) and is_over


def _is_of(operation: Any, key: str) -> bool:
    """Say whether an operation may be that of this command: it has its key, or is not known."""
    return operation is None or (operation.scope, operation.idempotency_key) == (SCOPE, key)


def _address_of(error: ActionRequired) -> str:
    """Return where the holder confirms it. What a page of the gateway's needs is not printed."""
    action = error.next_action
    if action is None or action.kind is not NextActionKind.REDIRECT:
        return _("on a page with the gateway's own script")
    return action.value.reveal()
