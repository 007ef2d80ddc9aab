"""Planted numbers and CVVs are in no page, message, session, log or row, whatever goes wrong."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.views.debug import ExceptionReporter

from django_dinero.exceptions import OutcomeUnknown
from django_dinero.models import Customer, Transaction
from tests.integration.admin.access import PAGES, address_of
from tests.integration.admin.pages import charge, messages, new_card, url
from tests.support import sinks
from tests.support.digits import with_check_digit
from tests.support.recording import RecordingGateway, lose_reply, refuse_connection

pytestmark = pytest.mark.django_db

NUMBER = "4012888818888"
MALFORMED = "4012888818889"
VISA = "4111111111111111"
CVV = "0738"
SECRETS = [NUMBER, MALFORMED, CVV]


@pytest.fixture
def quiet(root: Client) -> Client:
    """A client that gets the page of a server error instead of the exception."""
    root.raise_request_exception = False
    return root


def explode(call: Any) -> Any:
    raise ValueError(f"bad value {NUMBER} {CVV} in request")


def break_off(self: RecordingGateway, request: object) -> None:
    raise RuntimeError("broken before sending")


def ends(gateway: RecordingGateway) -> list[Any]:
    """What happens to the next call, one after another."""
    return [None, explode, lose_reply, refuse_connection]


def test_no_secret_of_a_new_card_is_found_anywhere(
    quiet: Client, customer: Customer, gateway: RecordingGateway
) -> None:
    address = url("customer_add_card", customer.pk)
    seen: list[str] = []
    posts = [
        new_card(MALFORMED, cvv=CVV),
        new_card(NUMBER, cvv=CVV, month="13"),
        new_card(NUMBER, cvv=CVV, first_name=NUMBER),
        new_card(NUMBER, cvv=CVV, year=NUMBER),
        new_card(NUMBER, cvv=CVV, key=NUMBER),
    ]
    with sinks.every_log() as logs:
        for posted in posts:
            response = quiet.post(address, posted)
            assert response.status_code == 200
            seen += [response.content.decode(), *messages(response)]
        for fault in ends(gateway):
            if fault is not None:
                gateway.faults["add_card"] = fault
            response = quiet.post(address, new_card(NUMBER, cvv=CVV))
            seen += [response.content.decode(), *messages(response)]
            seen.append(quiet.get(address).content.decode())
    assert sinks.found("\n".join(seen), SECRETS) == []
    assert sinks.found(logs.getvalue(), [NUMBER, MALFORMED]) == []
    assert sinks.found(repr(dict(quiet.session)), SECRETS) == []
    assert sinks.found(sinks.every_row(), SECRETS) == []


def test_no_cvv_of_a_charge_is_found_anywhere(
    quiet: Client, customer: Customer, gateway: RecordingGateway
) -> None:
    address = url("creditcard_charge", customer.cards[0].pk)
    seen: list[str] = []
    with sinks.every_log() as logs:
        for fault in ends(gateway):
            if fault is not None:
                gateway.faults["charge"] = fault
            for given in ({}, {"price": "x"}, {"description": NUMBER}):
                posted = charge("1.00", cvv=CVV) | given
                response = quiet.post(address, posted)
                seen += [response.content.decode(), *messages(response)]
    assert sinks.found("\n".join(seen), SECRETS) == []
    assert sinks.found(logs.getvalue(), [NUMBER]) == []
    assert sinks.found(sinks.every_row(), SECRETS) == []


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("page", ["add", "charge"])
@pytest.mark.parametrize("shape", ["urlencoded", "multipart"])
def test_the_page_and_the_mail_of_a_server_error(
    quiet: Client,
    customer: Customer,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    mailoutbox: list[Any],
    debug: bool,
    page: str,
    shape: str,
) -> None:
    settings.DEBUG = debug
    settings.ADMINS = [("Anna", "anna@example.com")]
    monkeypatch.setattr(RecordingGateway, "check_request", break_off)
    if page == "add":
        address = url("customer_add_card", customer.pk)
        posted = new_card(NUMBER, cvv=CVV, company="Acme")
    else:
        address = url("creditcard_charge", customer.cards[0].pk)
        posted = charge(cvv=CVV, description="Acme", number=NUMBER)
    with sinks.every_log() as logs:
        if shape == "multipart":
            response = quiet.post(address, posted)
        else:
            body = "&".join(f"{name}={value}" for name, value in posted.items())
            response = quiet.post(address, body, "application/x-www-form-urlencoded")
    assert response.status_code == 500
    report = response.content.decode() + "".join(mail.body for mail in mailoutbox)
    report += "".join(str(mail.alternatives) for mail in mailoutbox)
    if debug:
        assert "broken before sending" in report
        assert "Acme" in report
    else:
        assert "broken before sending" in report
        assert "Acme" not in report
    assert sinks.found(report, SECRETS) == []
    assert sinks.found(logs.getvalue(), [NUMBER]) == []


def test_what_an_error_reporter_can_read_of_the_request(
    quiet: Client, customer: Customer, gateway: RecordingGateway, settings: Any
) -> None:
    settings.DEBUG = True
    gateway.faults["add_card"] = lose_reply
    body = "&".join(f"{k}={v}" for k, v in new_card(NUMBER, cvv=CVV).items())
    response = quiet.post(
        url("customer_add_card", customer.pk), body, "application/x-www-form-urlencoded"
    )
    request = response.wsgi_request
    reporter = ExceptionReporter(request, OutcomeUnknown, OutcomeUnknown("lost"), None)
    assert sinks.found(reporter.get_traceback_text(), SECRETS) == []
    assert sinks.found(repr(request.POST) + repr(request.body), SECRETS) == []
    assert request.POST["number"] == "[secret]"


# -- Numbers where none belong -------------------------------------------------------------------


def test_a_number_in_a_customers_name_is_not_shown_again(quiet: Client, customer: Customer) -> None:
    posted = {"email": "", "first_name": NUMBER, "last_name": "Bloggs"}
    response = quiet.post(url("customer_change", customer.pk), posted)
    assert response.status_code == 302
    assert "Nothing was saved" in messages(response)[0]
    assert sinks.found(response.content.decode() + messages(response)[0], SECRETS) == []
    customer.refresh_from_db()
    assert customer.first_name == "Bill"


@pytest.mark.parametrize("name", ["customer", "creditcard", "transaction", "operation"])
def test_a_number_in_the_search_box_is_not_shown_again(quiet: Client, name: str) -> None:
    response = quiet.get(url(f"{name}_changelist"), {"q": "4012 8888 8888 1881"})
    assert response["Location"] == url(f"{name}_changelist")
    assert "Search by the last four digits" in messages(response)[0]


@pytest.mark.parametrize("name", ["customer", "creditcard", "transaction", "operation"])
def test_a_number_in_an_address_is_neither_shown_nor_searched_for(quiet: Client, name: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        filtered = quiet.get(url(f"{name}_changelist"), {"gateway_name": NUMBER, "status": VISA})
        opened = quiet.get(url(f"{name}_change", VISA))
    assert filtered["Location"] == url(f"{name}_changelist")
    assert "Search by the last four digits" in messages(filtered)[0]
    assert opened.status_code == 302
    assert "[secret]" in messages(opened)[-1]
    told = [str(queries.captured_queries), *messages(opened), opened.content.decode()]
    assert sinks.found("\n".join(told), [VISA]) == []


def test_a_browser_keeps_no_name_that_staff_typed(quiet: Client, customer: Customer) -> None:
    page = quiet.get(url("customer_change", customer.pk)).content.decode()
    for name in ("email", "first_name", "last_name"):
        (field,) = re.findall(rf'<input[^>]* name="{name}"[^>]*>', page)
        assert 'autocomplete="off"' in field


@pytest.mark.parametrize(
    "typed", ["4012888888881881", "4012 8888 8888 1881", "4012:8888:8888:1881"]
)
@pytest.mark.parametrize(
    "name",
    [
        *("q", "created_from", "created_to", "price_from", "price_to", "currency"),
        *(
            "gateway_name",
            "live",
            "todo",
            "status__exact",
            "order_reference",
            "_changelist_filters",
        ),
    ],
)
def test_a_number_in_a_filter_is_not_shown_again(quiet: Client, name: str, typed: str) -> None:
    for page in ("changelist", "export"):
        response = quiet.get(url(f"transaction_{page}"), {name: typed})
        assert response["Location"] == url("transaction_changelist")
        assert "last four digits" in messages(response)[0]
        assert typed not in response.content.decode()


#: Every page, and the parameters that some of them show again or look for.
ASKED = ("first_name", "email", "address", "row", "_to_field", "_popup", "mode")


def test_a_number_in_the_address_of_any_page_is_not_shown_again(
    quiet: Client, rows: dict[str, Any], subtests: pytest.Subtests
) -> None:
    for page in PAGES:
        with subtests.test(page):
            model = page.partition("_")[0]
            address = url(page) if page == "overview" else address_of(page, rows).partition("?")[0]
            with sinks.every_log() as logs:
                seen = [quiet.get(address, {name: VISA}) for name in ASKED]
                seen.append(quiet.get(address, {"_changelist_filters": f"currency={VISA}"}))
                twice = f"_changelist_filters={VISA}"
                seen.append(quiet.get(address, {"_changelist_filters": twice}))
            if page != "overview":
                assert {answer["Location"] for answer in seen} == {url(f"{model}_changelist")}
            told = [answer.content.decode() for answer in seen] + [*map(str, messages(seen[-1]))]
            assert sinks.found("\n".join([*told, logs.getvalue()]), [VISA]) == []


def test_nobody_who_is_not_signed_in_is_shown_a_number_again(client: Client, db: None) -> None:
    answer = client.get(url("customer_add"), {"first_name": VISA})
    assert VISA not in answer["Location"]


@pytest.mark.parametrize("page", [page for page in PAGES if page.endswith(("_change", "_delete"))])
def test_a_number_that_is_posted_as_a_field_is_not_written_down(
    quiet: Client, rows: dict[str, Any], page: str
) -> None:
    with sinks.every_log() as logs:
        answer = quiet.post(address_of(page, rows), {"_to_field": VISA, "post": "yes"})
    assert answer.status_code in (302, 400)
    assert sinks.found(logs.getvalue() + answer.content.decode(), [VISA]) == []


@pytest.mark.parametrize("page", [name for name, page in PAGES.items() if page.of_row])
def test_a_number_in_place_of_a_key_is_not_looked_for(quiet: Client, page: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        answer = quiet.get(url(page, VISA), follow=True)
    told = [str(queries.captured_queries), answer.content.decode()]
    assert sinks.found("\n".join(told), [VISA]) == []


def test_the_list_beside_a_field_looks_for_no_number(quiet: Client) -> None:
    customers = admin.site.get_model_admin(Customer)
    found, _twice = customers.get_search_results(None, Customer.objects.all(), VISA)  # type: ignore[arg-type]
    assert found.query.is_empty()


def test_the_one_time_key_is_of_no_address(quiet: Client) -> None:
    page = quiet.get(url("customer_add"), {"key": "A" * 20, "first_name": "Ann"}).content.decode()
    assert 'value="Ann"' in page
    assert "A" * 20 not in page


def test_a_page_is_reached_from_a_search_for_an_order(quiet: Client, rows: dict[str, Any]) -> None:
    order = with_check_digit("402600012345")
    kept = {"_changelist_filters": f"q={order}"}
    page = quiet.get(url("transaction_change", rows["transaction"].pk), kept)
    assert page.status_code == 200


def test_many_keys_in_an_address_are_no_card_number(quiet: Client) -> None:
    many = ",".join(["77777777"] * 1000)
    assert quiet.get(url("transaction_changelist"), {"id__in": many}).status_code == 200


def test_numbers_of_another_kind_are_taken(
    quiet: Client, customer: Customer, gateway: RecordingGateway
) -> None:
    mobile = f"+{with_check_digit('491511234567')}"
    order = with_check_digit("402600012345")
    posted = new_card(phone=mobile, fax=mobile)
    assert quiet.post(url("customer_add_card", customer.pk), posted).status_code == 302
    card = customer.cards[1]
    assert (card.phone, card.fax) == (mobile, mobile)
    quiet.post(url("creditcard_charge", card.pk), charge(order_reference=order))
    assert Transaction.objects.get().order_reference == order
    found = quiet.get(url("transaction_changelist"), {"q": order})
    assert found.status_code == 200
    assert [row.order_reference for row in found.context["cl"].result_list] == [order]
