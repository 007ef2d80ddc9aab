"""What waits is driven: rows that are marked, deletes that were not sent."""

from __future__ import annotations

from typing import Any

import pytest

from django_dinero.db import pages
from django_dinero.enums import ReasonKind
from django_dinero.exceptions import DineroError, NotSent, OutcomeUnknown
from django_dinero.gateways.types import Reason, Refusal
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.services import pull
from django_dinero.services.vault import waiting
from tests.faults import vault
from tests.support.cards import PAST, Make
from tests.support.recording import (
    RecordingGateway,
    answer,
    lose_reply,
    refuse_connection,
)

pytestmark = pytest.mark.django_db

REFUSED = answer(Refusal((Reason(ReasonKind.GATEWAY_ERROR, "E1", "no"),)))


def let_time_pass() -> None:
    for column in ("sent_at", "lease_until", "quarantine_until", "next_check_at"):
        rows = Operation.objects.filter(**{f"{column}__isnull": False})
        rows.update(**{column: PAST})


# -- Rows ----------------------------------------------------------------------------------------


def test_all_that_is_marked_is_pushed_customers_first(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    for number in range(5):
        make_customer(email=f"c{number}@example.com")
    Customer.objects.update(first_name="Ann")
    CreditCard.objects.update(zip="99999")
    mark = gateway.mark
    assert waiting.drive_pushes(gateway) == {"push_done": 10}
    assert gateway.since(mark) == ["update_customer"] * 5 + ["update_card"] * 5
    assert list(vault.differences(gateway.bank)) == []
    assert waiting.still_waiting(gateway) == {"customers": 0, "cards": 0, "deletes": 0}
    assert waiting.drive_pushes(gateway) == {}


def test_one_that_fails_is_noted_and_does_not_stop_the_others(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    for number in range(3):
        make_customer(email=f"c{number}@example.com")
    Customer.objects.update(first_name="Ann")
    gateway.faults["update_customer"] = REFUSED
    assert waiting.drive_pushes(gateway) == {"push_failed": 1, "push_done": 2}
    states = list(Customer.objects.order_by("pk").values_list("sync_state", "sync_error"))
    assert states == [("error", "no"), ("synced", ""), ("synced", "")]
    assert waiting.still_waiting(gateway)["customers"] == 1


def test_what_is_refused_again_rests_and_an_edit_does_not(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    Customer.objects.update(first_name="Ann")
    for _time in range(2):
        gateway.faults["update_customer"] = REFUSED
        assert waiting.drive_pushes(gateway) == {"push_failed": 1}
    mark = gateway.mark
    assert waiting.drive_pushes(gateway) == {"push_rests": 1}
    assert gateway.since(mark) == []
    gateway.faults["update_customer"] = REFUSED
    assert waiting.drive_pushes(gateway, patient=False) == {"push_failed": 1}
    let_time_pass()
    assert waiting.drive_pushes(gateway) == {"push_done": 1}
    Customer.objects.update(first_name="Bo")
    customer.refresh_from_db()
    customer.last_name = "Lee"
    customer.save()
    assert customer.sync_state == "synced"


def test_what_has_no_answer_waits_for_its_look_up(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    make_customer()
    Customer.objects.update(first_name="Ann")
    gateway.faults["update_customer"] = lose_reply
    assert waiting.drive_pushes(gateway) == {"push_waits": 1}
    mark = gateway.mark
    assert waiting.drive_pushes(gateway) == {"push_rests": 1}
    assert gateway.since(mark) == []
    let_time_pass()
    assert waiting.drive_pushes(gateway) == {"push_done": 1}


def test_a_gateway_that_is_out_is_not_asked_for_every_row(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        make_customer(email=f"c{number}@example.com")
    Customer.objects.update(first_name="Ann")
    mark = gateway.mark

    def out(request: Any) -> Any:
        gateway.calls.append(("update_customer", ()))
        raise NotSent("no route to host")

    monkeypatch.setattr(gateway, "update_customer", out)
    assert waiting.drive_pushes(gateway) == {"push_failed": 3, "gave_up": 1}
    assert gateway.since(mark) == ["update_customer"] * 3


def test_a_limit_leaves_the_rest(gateway: RecordingGateway, make_customer: Make) -> None:
    for number in range(3):
        make_customer(email=f"c{number}@example.com")
    Customer.objects.update(first_name="Ann")
    assert waiting.drive_pushes(gateway, 2) == {"push_done": 2}
    assert waiting.still_waiting(gateway)["customers"] == 1


def test_a_row_of_another_account_is_left_alone(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    make_customer()
    Customer.objects.update(first_name="Ann")
    Customer.objects.update_without_push(live=True)
    assert waiting.drive_pushes(gateway) == {}
    assert waiting.still_waiting(gateway)["customers"] == 0


def test_what_the_gateway_lost_is_told_as_failed(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    Customer.objects.update(first_name="Ann")
    gateway.bank.delete_customer(customer.customer_id or "")
    assert waiting.drive_pushes(gateway) == {"push_failed": 1}
    assert Customer.objects.get().sync_state == "missing"


# -- Deletes -------------------------------------------------------------------------------------


def delete(customer: Customer) -> None:
    with pytest.raises(DineroError):
        customer.delete()


def test_a_delete_that_could_not_be_sent_is_sent_later(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    gateway.faults["delete_customer"] = refuse_connection
    delete(make_customer())
    assert waiting.still_waiting(gateway)["deletes"] == 1
    assert waiting.drive_deletes(gateway) == {"delete_done": 1}
    assert list(gateway.iter_customers()) == []
    assert waiting.drive_deletes(gateway) == {}
    assert waiting.still_waiting(gateway)["deletes"] == 0


def test_a_delete_that_fails_again_waits_on_and_rests(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    gateway.faults["delete_customer"] = refuse_connection
    delete(make_customer())
    gateway.faults["delete_customer"] = refuse_connection
    assert waiting.drive_deletes(gateway) == {"delete_failed": 1}
    assert waiting.still_waiting(gateway)["deletes"] == 1
    mark = gateway.mark
    assert waiting.drive_deletes(gateway) == {}
    assert gateway.since(mark) == []
    gateway.faults["delete_customer"] = refuse_connection
    assert waiting.drive_deletes(gateway, patient=False) == {"delete_failed": 1}
    let_time_pass()
    assert waiting.drive_deletes(gateway) == {"delete_done": 1}
    assert list(gateway.iter_customers()) == []


def test_a_delete_without_an_answer_is_repeated_after_its_quarantine(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    gateway.faults["delete_customer"] = lambda call: (_ for _ in ()).throw(OutcomeUnknown("lost"))
    delete(make_customer())
    mark = gateway.mark
    assert waiting.drive_deletes(gateway) == {}
    assert (gateway.since(mark), waiting.still_waiting(gateway)["deletes"]) == ([], 1)
    let_time_pass()
    assert waiting.drive_deletes(gateway) == {"delete_done": 1}
    assert list(gateway.iter_customers()) == []


@pytest.mark.parametrize("outcome", [{"error": "stored again"}, {"code": "gateway_error"}])
def test_a_delete_that_was_called_off_or_refused_is_not_repeated(
    gateway: RecordingGateway, make_customer: Make, outcome: dict[str, str]
) -> None:
    customer = make_customer()
    Operation.objects.create(
        kind="delete_customer",
        gateway_name="default",
        live=False,
        lock_name=customer.lock_name,
        customer_id=customer.customer_id or "",
        state="failed",
        outcome=outcome,
    )
    assert waiting.drive_deletes(gateway) == {}


def test_a_delete_whose_worker_died_before_it_wrote_the_next_is_repeated_once(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    gateway.faults["delete_customer"] = refuse_connection
    delete(make_customer())
    first = Operation.objects.get(kind="delete_customer", state="failed")
    second = Operation.objects.get(kind="delete_customer", state="new")
    assert pull.record_deletion_again(first) == second
    Operation.objects.filter(pk=second.pk).delete()
    assert waiting.still_waiting(gateway)["deletes"] == 1
    assert waiting.drive_deletes(gateway) == {"delete_done": 1}


def test_a_delete_that_another_worker_has_is_left_to_it(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    gateway.faults["delete_customer"] = refuse_connection
    delete(make_customer())
    Operation.objects.filter(state="new").update(lease_until="2999-01-01T00:00:00Z")
    assert waiting.drive_deletes(gateway) == {}
    Operation.objects.filter(state="new").update(lease_until=PAST)
    assert waiting.drive_deletes(gateway) == {"delete_done": 1}
