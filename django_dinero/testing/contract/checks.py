"""Assertions about a single answer: its type, and the reasons of a refusal."""

from __future__ import annotations

from django_dinero.cards import Address
from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.gateways.types import Ack, Refusal, TransactionResult


def assert_approved(result: TransactionResult) -> TransactionResult:
    """Check that an answer is an approval without reasons, and return it."""
    assert isinstance(result, TransactionResult), f"a TransactionResult, not {result!r}"
    assert result.outcome is ResultStatus.APPROVED, f"approved, not {result}"
    assert result.reasons == (), "an approval gives no reasons of a refusal"
    return result


def assert_refused(result: TransactionResult) -> tuple[ReasonKind, ...]:
    """Check that an answer is a refusal with reasons, and return their kinds."""
    assert isinstance(result, TransactionResult), f"a TransactionResult, not {result!r}"
    assert result.outcome in (ResultStatus.DECLINED, ResultStatus.FAILED), f"refused, not {result}"
    assert result.reasons, "a refusal says why"
    return kinds_of(result)


def kinds_of(answer: TransactionResult | Refusal) -> tuple[ReasonKind, ...]:
    """Check that an answer's reasons have members of ReasonKind, and return these."""
    for reason in answer.reasons:
        assert isinstance(reason.kind, ReasonKind), f"{reason.kind!r} is no ReasonKind"
    return tuple(reason.kind for reason in answer.reasons)


def assert_refusal(answer: object, kind: ReasonKind) -> Refusal:
    """Check that an answer of the vault is a refusal for this reason, and return it."""
    assert isinstance(answer, Refusal), f"a Refusal ({kind}), not {answer!r}"
    assert kind in kinds_of(answer), f"{kind}, not {answer}"
    return answer


def assert_done(answer: Ack | Refusal, *, already: bool = False) -> None:
    """Check that a verb did its work, or with ``already`` that it was done before."""
    assert isinstance(answer, Ack), f"an Ack, not {answer!r}"
    assert answer.already is already, f"Ack(already={already}), not {answer}"


def address_with(address: Address, **values: str) -> Address:
    """Return an address with some fields changed."""
    return Address(**{**address.as_dict(), **values})
