"""The lists of transactions: what has not settled yet, then the settled batches.

They need the *Transaction Details API* of the account (E00011 without it).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from django_dinero.enums import ReasonKind
from django_dinero.exceptions import OutcomeUnknown
from django_dinero.gateways.authorizenet import reports, responses
from django_dinero.gateways.authorizenet.client import Reply
from django_dinero.gateways.authorizenet.patience import PatientClient
from django_dinero.gateways.authorizenet.xml import dicts_at, text_at
from django_dinero.gateways.types import Reason, RemoteTransaction
from django_dinero.logs import get_logger
from django_dinero.redaction import scrub

logger = get_logger("django_dinero.gateways")

#: The most a page holds (the schema's limit).
PAGE = 1000
#: The longest span, in days, that one list of batches may cover.
BATCH_DAYS = 31


class Incomplete(Exception):
    """A list could not be read to its end.

    Args:
        text: what is odd about it.
        reason: why the gateway does not show it, where it refused.
    """

    def __init__(self, text: str = "", reason: Reason | None = None) -> None:
        super().__init__(text)
        self.reason = reason or Reason(ReasonKind.GATEWAY_ERROR, "", text)


def iter_transactions(
    client: PatientClient,
    since: datetime.datetime,
    until: datetime.datetime | None,
    *,
    currency: str,
    gateway_name: str,
) -> Iterator[RemoteTransaction]:
    """Go through all transactions since then, as the lists show them: unsettled, then settled.

    Of a batch that settled since then, all are shown: what was submitted long before, captured now;
    and what came back or was disputed, which the gateway puts into a later batch.

    Args:
        until: batches that settled later are left out, and so is what was submitted later and has
            not settled; None for none.

    Raises:
        AuthenticationError, NotPermittedError: the credentials are wrong, or may not read it.
        GatewayError: a list could not be read to its end.
    """
    try:
        for item in listed(client, since, until, late=True):
            found = _summary(item, currency, gateway_name)
            if found is not None:
                yield found
    except Incomplete as error:
        reason = error.reason
    else:
        return
    raise responses.unreadable(reason, gateway_name)


def _summary(item: dict[str, Any], currency: str, gateway_name: str) -> RemoteTransaction | None:
    """Return a transaction of a list; None, and a warning, for a status that nobody knows.

    It may be other software's, and must not keep all others from being compared. Whoever asks for
    that one alone hears of it.
    """
    problem = ""
    try:
        return reports.summary(item, currency)
    except OutcomeUnknown as error:
        problem = str(error)
    logger.warning(
        "%s: transaction %s is left out of a list: %s",
        gateway_name,
        scrub(text_at(item, "transId")),
        scrub(problem),
        extra={"dinero_gateway": gateway_name},
    )
    return None


def listed(
    client: PatientClient,
    since: datetime.datetime,
    until: datetime.datetime | None = None,
    *,
    late: bool = False,
) -> Iterator[dict[str, Any]]:
    """Yield each transaction submitted since then once, as the lists show it.

    What settles while we read moves from the first list to the second, and is seen there. A settled
    one has the id and the time of its batch in ``batch``, as in getTransactionDetails.

    Args:
        until: as for :func:`iter_transactions`.
        late: also what was submitted before, and settled since then.

    Raises:
        Incomplete: a list could not be read to its end.
    """
    unsettled: set[str] = set()
    # "any", to be sure: what is held for review counts as well.
    for item in _paged(client, "getUnsettledTransactionList", {"status": "any"}, since):
        transaction_id = text_at(item, "transId")
        if transaction_id not in unsettled:
            unsettled.add(transaction_id)
            if until is None or _older(item, until):
                yield item
    for item in _settled(client, since, until, late=late):
        # No other batch has what one batch has, so only what is not settled must be remembered.
        if text_at(item, "transId") not in unsettled:
            yield item


def readable(reply: Reply) -> Reply:
    """Return the reply to a question about the gateway's records.

    Raises:
        Incomplete: the gateway does not answer it.
    """
    if not reply.ok:
        reason = reply.reason()
        raise Incomplete(reason.text, reason)
    return reply


def _settled(
    client: PatientClient,
    since: datetime.datetime,
    until: datetime.datetime | None,
    *,
    late: bool,
) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    submitted = None if late else since
    for first, last in _windows(since, until):
        values = {"firstSettlementDate": _utc(first), "lastSettlementDate": _utc(last)}
        reply = readable(client.read("getSettledBatchList", values))
        for batch in dicts_at(reply.content, "batchList", "batch"):
            batch_id = text_at(batch, "batchId")
            if not batch_id:
                raise Incomplete(_("A batch without an id."))
            if batch_id not in seen:  # windows share their edges
                seen.add(batch_id)
                values = {"batchId": batch_id}
                for item in _paged(client, "getTransactionList", values, submitted):
                    yield {**item, "batch": batch}


def _paged(
    client: PatientClient,
    operation: str,
    values: Mapping[str, str],
    since: datetime.datetime | None,
) -> Iterator[dict[str, Any]]:
    """Yield the items of a list, newest first, that are not older than ``since``, or all.

    Pages have numbers, and items leave a list while it is read. Then what stood on the next page
    moves to the one that was just read. So each page begins before the end of the last one: page
    k has PAGE + 1 - k items and begins k - 1 items early. A page that shares nothing with the
    last one proves that something was missed.
    """
    before: set[str] = set()
    # From the middle on, a page would begin before the last one did.
    for number in range(1, PAGE // 2 + 1):
        limit = PAGE + 1 - number
        items = _page(client, operation, values, limit, number)
        ids = {text_at(item, "transId") for item in items}
        if before and before.isdisjoint(ids):
            raise Incomplete(_("The list changed while it was read."))
        for item in items:
            if text_at(item, "transId") not in before and not _older(item, since):
                yield item
        if len(items) < limit or _ended(items, since):
            return
        before = ids
    raise Incomplete(_("The list has no end."))


def _page(
    client: PatientClient, operation: str, values: Mapping[str, str], limit: int, number: int
) -> list[dict[str, Any]]:
    # By time: the ids of transactions are in no order.
    asked = {
        **values,
        "sorting": {"orderBy": "submitTimeUTC", "orderDescending": "true"},
        "paging": {"limit": str(limit), "offset": str(number)},
    }
    reply = readable(client.read(operation, asked))
    return dicts_at(reply.content, "transactions", "transaction")


def _windows(
    since: datetime.datetime, until: datetime.datetime | None = None
) -> Iterator[tuple[datetime.datetime, datetime.datetime]]:
    """Yield the spans in which batches are asked for.

    The last one ends beyond now: what settles while we read counts, and the gateway's clock may
    be ahead of ours.
    """
    start, limit = since, datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    if until is not None:
        limit = min(limit, until)
    while start < limit:
        end = min(start + datetime.timedelta(days=BATCH_DAYS), limit)
        yield start, end
        start = end


def _older(item: Mapping[str, Any], since: datetime.datetime | None) -> bool:
    submitted = _submitted(item)
    return since is not None and submitted is not None and submitted < since


def _ended(items: list[dict[str, Any]], since: datetime.datetime | None) -> bool:
    """Say whether nothing after this page can count: it is in order, and its last one is older.

    A server that does not sort as it was asked is read to the end.
    """
    if since is None:
        return False
    times = [_submitted(item) for item in items]
    known = [moment for moment in times if moment is not None]
    return len(known) == len(times) and known == sorted(known, reverse=True) and known[-1] < since


def _submitted(item: Mapping[str, Any]) -> datetime.datetime | None:
    return reports.moment(text_at(item, "submitTimeUTC"))


def _utc(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
