"""The page of saved cards: only a token comes in, and nothing of a card goes out."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from html import unescape
from types import ModuleType
from typing import Any

import django
import pytest
from django.contrib.messages import get_messages
from django.db import connection, connections
from django.test import Client, RequestFactory, override_settings
from django.utils.deprecation import MiddlewareMixin

from django_dinero.enums import ReasonKind
from django_dinero.exceptions import NotSent, OutcomeUnknown
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import Reason, Refusal
from django_dinero.identifiers import KEY_LENGTH
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.models.sync_state import SyncState
from django_dinero.services.recovery import locking
from django_dinero.templatetags import dinero_wallet
from django_dinero.wallet.stored_forms import STORED
from django_dinero.wallet.wallet import Wallet
from tests.integration.wallet import urls
from tests.integration.wallet.conftest import FORM, NUMBER, add, mint
from tests.support.recording import Fault, RecordingGateway, lose_request, refuse_connection
from tests.support.recording import answer as gives

pytestmark = pytest.mark.django_db

OTHER = "5424000000000015"
#: How a page shows the end of a number; the digits alone may be those of a port.
ENDING_1111, ENDING_0015 = "</span>1111", "</span>0015"


def test_the_cards_fields_have_no_names(client: Client, gateway: RecordingGateway) -> None:
    page = client.get("/cards/").content.decode()
    fields = re.findall(r"<input[^>]*data-dinero-card=[^>]*>", page)
    assert len(fields) == 3
    assert not any(" name=" in field for field in fields)
    script = gateway.browser_script()
    assert f'<script src="{script.url}"' in page
    assert 'data-api-login-id="sandbox-login"' in page
    assert 'data-client-key="sandbox-client-key"' in page
    assert "<noscript>" in page
    # Until wallet.js hides it: without collected static files nothing else would say anything.
    assert "data-dinero-waiting>This form waits for a script of this site." in page


def errors(caplog: Any) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize(
    ("problem", "told"),
    [("no client_key", "no client_key"), ("", "the gateway has no keys for browsers")],
)
def test_without_the_gateways_keys_the_shopper_and_the_log_are_told(
    client: Client,
    gateway: RecordingGateway,
    monkeypatch: Any,
    caplog: Any,
    problem: str,
    told: str,
) -> None:
    """A script that is not in the page cannot be allowed, and loading the page again is no cure.

    The log is told once, and not by each shopper.
    """
    monkeypatch.setattr(dinero_wallet, "_told", set())
    monkeypatch.setattr(type(gateway), "browser_keys", lambda self: {})
    monkeypatch.setattr(type(gateway), "browser_script", lambda self: None)
    monkeypatch.setattr(type(gateway), "browser_problem", lambda self: problem)
    for _again in range(2):
        page = client.get("/cards/?remove=1").content.decode()
        assert "Cards cannot be entered here at the moment." in page
        assert "did not load" not in page
        assert "data-dinero-card=" not in page
    assert errors(caplog) == [f"default: a shopper's page can take no card: {told}"]


def test_a_problem_with_keys_is_told_too(
    client: Client, gateway: RecordingGateway, monkeypatch: Any, caplog: Any
) -> None:
    """As of an endpoint whose environment nobody has named."""
    monkeypatch.setattr(dinero_wallet, "_told", set())
    monkeypatch.setattr(type(gateway), "browser_problem", lambda self: "no environment")
    client.get("/cards/")
    assert errors(caplog) == ["default: a shopper's page can take no card: no environment"]


def test_keys_without_a_script_leave_the_form_to_the_projects_own(
    client: Client, gateway: RecordingGateway, monkeypatch: Any, caplog: Any
) -> None:
    monkeypatch.setattr(dinero_wallet, "_told", set())
    monkeypatch.setattr(type(gateway), "browser_script", lambda self: None)
    page = client.get("/cards/").content.decode()
    assert 'data-unavailable="Cards cannot be entered here at the moment."' in page
    assert "data-dinero-card=" in page
    assert not errors(caplog)


def test_a_token_becomes_a_card(client: Client, gateway: RecordingGateway, shopper: Any) -> None:
    answer = client.post("/cards/", {**FORM, "token": mint(gateway)})
    assert (answer.status_code, answer["Location"]) == (302, "/cards/")
    card = CreditCard.objects.get()
    assert (card.last_4, card.first_name, card.zip) == ("1111", "Bill", "12345")
    assert (card.customer.owner, card.customer.email) == (shopper, "bill@example.com")
    client.post("/cards/", {**FORM, "key": "C" * 20, "token": mint(gateway, "5424000000000015")})
    assert Customer.objects.count() == 1
    page = client.get("/cards/").content.decode()
    assert page.index(ENDING_1111) < page.index(ENDING_0015)  # the default one stands first


def test_a_card_that_is_saved_already(client: Client, gateway: RecordingGateway) -> None:
    client.post("/cards/", {**FORM, "token": mint(gateway)})
    answer = client.post("/cards/", {**FORM, "key": "D" * 20, "token": mint(gateway)})
    assert "This card is saved already." in answer.content.decode()
    assert CreditCard.objects.count() == 1


def test_one_card_is_marked_as_the_default_one(
    client: Client, wallet: Wallet, gateway: RecordingGateway, shopper: Any
) -> None:
    """Each of a user's customers has a default card; one of them is chosen beforehand."""
    add(wallet, gateway)
    second = Customer.objects.create(email="bill@example.com", owner=shopper)
    second.add_card(number="5424000000000015", month=12, year=2040, zip="12345")
    cards = Wallet(shopper).cards
    assert [card.is_default for card in cards] == [True, True]
    page = client.get("/cards/").content.decode()
    assert page.count("dinero-badge") == 1
    places = [page.index(text) for text in (ENDING_1111, "dinero-badge", ENDING_0015)]
    assert places == sorted(places)


def test_a_new_card_goes_to_the_customer_that_the_cards_are_at(
    client: Client, gateway: RecordingGateway, shopper: Any
) -> None:
    """Whichever is older: the default card stays the default one."""
    Customer.create("a@b.de", owner=shopper)
    used = Customer.create("bill@shop.example", owner=shopper)
    first = used.add_card(number=NUMBER, month=12, year=2040, zip="12345")
    client.post("/cards/", {**FORM, "token": mint(gateway, OTHER)})
    assert {card.customer for card in CreditCard.objects.all()} == {used}
    cards = Wallet(shopper).cards
    assert (cards[0], len(cards)) == (first, 2)
    page = client.get("/cards/").content.decode()
    assert page.count("dinero-badge") == 1
    places = [page.index(text) for text in (ENDING_1111, "dinero-badge", ENDING_0015)]
    assert places == sorted(places)


def test_of_customers_with_cards_the_one_with_a_default_card_gets_the_new_one(
    wallet: Wallet, gateway: RecordingGateway, shopper: Any
) -> None:
    first, second = (Customer.create(f"{name}@b.de", owner=shopper) for name in "ac")
    for customer in (first, second):
        customer.add_card(number=NUMBER, month=12, year=2040, zip="12345")
    first.cards.update(default_of=None)
    assert wallet.customer == second
    assert add(wallet, gateway, OTHER).customer == second
    second.cards.update(sync_state=SyncState.MISSING)
    assert Wallet(shopper).customer == first


def test_what_is_missing_is_said_in_words(client: Client, gateway: RecordingGateway) -> None:
    page = client.get("/cards/").content.decode()
    for text in (
        "Enter the card number.",
        "Enter the first name on the card.",
        "Enter the last name on the card.",
        "Enter the postal code.",
    ):
        assert f'data-missing="{text}"' in page
    nameless = {**FORM, "token": mint(gateway), "first_name": ""}
    shown = client.post("/cards/", nameless).content.decode()
    assert ">Enter the first name on the card.</p>" in shown


def test_the_same_form_twice_makes_one_customer(client: Client, gateway: RecordingGateway) -> None:
    gateway.faults["add_card"] = lose_request
    client.post("/cards/", {**FORM, "token": mint(gateway)})
    client.post("/cards/", {**FORM, "token": mint(gateway)})
    assert Customer.objects.count() == 1
    assert gateway.verbs.count("create_customer") == 1


def test_a_form_that_is_sent_again_leads_on_as_before(
    client: Client, gateway: RecordingGateway
) -> None:
    """As by a reload: its token is spent, and a decline would be counted."""
    token = mint(gateway)
    for _again in range(3):
        answer = client.post("/cards/?next=/pay/A-1/", {**FORM, "token": token})
        assert (answer.status_code, answer["Location"]) == (302, "/pay/A-1/")
    assert gateway.verbs.count("add_card") == 1
    assert CreditCard.objects.count() == 1
    another = client.post("/cards/", {**FORM, "key": "C" * 20, "token": token})
    assert another.status_code == 402


def test_a_form_that_is_sent_again_is_counted_once(
    client: Client, gateway: RecordingGateway, settings: Any
) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {"dinero-store": "1/hour"}}
    form = {**FORM, "token": mint(gateway)}
    for _again in range(2):
        assert client.post("/cards/", form).status_code == 302
    another = {**FORM, "key": "C" * 20, "token": mint(gateway, OTHER)}
    assert client.post("/cards/", another).status_code == 429


def test_another_card_from_the_same_form_is_saved_too(
    client: Client, gateway: RecordingGateway
) -> None:
    """A browser that goes back shows the page as it was: with its key, for a token of another."""
    for number in (NUMBER, OTHER):
        answer = client.post("/cards/", {**FORM, "token": mint(gateway, number)})
        assert (answer.status_code, answer["Location"]) == (302, "/cards/")
    assert [card.last_4 for card in CreditCard.objects.order_by("pk")] == ["1111", "0015"]
    assert said(answer) == ["Visa •••• 1111 was saved.", "Mastercard •••• 0015 was saved."]


def test_no_token_stays_in_the_session(client: Client, gateway: RecordingGateway) -> None:
    token = mint(gateway)
    client.post("/cards/", {**FORM, "token": token})
    kept = client.session[STORED]
    assert [len(form) for form in kept] == [KEY_LENGTH]
    assert not {token, FORM["key"]} & set(kept)


def test_a_form_is_known_after_a_change_of_the_secret_key(
    client: Client, gateway: RecordingGateway, shopper: Any, settings: Any
) -> None:
    form = {**FORM, "token": mint(gateway)}
    client.post("/cards/", form)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "new" * 20
    assert client.post("/cards/", form).status_code == 302
    assert gateway.verbs.count("add_card") == 1


def test_a_form_that_is_sent_again_meanwhile_is_told_so(
    client: Client, wallet: Wallet, gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "CARDS_PATIENCE", 0.0)
    wallet.add_card(mint(gateway, OTHER), key="B" * 20, zip="12345")
    form = {**FORM, "token": mint(gateway)}
    answers = []

    def send_again(store: Callable[[], Any]) -> Any:
        answers.append(client.post("/cards/", form))
        return store()

    gateway.faults["add_card"] = send_again
    assert client.post("/cards/", form).status_code == 302
    assert answers[0].status_code == 402
    assert "This is being worked on already." in answers[0].content.decode()
    assert client.post("/cards/", form).status_code == 302
    assert gateway.verbs.count("add_card") == 2


def test_without_sessions_no_form_is_remembered(
    wallet: Wallet, gateway: RecordingGateway, shopper: Any
) -> None:
    request = RequestFactory().post("/cards/", {**FORM, "token": mint(gateway)})
    request.user = shopper
    assert urls.Cards.as_view()(request).status_code == 302
    assert CreditCard.objects.count() == 1


def test_two_tabs_with_a_first_card_show_both(
    client: Client, wallet: Wallet, gateway: RecordingGateway, shopper: Any
) -> None:
    """Each has a form of its own, and saw no customer."""
    rival = Wallet(shopper)
    assert rival.cards == wallet.cards == []
    first = add(wallet, gateway)
    second = rival.add_card(mint(gateway, "5424000000000015"), key="D" * 20, zip="12345")
    assert Customer.objects.count() == 1
    assert gateway.verbs.count("create_customer") == 1
    page = client.get("/cards/").content.decode()
    assert "1111" in page
    assert "0015" in page
    later = Wallet(shopper)
    assert later.pay("5", order_reference="B-1", card=second.public_id).is_paid
    later.remove_card(second.public_id)
    assert later.cards == [first]


def test_the_cards_are_read_once_however_many_customers_have_them(
    wallet: Wallet, gateway: RecordingGateway, shopper: Any, django_assert_num_queries: Any
) -> None:
    rival, later = Wallet(shopper), Wallet(shopper)
    assert rival.cards == wallet.cards == []
    first = add(wallet, gateway)
    second = rival.add_card(mint(gateway, "5424000000000015"), key="D" * 20, zip="12345")
    with django_assert_num_queries(2):
        for _time in range(3):
            assert later.cards == [first, second]
            assert later.card(second.public_id) == second
    third = add(later, gateway, "4007000000027")
    assert {card.pk for card in later.cards} == {first.pk, second.pk, third.pk}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("/pay/A-1/", "/pay/A-1/"),
        ("//evil.example/", "/cards/"),
        ("https://evil.example/", "/cards/"),
        ("javascript:alert(1)", "/cards/"),
        ("", "/cards/"),
    ],
)
def test_a_card_leads_back_to_this_site_alone(
    client: Client, gateway: RecordingGateway, asked: str, expected: str
) -> None:
    answer = client.post("/cards/", {**FORM, "token": mint(gateway)}, query_params={"next": asked})
    assert answer["Location"] == expected


def test_a_card_leads_back_to_what_the_page_is_about(
    client: Client, gateway: RecordingGateway
) -> None:
    asked = {"shop": "7", "next": "//evil.example/", "remove": "x", "n": NUMBER}
    answer = client.post("/cards/", {**FORM, "token": mint(gateway)}, query_params=asked)
    assert answer["Location"] == "/cards/?shop=7"


def test_a_decline_is_told_and_the_form_keeps_what_was_typed(
    client: Client, gateway: RecordingGateway
) -> None:
    token = mint(gateway)
    answer = client.post("/cards/", {**FORM, "zip": "46282", "token": token})
    page = answer.content.decode()
    assert answer.status_code == 402
    assert "The card was declined." in page
    assert 'value="46282"' in page
    assert token not in page
    assert FORM["key"] not in page  # the next attempt is another one
    assert CreditCard.objects.count() == 0


def test_without_a_token_nothing_is_sent(client: Client, gateway: RecordingGateway) -> None:
    mark = gateway.mark
    answer = client.post("/cards/", FORM)
    assert answer.status_code == 422
    assert "The card was not sent." in answer.content.decode()
    assert gateway.since(mark) == []


def test_what_is_too_long_is_told_at_its_field(client: Client, gateway: RecordingGateway) -> None:
    answer = client.post("/cards/", {**FORM, "zip": "1" * 21, "token": mint(gateway)})
    assert answer.status_code == 422
    assert "at most 20 characters" in answer.content.decode()


@pytest.mark.parametrize(
    "posted",
    [
        {"number": NUMBER},
        {"cvv": "900"},
        {"first_name": NUMBER},
        {"zip": "4111 1111 1111 1111"},
        {"anything": f"x {NUMBER} y"},
    ],
)
@pytest.mark.parametrize("address", ["/cards/", "/pay/A-1/", "/bare/"])
def test_a_number_that_is_posted_all_the_same_is_refused(
    client: Client, gateway: RecordingGateway, posted: dict[str, str], address: str
) -> None:
    mark = gateway.mark
    answer = client.post(address, {**FORM, "token": mint(gateway), **posted})
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "was not kept" in page
    assert f'<a href="{address}">Open the page anew.</a>' in page
    assert answer["Content-Type"].startswith("text/html")
    assert "4111" not in page
    assert gateway.since(mark) == []
    assert not Operation.objects.exists()


def test_a_number_in_a_wrong_field_is_told_there_and_the_rest_of_the_form_stays(
    client: Client, gateway: RecordingGateway
) -> None:
    posted = {**FORM, "token": mint(gateway), "first_name": NUMBER, "city": "Bristol"}
    answer = client.post(f"/cards/?next=/pay/A-1/&remove=x&q={NUMBER}", posted)
    page, form = answer.content.decode(), answer.context["form"]
    assert list(form.errors) == ["first_name"]
    assert form.errors["first_name"] == [
        "This looked like a card number and was removed; it has a field of its own."
    ]
    assert 'value="Bristol"' in page
    assert 'href="/cards/?next=%2Fpay%2FA-1%2F">Open the page anew.' in page
    assert NUMBER not in page
    assert FORM["key"] not in page


def test_a_number_of_somebody_who_is_not_signed_in_goes_no_further(
    gateway: RecordingGateway,
) -> None:
    answer = Client().post("/cards/", {**FORM, "first_name": NUMBER})
    assert answer["Location"] == "/sign-in/?next=/cards/"


def test_removing_a_card(client: Client, wallet: Wallet, gateway: RecordingGateway) -> None:
    card = add(wallet, gateway)
    for _again in range(2):
        answer = client.post("/cards/", {"remove": str(card.public_id)})
        assert answer.status_code == 302
    assert CreditCard.objects.count() == 0
    assert gateway.verbs.count("delete_card") == 1
    assert client.post("/cards/", {"remove": "nonsense"}).status_code == 302


def test_it_is_asked_before_a_card_is_removed(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    """By a link and a form, without a script."""
    add(wallet, gateway)
    card = wallet.add_card(mint(gateway, OTHER), first_name="Bill", zip="12345")
    page = client.get("/cards/?next=/pay/A-1/").content.decode()
    assert 'name="remove"' not in page
    asked = re.search(rf'href="([^"#]*{card.public_id})#', page)
    assert asked is not None
    address = unescape(asked[1])
    question = client.get(address).content.decode()
    assert "Remove this card?" in question
    assert ENDING_0015 in question
    assert ENDING_1111 not in question
    assert f'name="remove" value="{card.public_id}"' in question
    assert 'href="/cards/?next=%2Fpay%2FA-1%2F">Keep card</a>' in question
    assert "delete_card" not in gateway.verbs
    answer = client.post(address, {"remove": str(card.public_id)})
    assert answer["Location"] == "/cards/?next=%2Fpay%2FA-1%2F"
    assert said(answer) == ["Mastercard •••• 0015 was removed."]
    assert "1111" in client.get("/cards/").content.decode()


@pytest.mark.parametrize("asked", ["nonsense", "", NUMBER, "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"])
def test_a_question_about_no_card_shows_the_cards(
    client: Client, wallet: Wallet, gateway: RecordingGateway, asked: str
) -> None:
    add(wallet, gateway)
    page = client.get("/cards/", {"remove": asked}).content.decode()
    assert "Remove this card?" not in page
    assert "dinero-cards" in page
    assert NUMBER not in page


@pytest.mark.parametrize("fault", [lose_request, refuse_connection])
def test_a_card_is_removed_before_the_gateway_has_confirmed_it(
    client: Client, wallet: Wallet, gateway: RecordingGateway, fault: Fault
) -> None:
    """The delete is sent again by itself: the shopper has nothing to repeat."""
    card = add(wallet, gateway)
    gateway.faults["delete_card"] = fault
    answer = client.post("/cards/", {"remove": str(card.public_id)})
    assert (answer.status_code, answer["Location"]) == (302, "/cards/")
    assert said(answer) == ["Visa •••• 1111 was removed."]
    assert Operation.objects.filter(kind="delete_card", state__in=("new", "unknown")).exists()


def test_a_wallet_knows_what_it_has_removed_whatever_the_gateway_answers(
    wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway)
    gateway.faults["delete_card"] = lose_request
    with pytest.raises(OutcomeUnknown):
        wallet.remove_card(card.public_id)
    assert wallet.cards == []


def test_a_card_that_is_not_removed_is_told_as_such(
    client: Client, wallet: Wallet, gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = add(wallet, gateway)

    def fail(self: CreditCard) -> None:
        raise NotSent("The database failed; nothing was sent.")

    monkeypatch.setattr(CreditCard, "delete", fail)
    answer = client.post("/cards/", {"remove": str(card.public_id)})
    assert answer.status_code == 502
    page = answer.content.decode()
    assert "Nothing reached the payment gateway; try again." in page
    assert ENDING_1111 in page
    assert said(answer) == []


def test_a_removal_that_the_gateway_refuses_is_told(
    client: Client, wallet: Wallet, gateway: RecordingGateway
) -> None:
    card = add(wallet, gateway)
    refusal = Refusal((Reason(ReasonKind.GATEWAY_ERROR, "E00001", "An error occurred."),))
    gateway.faults["delete_card"] = gives(refusal)
    answer = client.post("/cards/", {"remove": str(card.public_id)})
    assert answer.status_code == 502
    assert "The payment gateway refused it." in answer.content.decode()
    assert said(answer) == []


def test_a_bug_among_the_errors_of_a_removal_is_no_removal(
    client: Client, wallet: Wallet, gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = add(wallet, gateway)

    def fail(self: CreditCard) -> None:
        raise ExceptionGroup("two pushes", [NotSent("refused"), RuntimeError("a bug")])

    monkeypatch.setattr(CreditCard, "delete", fail)
    with pytest.raises(ExceptionGroup):
        client.post("/cards/", {"remove": str(card.public_id)})


def test_what_was_saved_is_said_where_the_project_has_messages(
    client: Client, gateway: RecordingGateway, settings: Any
) -> None:
    answer = client.post("/cards/", {**FORM, "token": mint(gateway)})
    assert said(answer) == ["Visa •••• 1111 was saved."]
    ours = "django.contrib.messages.middleware.MessageMiddleware"
    settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if each != ours]
    again = {**FORM, "key": "C" * 20, "token": mint(gateway, OTHER)}
    assert client.post("/cards/", again).status_code == 302


def said(answer: Any) -> list[str]:
    """The messages for the next page."""
    return [str(each) for each in get_messages(answer.wsgi_request)]


def test_a_card_of_somebody_else_stays(
    client: Client, gateway: RecordingGateway, django_user_model: Any
) -> None:
    other = Wallet(django_user_model.objects.create_user("ada", "ada@example.com"))
    card = add(other, gateway)
    asked = client.get("/cards/", {"remove": str(card.public_id)}).content.decode()
    assert "Remove this card?" not in asked
    client.post("/cards/", {"remove": str(card.public_id)})
    assert CreditCard.objects.count() == 1
    assert ENDING_1111 not in client.get("/cards/").content.decode()


def test_whoever_is_not_signed_in_is_sent_to_do_so(gateway: RecordingGateway) -> None:
    answer = Client().get("/cards/")
    assert answer["Location"] == "/sign-in/?next=/cards/"


def test_the_view_runs_outside_any_transaction(
    client: Client, gateway: RecordingGateway, settings: Any
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
        answer = client.post("/cards/", {**FORM, "token": mint(gateway)})
    assert answer.status_code == 302


# -- Headers ---------------------------------------------------------------------------------------


def policy_of(answer: Any) -> dict[str, str]:
    parts = answer["Content-Security-Policy"].split("; ")
    return dict(part.split(" ", 1) for part in parts)


def test_only_this_site_and_the_gateway_have_scripts_here(
    client: Client, gateway: RecordingGateway
) -> None:
    answer = client.get("/cards/")
    policy, host = policy_of(answer), gateway.browser_script().connects_to[0]
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == f"'self' {host}"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Frame-Options"] == "DENY"


class PolicyMiddleware(MiddlewareMixin):
    """Writes a policy as django-csp does: it takes directives from the response."""

    def process_response(self, request: Any, response: Any) -> Any:
        policy = {
            "img-src": ["*"],
            "report-uri": ["/told/"],
            **getattr(response, "_csp_replace", {}),
        }
        if "Content-Security-Policy" not in response:
            written = "; ".join(f"{name} {' '.join(values)}" for name, values in policy.items())
            response["Content-Security-Policy"] = written
        return response


class OwnPolicies(PolicyMiddleware):
    """A project's own, made from it."""


@pytest.mark.parametrize("name", ["PolicyMiddleware", "OwnPolicies"])
def test_a_middleware_for_such_headers_gets_ours(
    client: Client,
    gateway: RecordingGateway,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    package, module = ModuleType("csp"), ModuleType("csp.middleware")
    module.CSPMiddleware = PolicyMiddleware  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "csp", package)
    monkeypatch.setitem(sys.modules, "csp.middleware", module)
    settings.MIDDLEWARE = [f"{__name__}.{name}", *settings.MIDDLEWARE]
    policy = policy_of(client.get("/cards/"))
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == "'self' data:"
    assert policy["report-uri"] == "/told/"


def csp_of_another_kind(get_response: Any) -> Any:
    """A middleware that has the letters in its name, and writes no policy."""
    return get_response


def test_a_middleware_with_such_a_name_does_not_switch_it_off(
    client: Client, gateway: RecordingGateway, settings: Any
) -> None:
    settings.MIDDLEWARE = [f"{__name__}.csp_of_another_kind", *settings.MIDDLEWARE]
    assert policy_of(client.get("/cards/"))["default-src"] == "'none'"


def test_a_page_without_the_form_lets_in_this_site_alone(
    client: Client, gateway: RecordingGateway
) -> None:
    policy = policy_of(client.get("/pay/A-1/"))
    assert policy["script-src"] == policy["connect-src"] == "'self'"


@pytest.mark.skipif(django.VERSION < (6, 0), reason="Django has the middleware from 6.0 on")
@pytest.mark.parametrize("policy", [{"img-src": ["*"]}, {}])
def test_djangos_own_middleware(
    client: Client, gateway: RecordingGateway, settings: Any, policy: dict[str, list[str]]
) -> None:
    ours = "django.middleware.csp.ContentSecurityPolicyMiddleware"
    settings.MIDDLEWARE = [ours, *settings.MIDDLEWARE]
    settings.SECURE_CSP = policy
    found = policy_of(client.get("/cards/"))
    assert found["default-src"] == "'none'"
    assert found["img-src"] == "'self' data:"
    assert gateway.browser_script().connects_to[0] in found["script-src"]


# -- Somebody without an e-mail address ------------------------------------------------------------


def test_who_has_no_address_is_asked_for_one(client: Client, shopper: Any) -> None:
    gateway = get_gateway()
    assert isinstance(gateway, RecordingGateway)
    assert 'name="email"' not in client.get("/cards/").content.decode()
    type(shopper).objects.update(email="")
    assert 'name="email"' in client.get("/cards/").content.decode()
    response = client.post("/cards/", {**FORM, "token": mint(gateway)})
    assert response.status_code == 422
    assert set(response.context["form"].errors) == {"email"}
    given = {**FORM, "token": mint(gateway), "email": "bill@home.example"}
    assert client.post("/cards/", given).status_code == 302
    assert Customer.objects.get().email == "bill@home.example"
    assert 'name="email"' not in client.get("/cards/").content.decode(), "the customer has it"
    another = {**FORM, "key": "C" * 20, "token": mint(gateway, OTHER)}
    assert client.post("/cards/", another).status_code == 302


def test_who_has_an_address_keeps_it(client: Client, gateway: RecordingGateway) -> None:
    given = {**FORM, "token": mint(gateway), "email": "another@home.example"}
    assert client.post("/cards/", given).status_code == 302
    assert Customer.objects.get().email == "bill@example.com"


# -- A replica that is behind ----------------------------------------------------------------------


class Router:
    """Reads from a replica."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "replica"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"


@pytest.fixture
def replica() -> Iterator[None]:
    """A database that nothing can be read from."""

    def refuse() -> None:
        raise AssertionError("The replica was asked.")

    found = connection.copy("replica")
    found.ensure_connection = refuse  # type: ignore[method-assign]
    connections["replica"] = found
    yield
    del connections["replica"]


def test_cards_are_read_where_they_are_written(
    wallet: Wallet, gateway: RecordingGateway, shopper: Any, replica: None
) -> None:
    def seen(by: Wallet) -> list[CreditCard]:
        with override_settings(DATABASE_ROUTERS=[f"{__name__}.Router"]):
            return by.cards

    first = add(wallet, gateway)
    assert seen(wallet) == seen(Wallet(shopper)) == [first]
    second = wallet.add_card(mint(gateway, OTHER), first_name="Bill", zip="12345")
    assert seen(wallet) == seen(Wallet(shopper)) == [first, second]
    wallet.remove_card(first.public_id)
    assert seen(wallet) == seen(Wallet(shopper)) == [second]


def test_a_year_has_no_separator(
    client: Client, wallet: Wallet, gateway: RecordingGateway, settings: Any
) -> None:
    settings.USE_THOUSAND_SEPARATOR = True
    add(wallet, gateway)
    assert re.search(r"expires \d\d/20\d\d<", client.get("/cards/").content.decode())
