"""Look up how an operation ended after its answer was lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from django.db import router
from django.db.models import Q
from django.db.models.functions import Coalesce

from django_dinero.db.fields import UtcIn, UtcNow
from django_dinero.enums import ReasonKind, RemoteStatus
from django_dinero.exceptions import (
    AuthenticationError,
    CustomerNotFoundError,
    DineroError,
    GatewayError,
    GatewayUnavailableError,
    NotSent,
    OperationInProgress,
    OutcomeUnknown,
)
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.calls import ask
from django_dinero.gateways.types import (
    LookupHints,
    LookupResult,
    RemoteCard,
    RemoteCustomer,
    RemoteTransaction,
    has_reason,
)
from django_dinero.models import journal_notes
from django_dinero.models.card import CreditCard
from django_dinero.models.mode import Account
from django_dinero.models.operation import (
    DELETES,
    MONEY_KINDS,
    UNDECIDED_STATES,
    Operation,
    OperationKind,
    OperationState,
)
from django_dinero.models.records import Intent, RecordedOutcome
from django_dinero.money import normalise
from django_dinero.observing.verbs import verb
from django_dinero.redaction import scrub
from django_dinero.send_deadline import uptime
from django_dinero.services import journal, ledger, modes, pull
from django_dinero.services.errors import read_customer, read_transaction
from django_dinero.services.modes import account_of

State = OperationState
Match = RemoteTransaction | RemoteCustomer | RemoteCard

#: Verbs that are repeated until they succeed. The outcome of one attempt does not matter once it
#: can no longer reach the gateway late.
REPEATABLE = (
    OperationKind.UPDATE_CUSTOMER,
    OperationKind.UPDATE_CARD,
    OperationKind.DELETE_CUSTOMER,
    OperationKind.DELETE_CARD,
)

#: Errors that say nothing of the operation: the gateway cannot be used, or gives no answer.
IN_VAIN = (NotSent, OutcomeUnknown, AuthenticationError, GatewayUnavailableError)

#: Clocks run apart and are set while we wait, so a search begins this much earlier.
CLOCK_SKEW = timedelta(minutes=15)

#: The most that the column can count, should a caller ask every second for days.
MAX_ATTEMPTS = 32_767


@verb("look_up")
def look_up(operation: Operation, *, is_callers: bool = False) -> Operation:
    """Record what can be proven now about an open operation, and return it up to date.

    If the gateway cannot be reached, or its list is incomplete, the state stays as it is.

    Args:
        is_callers: as for :func:`ledger.restore_row`.
    """
    operation.asked_in_vain = False
    _expire_lease(operation)
    try:
        _find_out(operation, is_callers=is_callers)
    except (ledger.OriginalGone, OperationInProgress) as error:
        # Once the row is there again, the next look-up records what it finds.
        if operation.is_open:
            _check_later(operation, str(error))
    return operation


def _find_out(operation: Operation, *, is_callers: bool) -> None:
    if operation.state == State.UNKNOWN:
        if operation.kind in REPEATABLE:
            _finish_repeatable(operation)
        elif operation.kind in ledger.DECISIONS:
            _finish_decision(operation)
        else:
            _search_and_end(operation, is_callers=is_callers)
    elif operation.state in UNDECIDED_STATES and operation.has_result:
        _ask_how_it_stands(operation, is_callers=is_callers)
    elif operation.kind in MONEY_KINDS and operation.has_result:
        ledger.restore_row(operation, is_callers=is_callers)


def _expire_lease(operation: Operation) -> None:
    """If the lease is over, treat the worker as dead and change the state accordingly."""
    if not _has_passed(operation, "lease_until"):
        return
    if operation.state == State.NEW and operation.kind in DELETES:
        journal.release_lock(operation)
    elif operation.state == State.NEW:
        journal.move(operation, State.FAILED, RecordedOutcome(error=journal_notes.NEVER_SENT))
    elif operation.state == State.SENT:
        journal.move(operation, State.UNKNOWN, RecordedOutcome(error=journal_notes.WORKER_DIED))


def _has_passed(operation: Operation, column: str) -> bool:
    rows = Operation.objects.using(operation.written_on).filter(pk=operation.pk)
    return rows.filter(**{f"{column}__lt": UtcNow()}).exists()


def _finish_repeatable(operation: Operation) -> None:
    if not _has_passed(operation, "quarantine_until"):
        return
    if operation.kind == OperationKind.UPDATE_CARD and operation.intent:
        problem = _pull_card(operation)
        if problem:
            _check_later(operation, problem)
            return
    pull.forget_pushed_digest(operation)
    journal.move(operation, State.ABSENT, RecordedOutcome(error=journal_notes.TO_BE_REPEATED))


def _finish_decision(operation: Operation) -> None:
    """End a decision whose answer was lost, by what the gateway has of the payment now."""
    # Checked before the gateway is asked: a late request may arrive after its answer.
    quarantine_over = _has_passed(operation, "quarantine_until")
    held = ledger.original_of(operation)
    remote, problem = _read_transaction(operation)
    if remote is None:
        _check_later(operation, problem)
    elif not pull.is_still_held(held, remote):
        pull.end_decision_from_remote(operation, held, remote, RecordedOutcome())
    elif quarantine_over:
        journal.move(operation, State.ABSENT, RecordedOutcome(error=journal_notes.HELD_AS_BEFORE))
    else:
        _check_later(operation, journal_notes.HELD_AS_BEFORE)


def _read_transaction(operation: Operation) -> tuple[RemoteTransaction | None, str]:
    """Return an operation's transaction as the gateway has it, or None and why it was not read."""
    try:
        gateway = modes.gateway_of(operation)
        return read_transaction(gateway, operation.transaction_id), ""
    except DineroError as error:
        _note_in_vain(operation, error)
        return None, scrub(str(error))
    except Exception as error:  # a broken backend proves nothing, and must not stop the next one
        return None, journal.log_broken_backend(operation, error)


def _begin_new_number(operation: Operation) -> None:
    """Treat the card's number as a new one, since nobody knows whether it was replaced.

    The payments of a new number begin a series of their own, so the networks are told nothing
    wrong.
    """
    cards = CreditCard.objects.using(router.db_for_write(CreditCard)).filter(
        **Account.of(operation).columns,
        customer_id=operation.customer_id,
        card_id=operation.card_id,
    )
    cards.update_without_push(number_key=operation.key)


def _pull_card(operation: Operation) -> str:
    """Pull a card that may have a new number, which nobody could send again.

    Returns:
        Why that failed, or an empty string.
    """
    try:
        gateway = modes.gateway_of(operation)
        account = account_of(gateway)
        snapshot = pull.take_snapshot(account, operation.customer_id)
        remote = read_customer(gateway, operation.customer_id)
        pull.write_customer(account, remote, snapshot)
        _begin_new_number(operation)
    except CustomerNotFoundError:
        return ""  # deleted meanwhile, here or there
    except DineroError as error:
        _note_in_vain(operation, error)
        return scrub(str(error))
    except Exception as error:  # a broken backend proves nothing, and must not stop the next one
        return journal.log_broken_backend(operation, error)
    return ""


def _search_and_end(operation: Operation, *, is_callers: bool) -> None:
    # Checked before the search: a late request may arrive after its part of the list was read.
    quarantine_over = _has_passed(operation, "quarantine_until")
    found, problem = search(operation)
    if problem:
        _check_later(operation, problem)
    elif found.matches and not _may_be_made_all_the_same(found):
        if not is_callers:
            ledger.refuse_callers_charge(operation)
        end_from_matches(operation, found.matches, is_callers=is_callers)
    elif found.complete and quarantine_over:
        journal.move(operation, State.ABSENT, RecordedOutcome(error=journal_notes.NOT_FOUND))
    else:
        _check_later(operation, journal_notes.NOT_FOUND_YET)


def _may_be_made_all_the_same(found: LookupResult) -> bool:
    """Whether there is nothing but trouble in a list that may lack the payment itself.

    The request may have been delivered twice. As where it is answered at once, the key is not free.
    """
    return not found.complete and all(
        isinstance(each, RemoteTransaction)
        and each.status is RemoteStatus.FAILED
        and has_reason(each, ReasonKind.UNAVAILABLE)
        for each in found.matches
    )


def _ask_how_it_stands(operation: Operation, *, is_callers: bool) -> None:
    """Find out whether a payment was decided that waits for a review or for the card's holder."""
    # Read before the gateway is asked: what is written here meanwhile is newer than its answer.
    row = ledger.restore_row(operation, is_callers=is_callers)
    if operation.state not in UNDECIDED_STATES:
        return
    remote, problem = _read_transaction(operation)
    if remote is None or remote.status == operation.state or pull.capture_waits(row, remote):
        _check_later(operation, problem or journal_notes.NOT_DECIDED)
        operation.next_action = remote.next_action if remote is not None else None
        return
    pull.write_remote_state(row, remote)
    operation.refresh_from_db()


def search(operation: Operation) -> tuple[LookupResult, str]:
    """Search the gateway for what it has of an operation.

    Returns:
        What was found, and why the search failed (an empty string if it did not).
    """
    try:
        gateway = modes.gateway_of(operation)
        hints = _hints(operation, _search_from(gateway, operation))
        operation.searched_at = uptime()
        call = partial(gateway.find_operation, operation.key, hints)
        return ask(gateway, call, answers=LookupResult), ""
    except DineroError as error:
        _note_in_vain(operation, error)
        problem = scrub(str(error))
    except Exception as error:  # a broken backend proves nothing, and must not stop other look-ups
        problem = journal.log_broken_backend(operation, error)
    return LookupResult(complete=False), problem


def end_from_matches(
    operation: Operation, matches: Sequence[Match], *, is_callers: bool = False
) -> None:
    """End an operation by the gateway's match; several matches need a person's attention.

    Args:
        is_callers: as for :func:`ledger.end_with_row`.
    """
    matches = [each for each in matches if _is_own(operation, each)] or matches
    if len(matches) > 1:
        text = journal_notes.MATCHES % {"count": len(matches)}
        journal.move(operation, State.NEEDS_ATTENTION, RecordedOutcome(error=text))
    elif isinstance(matches[0], RemoteTransaction):
        pull.end_operation_from_remote(operation, matches[0], is_callers=is_callers)
    else:
        _end_vault_operation(operation, matches[0])


def _is_own(operation: Operation, match: Match) -> bool:
    return not isinstance(match, RemoteTransaction) or pull.may_have_made(operation, match)


def _note_in_vain(operation: Operation, error: DineroError) -> None:
    # A lost answer to what only reads is a plain GatewayError.
    operation.asked_in_vain = isinstance(error, IN_VAIN) or type(error) is GatewayError


def _check_later(operation: Operation, problem: str) -> None:
    steps = (5, 30, 120, 600, 3600)
    # Sending it was the first attempt.
    wait = timedelta(seconds=steps[min(max(operation.attempts - 1, 0), len(steps) - 1)])
    journal.change_outcome(
        operation,
        partial(replace, lookup=problem[:500]),
        in_state=operation.state,
        attempts=min(operation.attempts + 1, MAX_ATTEMPTS),
        next_check_at=UtcIn(wait),
    )
    operation.refresh_from_db()


def _search_from(gateway: Gateway, operation: Operation) -> datetime:
    """Return from when on a search must look, on our clock and on the gateway's.

    The database's clock says how long ago the operation was sent. Counted back from the gateway's
    own time, that is right however far the two clocks are apart.

    Raises:
        DineroError: the gateway's time cannot be learned.
    """
    sent, now = _times_of(operation)
    gateways_now = ask(gateway, gateway.clock)
    if gateways_now is not None:
        sent = min(sent, gateways_now - max(now - sent, timedelta(0)))
    return sent - CLOCK_SKEW


def _times_of(operation: Operation) -> tuple[datetime, datetime]:
    """Return when the operation was sent and what time it is, both by the database's clock."""
    rows = Operation.objects.using(operation.written_on).filter(pk=operation.pk)
    sent, now = rows.values_list(Coalesce("sent_at", "created_at"), UtcNow()).get()
    return sent, now


def _hints(operation: Operation, since: datetime) -> LookupHints:
    intent, amount = Intent.of(operation), operation.amount
    return LookupHints(
        kind=operation.kind,
        since=since,
        customer_key=intent.customer_key,
        customer_id=operation.customer_id,
        card_id=operation.card_id,
        transaction_id=operation.transaction_id,
        amount=None if amount is None else normalise(amount, operation.currency),
        currency=operation.currency,
        last_4=intent.last_4,
        known_card_ids=frozenset((*intent.known_card_ids, *_card_ids_of_others(operation))),
    )


def _card_ids_of_others(operation: Operation) -> Iterable[str]:
    """Return the cards of the customer that other operations stored.

    A rollback of the caller may have taken their rows, which alone were known when this one began.
    """
    if operation.kind != OperationKind.ADD_CARD:
        return ()
    others = Operation.objects.using(operation.written_on).filter(
        kind=OperationKind.ADD_CARD,
        customer_id=operation.customer_id,
        **Account.of(operation).columns,
    )
    return others.exclude(Q(pk=operation.pk) | Q(card_id="")).values_list("card_id", flat=True)


def _end_vault_operation(operation: Operation, found: RemoteCustomer | RemoteCard) -> None:
    card_id = found.card_id if isinstance(found, RemoteCard) else ""
    # In one transaction, because nobody searches again for the rows of an operation that has ended.
    # Only the worker that ends it writes them: if another look-up did, its rows may have been
    # changed or deleted since.
    journal.end_operation(
        operation,
        State.SUCCEEDED,
        RecordedOutcome(customer_id=found.customer_id, card_id=card_id, found=True),
        lambda: pull.write_found(operation, found) if operation.ended_from else None,
        customer_id=found.customer_id,
        card_id=card_id,
    )
