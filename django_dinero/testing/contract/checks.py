"""What the contract suite says of one answer: its type, and why it is a refusal."""

from __future__ import annotations

from django_dinero.cards import Address
from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.gateways.types import Ack, Refusal, TransactionResult


def approved(result: TransactionResult) -> TransactionResult:
    """Return an answer that must be an approval without reasons."""
    assert isinstance(result, TransactionResult), f"a TransactionResult, not {result!r}"
    assert result.outcome is ResultStatus.APPROVED, f"approved, not {result}"
    assert result.reasons == (), "an approval gives no reasons of a refusal"
    return result


def refused(result: TransactionResult) -> tuple[ReasonKind, ...]:
    """Return the reasons of an answer that must be a refusal with at least one."""
    assert isinstance(result, TransactionResult), f"a TransactionResult, not {result!r}"
    assert result.outcome in (ResultStatus.DECLINED, ResultStatus.FAILED), f"refused, not {result}"
    assert result.reasons, "a refusal says why"
    return kinds_of(result)


def kinds_of(answer: TransactionResult | Refusal) -> tuple[ReasonKind, ...]:
    """Return the kinds of an answer's reasons, which must be members of ReasonKind."""
    for reason in answer.reasons:
        assert isinstance(reason.kind, ReasonKind), f"{reason.kind!r} is no ReasonKind"
    return tuple(reason.kind for reason in answer.reasons)


def is_refusal(answer: object, kind: ReasonKind) -> Refusal:
    """Return an answer that must be a refusal of the vault for this reason."""
    assert isinstance(answer, Refusal), f"a Refusal ({kind}), not {answer!r}"
    assert kind in kinds_of(answer), f"{kind}, not {answer}"
    return answer


def done(answer: Ack | Refusal, *, already: bool = False) -> None:
    """Check that a verb did what it was asked, or found it done before."""
    assert isinstance(answer, Ack), f"Done, not {answer!r}"
    assert answer.already is already, f"Done(already={already}), not {answer}"


def address_with(address: Address, **values: str) -> Address:
    """Return an address with some fields changed."""
    return Address(**{**address.as_dict(), **values})
