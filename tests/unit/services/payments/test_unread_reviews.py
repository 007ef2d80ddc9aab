"""A review is decided, and the gateway's record of it cannot be read."""

from __future__ import annotations

import pytest

from django_dinero.exceptions import OutcomeUnknown
from django_dinero.models import Operation, Transaction
from tests.support.recording import Fault, RecordingGateway, lose_reply, refuse_connection

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("fault", [refuse_connection, lose_reply])
@pytest.mark.parametrize(("action", "status"), [("approve", "approved"), ("decline", "declined")])
def test_the_answer_alone_is_not_believed_while_the_record_may_be_read_later(
    gateway: RecordingGateway, held: Transaction, fault: Fault, action: str, status: str
) -> None:
    gateway.faults["retrieve_transaction"] = fault
    with pytest.raises(OutcomeUnknown, match="do not bear its answer out"):
        getattr(held, action)()
    operation = Operation.objects.get(kind=f"{action}_held")
    assert (operation.state, Transaction.objects.get().status) == ("unknown", "held")
    assert operation.look_up().state == "succeeded"
    assert Transaction.objects.get().status == status
