"""Pull one customer, one transaction, or all customers of an account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db.models import Max, QuerySet
from django.utils.translation import gettext as _

from django_dinero.db.failures import retry_on_conflict
from django_dinero.db.fields import UtcNow
from django_dinero.db.queries import primary
from django_dinero.db.seen import Seen
from django_dinero.exceptions import DineroError, InvalidInput
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.types import RemoteCustomer
from django_dinero.models.customer import Customer
from django_dinero.models.vault_pull import VaultPull
from django_dinero.observing.verbs import traced
from django_dinero.redaction import scrub
from django_dinero.services import pull
from django_dinero.services.modes import account_of
from django_dinero.services.progress import Progress, tell_nobody
from django_dinero.services.pull import OwnerOf
from django_dinero.services.sync import reading
from django_dinero.services.sync.gone import mark_unseen
from django_dinero.services.sync.reading import Pace
from django_dinero.services.vault.customers import retrieve_customer


@dataclass(frozen=True, slots=True)
class Failure:
    """An id that could not be pulled, and why."""

    subject: str
    code: str
    text: str


def tell_no_failure(failure: Failure) -> None:
    """Take no note of a failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PullOptions:
    """How something is pulled.

    Attributes:
        pace: lets the requests through.
        owner_of: is asked for the owner of each customer that has none; it gets the customer as the
            gateway shows it, and returns a user or None.
        progress: is told how many were done.
        failed: is told of each that could not be pulled.
    """

    pace: Pace = field(default_factory=Pace)
    owner_of: OwnerOf | None = None
    progress: Progress = tell_nobody
    failed: Callable[[Failure], None] = tell_no_failure


def pull_customers(gateway: Gateway, ids: Iterable[str], how: PullOptions) -> Counter[str]:
    """Pull these customers, by the gateway's ids. One that fails does not stop the others.

    One that the gateway does not have has failed, and its row is marked as missing.

    Returns:
        How many ``customers`` were pulled, and how many have ``failed``.
    """
    return _each(ids, "customers", how, partial(_pull_customer, gateway, how))


def pull_transactions(gateway: Gateway, ids: Iterable[str], how: PullOptions) -> Counter[str]:
    """As :func:`pull_customers`, for ``transactions``."""
    return _each(ids, "transactions", how, partial(_pull_transaction, gateway))


def _pull_customer(gateway: Gateway, how: PullOptions, customer_id: str) -> None:
    retrieve_customer(customer_id, gateway_name=gateway.name, owner_of=how.owner_of)


def _pull_transaction(gateway: Gateway, transaction_id: str) -> None:
    pull.retrieve_transaction(transaction_id, gateway_name=gateway.name)


def _each(
    ids: Iterable[str], name: str, how: PullOptions, act: Callable[[str], None]
) -> Counter[str]:
    counts: Counter[str] = Counter()
    for number, each in enumerate(ids, 1):
        how.pace.wait()
        failure: DineroError | None = None
        try:
            _check_id(each)
            act(each)
        except DineroError as error:
            failure = error
        counts[name if failure is None else "failed"] += 1
        if failure is not None:
            how.failed(Failure(each, failure.code, scrub(str(failure))))
        how.progress(name, number, None)
    return counts


def _check_id(text: str) -> None:
    """Refuse what a database cannot even look for: NUL, and halves of characters.

    Raises:
        InvalidInput: it is so.
    """
    if not text.isprintable():
        raise InvalidInput({"id": _("This is no id.")})


# -- All customers --------------------------------------------------------------------------------


@traced("pull_account")
def pull_account(gateway: Gateway, how: PullOptions, *, resume: bool = False) -> Counter[str]:
    """Pull all customers of an account with their cards, and mark those that are gone.

    Rows are written in batches. What waits to be pushed keeps its edits; what is deleted here stays
    deleted. A customer is marked as missing only after the list was read to its end, if it is older
    than the pull and the gateway, asked for it alone, does not have it.

    Args:
        resume: whether to go on where the last pull of this account was broken off.

    Returns:
        How many ``customers`` were pulled, and how many are ``gone``.

    Raises:
        InvalidInput: there is no pull to go on with, somebody else goes on with it, or ``owner_of``
            failed. In that case, too, what was pulled until then is stored, and the pull can go on.
        NotSent, GatewayError: the list could not be read to its end. What was pulled until then is
            stored, and the pull can go on.
    """
    run = _last_unfinished(gateway) if resume else begin(gateway)
    seen = Seen.from_bytes(run.seen)
    remotes = reading.customers(gateway, how.pace, run.cursor)
    for _count in write_customers(gateway, run, seen, remotes, how.owner_of):
        how.progress("customers", run.pulled, None)
    gone = finish(gateway, run, seen, how.pace)
    return Counter({"customers": run.pulled, "gone": gone})


class TakenOver(InvalidInput):
    """Somebody else has gone on with a pull meanwhile."""


def write_customers(
    gateway: Gateway,
    run: VaultPull,
    seen: Seen,
    remotes: Iterable[RemoteCustomer],
    owner_of: OwnerOf | None,
) -> Iterator[int]:
    """Write customers into rows, and after each batch how far the pull has come.

    Args:
        run: the pull. Its instance is up to date after each batch.
        seen: the rows that the gateway has told of, those of earlier pages too.
        remotes: what the gateway tells from where the pull stands.
        owner_of: as in :class:`PullOptions`.

    Yields:
        How many customers of the gateway's each batch was.

    Raises:
        TakenOver: the pull does not stand any more where this worker left it. What was written is
            right; whoever has gone on writes it again.
    """
    for batch in pull.write_in_batches(account_of(gateway), remotes, owner_of):
        seen.update(row.pk for row in batch.rows if row.pk <= run.newest_pk)
        pulled, last = run.pulled + len(batch.rows), batch.remotes[-1].customer_id
        if not _move(run, cursor=last, seen=seen.to_bytes(), pulled=pulled):
            raise TakenOver({"resume": _("Somebody else goes on with this pull.")})
        run.pulled, run.cursor = pulled, last
        yield len(batch.remotes)


def finish(gateway: Gateway, run: VaultPull, seen: Seen, pace: Pace) -> int:
    """Mark what a list that was read to its end did not show, and end the pull.

    Returns:
        How many are gone.
    """
    gone = mark_unseen(gateway, run, seen, pace)
    _move(run, gone=gone, seen=b"", ended_at=UtcNow())
    return gone


def _runs(gateway: Gateway) -> QuerySet[VaultPull]:
    rows = primary(VaultPull)
    return rows.filter(**account_of(gateway).columns)


def begin(gateway: Gateway, **columns: Any) -> VaultPull:
    """Begin a pull of all customers, with these values in its row."""
    customers = primary(Customer)
    newest = customers.aggregate(newest=Max("pk"))["newest"]
    run = _runs(gateway).create(**account_of(gateway).columns, newest_pk=newest or 0, **columns)
    return _runs(gateway).get(pk=run.pk)


def _last_unfinished(gateway: Gateway) -> VaultPull:
    last = _runs(gateway).order_by("-pk").first()
    if last is None or last.ended_at is not None:
        raise InvalidInput({"resume": _("No pull of this account was broken off.")})
    return last


def _move(run: VaultPull, **columns: object) -> bool:
    """Write how far a pull has come; say whether it still stood where this worker left it."""
    rows = primary(VaultPull)
    rows = rows.filter(pk=run.pk, cursor=run.cursor, ended_at=None)
    return bool(retry_on_conflict(partial(rows.update, touched_at=UtcNow(), **columns), rows.db))
