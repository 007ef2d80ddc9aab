"""A gateway that gives captures ids of their own: each counts as a payment there.

Refunds name what they give back by that id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from django_dinero.enums import RemoteStatus, TransactionKind
from django_dinero.gateways.types import LookupResult, RemoteTransaction
from tests.support.recording import RecordingGateway

PREFIX = "C"


def give_captures_own_ids(
    gateway: RecordingGateway, meanwhile: Callable[[], object] = lambda: None
) -> None:
    """Let captures have the id of their authorization with a C before it, and refunds name that.

    Args:
        gateway: whose bank has one id for both.
        meanwhile: happens when a capture is made, and its answer has not arrived.
    """

    def around(verb: str, call: Any) -> Any:
        if verb == "retrieve_transaction":
            return _retrieved(call)
        result = _refunded(call) if verb == "refund" else call()
        if verb == "capture":
            meanwhile()
        if verb == "iter_transactions":
            return iter(_listed(gateway, result))
        if verb == "find_operation":
            return replace(result, matches=tuple(_told(result)))
        return _with_own_id(result) if verb == "capture" else result

    gateway.around = around


def _refunded(call: Any) -> Any:
    gateway, request = call.args
    at_bank = request.transaction_id.removeprefix(PREFIX)
    return call.func(gateway, replace(request, transaction_id=at_bank))


def _retrieved(call: Any) -> Any:
    gateway, asked = call.args
    if not asked.startswith(PREFIX):
        return _naming_its_capture(gateway, call())
    found = partial(call.func, gateway, asked.removeprefix(PREFIX))()
    captured = isinstance(found, RemoteTransaction) and found.settled_amount
    return _capture_of(found) if captured else call()


def _capture_of(found: RemoteTransaction) -> RemoteTransaction:
    return replace(
        found,
        transaction_id=PREFIX + found.transaction_id,
        parent_id=found.transaction_id,
        kind=TransactionKind.CAPTURE,
        amount=found.settled_amount or found.amount,
        operation_key="",
    )


def _naming_its_capture(gateway: RecordingGateway, found: RemoteTransaction) -> RemoteTransaction:
    """Let a refund of a captured authorization name the capture."""
    if found.kind is not TransactionKind.REFUND:
        return found
    kinds = {each.id: str(each.kind) for each in gateway.bank.transactions()}
    captured = kinds.get(found.parent_id) == "authorization"
    return replace(found, parent_id=PREFIX + found.parent_id) if captured else found


def _listed(
    gateway: RecordingGateway, listed: Iterable[RemoteTransaction]
) -> Iterable[RemoteTransaction]:
    for each in listed:
        yield _naming_its_capture(gateway, each)
        # A list shows what was captured in place of what was authorized.
        taken = each.status in (RemoteStatus.CAPTURED, RemoteStatus.SETTLED)
        if taken and each.kind is TransactionKind.AUTHORIZATION:
            yield _capture_of(each)


def _told(result: LookupResult) -> Iterable[Any]:
    for each in result.matches:
        is_capture = isinstance(each, RemoteTransaction) and each.kind is TransactionKind.CAPTURE
        yield _with_own_id(each) if is_capture else each


def _with_own_id(found: Any) -> Any:
    return replace(found, transaction_id=PREFIX + found.transaction_id)
