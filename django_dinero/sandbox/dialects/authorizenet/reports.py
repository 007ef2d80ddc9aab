"""The operations that read the ledger: lists of transactions, and batches."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from django_dinero.enums import RemoteStatus
from django_dinero.money import EXACT
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import RowKind
from django_dinero.sandbox.bank.records import Batch, LedgerRow, Page, Subtotal
from django_dinero.sandbox.dialects.authorizenet.details import status_of, utc
from django_dinero.sandbox.dialects.authorizenet.messages import Answer, Refused
from django_dinero.sandbox.dialects.authorizenet.pages import paging_of
from django_dinero.sandbox.dialects.authorizenet.parse import Node
from django_dinero.sandbox.dialects.authorizenet.reply import Tree
from django_dinero.sandbox.dialects.authorizenet.wire import account_type, masked

#: The gateway answers at most this many days of batches in one call.
LONGEST_SPAN = datetime.timedelta(days=31)
_ONE_DATE = "A required field is not present: give both settlement dates, or neither."
_TOO_LONG = "The date range specified is invalid: it may not be longer than 31 days."


def _summary(row: LedgerRow) -> Tree:
    profile: Tree | None = None
    if row.customer_id:
        profile = {
            "customerProfileId": row.customer_id,
            "customerPaymentProfileId": row.card_id or None,
        }
    return {
        "transId": row.id,
        "submitTimeUTC": utc(row.submitted_at),
        "submitTimeLocal": utc(row.submitted_at).rstrip("Z"),
        "transactionStatus": status_of(row),
        "invoiceNumber": row.invoice or None,
        "firstName": row.billing.get("first_name") or None,
        "lastName": row.billing.get("last_name") or None,
        "accountType": account_type(row.brand),
        "accountNumber": masked(row.last_4),
        "settleAmount": f"{row.settled_amount or row.amount:.2f}",
        "marketType": "eCommerce",
        "product": "Card Not Present",
        "hasReturnedItems": "true" if row.status is RemoteStatus.RETURNED else None,
        "profile": profile,
    }


def _listed(page: Page) -> Answer:
    total = str(page.total)
    if not page.rows:
        return Answer({"totalNumInResultSet": total}, "I00004")
    shown = [_summary(row) for row in page.rows]
    return Answer({"transactions": {"transaction": shown}, "totalNumInResultSet": total})


def unsettled(bank: Bank, request: Node) -> Answer:
    """Answer getUnsettledTransactionListRequest; ``pendingApproval`` asks for the held ones."""
    held_only = request.value("status") == "pendingApproval"
    # A merchant meets the voided authorizations of live card checks between his sales.
    return _listed(bank.unsettled_page(paging_of(request), held_only=held_only, validations=True))


def batch_transactions(bank: Bank, request: Node) -> Answer:
    """Answer getTransactionListRequest: one batch, else the last one."""
    batch_id = request.value("batchId")
    known = bank.batches()
    if not batch_id and known:
        batch_id = known[-1].id
    # An unknown batch has no rows; without any the text is empty, and no row has that either.
    return _listed(bank.transactions_page(paging_of(request), batch_id=batch_id, validations=True))


def customer_transactions(bank: Bank, request: Node) -> Answer:
    """Answer getTransactionListForCustomerRequest: of one customer, or of one card."""
    customer_id = request.value("customerProfileId")
    card_id = request.value("customerPaymentProfileId")
    page = bank.transactions_page(
        paging_of(request), customer_id=customer_id, card_id=card_id or None
    )
    if not page.total:
        bank.customer(customer_id)
    return _listed(page)


# -- Batches --------------------------------------------------------------------------------------


def batches(bank: Bank, request: Node) -> Answer:
    """Answer getSettledBatchListRequest: a span of days, else the last day.

    Raises:
        Refused: the span is longer than 31 days, ends before it begins, or has only one end.
    """
    first, last = _moment(request, "firstSettlementDate"), _moment(request, "lastSettlementDate")
    if (first is None) != (last is None):
        raise Refused("E00014", _ONE_DATE)
    first = first or bank.clock.now() - datetime.timedelta(days=1)
    if last is not None and not datetime.timedelta(0) <= last - first <= LONGEST_SPAN:
        raise Refused("E00013", _TOO_LONG)
    found = [one for one in bank.batches(since=first) if last is None or one.settled_at <= last]
    if not found:
        return Answer({}, "I00004")
    with_statistics = request.flag("includeStatistics")
    trees = [_batch(bank, one, with_statistics=with_statistics) for one in found]
    return Answer({"batchList": {"batch": trees}})


def batch_statistics(bank: Bank, request: Node) -> Answer:
    """Answer getBatchStatisticsRequest: one batch with its sums.

    Raises:
        Refused: there is no such batch.
    """
    wanted = request.value("batchId")
    found = next((one for one in bank.batches() if one.id == wanted), None)
    if found is None:
        raise Refused("E00040")
    return Answer({"batch": _batch(bank, found, with_statistics=True)})


def _moment(request: Node, name: str) -> datetime.datetime | None:
    text = request.value(name).strip()
    if not text:
        return None
    moment = datetime.datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def _batch(bank: Bank, batch: Batch, *, with_statistics: bool) -> Tree:
    tree: dict[str, object] = {**batch_tree(batch)}
    if with_statistics:
        subtotals = bank.batch_subtotals(batch.id)
        brands = sorted({each.brand for each in subtotals})
        tree["statistics"] = {"statistic": [_statistic(brand, subtotals) for brand in brands]}
    return tree


def batch_tree(batch: Batch) -> Tree:
    """Return a batch without its statistics."""
    return {
        "batchId": batch.id,
        "settlementTimeUTC": utc(batch.settled_at),
        "settlementTimeLocal": utc(batch.settled_at).rstrip("Z"),
        "settlementState": "settledSuccessfully",
        "paymentMethod": "creditCard",
        "marketType": "eCommerce",
        "product": "Card Not Present",
    }


def _statistic(brand: str, subtotals: Sequence[Subtotal]) -> Tree:
    counts: Counter[str] = Counter()
    amounts = {"charge": Decimal("0.00"), "refund": Decimal("0.00")}
    for each in subtotals:
        if each.brand != brand:
            continue
        what = _counted(each)
        counts[what] += each.count
        if what in amounts:
            amounts[what] = EXACT.add(amounts[what], each.amount)
    return {
        "accountType": account_type(brand),
        "chargeAmount": str(amounts["charge"]),
        "chargeCount": str(counts["charge"]),
        "refundAmount": str(amounts["refund"]),
        "refundCount": str(counts["refund"]),
        "voidCount": str(counts["void"]),
        "declineCount": str(counts["decline"]),
        "errorCount": "0",
    }


def _counted(subtotal: Subtotal) -> str:
    if subtotal.status is RemoteStatus.VOIDED:
        return "void"
    if subtotal.status is RemoteStatus.DECLINED:
        return "decline"
    return "refund" if subtotal.kind is RowKind.REFUND else "charge"
