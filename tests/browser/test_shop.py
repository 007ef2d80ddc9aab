"""The shop as a shopper uses it: cards, a decline, paying once, what the bank asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.http.server import SandboxServer
from tests.browser.playwright import DARK, PHONE, Visit
from tests.browser.shopper import ASKING, BAD_ZIP, DECLINED, GOOD, Shopper
from tests.support.shop import Shop, serving

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with serving(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


@pytest.fixture
def shopper(shop: Shop, visit: Callable[..., Visit]) -> Iterator[Shopper]:
    """A shopper at a desk. Afterwards no number may be anywhere on the shop's side."""
    found = Shopper(shop, visit(viewport={"width": 1366, "height": 900}))
    yield found
    assert_nothing_leaked(shop, found.visit)


def assert_nothing_leaked(shop: Shop, visit: Visit) -> None:
    assert visit.complaints == []
    digits = [number.encode() for number in (GOOD, DECLINED, ASKING)]
    for address, body in visit.sent:
        if address.startswith(shop.url):
            assert not re.search(r"(?:\d[ +-]?){12,}", body.split("csrfmiddlewaretoken")[0]), body
            assert not any(number.decode() in re.sub(r"[ +]", "", body) for number in digits)
    page = re.sub(r"[ \u00a0]", "", visit.received()).encode()
    everything = [*shop.written(), ("pages", page)]
    assert {"example.sqlite3", "output.log"} <= {name for name, _ in everything}
    found = [name for name, data in everything for number in digits if number in data]
    assert found == []


def test_a_decline_first_then_a_good_card(shopper: Shopper) -> None:
    page = shopper.page
    page.get_by_role("link", name="Cards").click()
    shopper.save()
    expect(page.locator("#dinero-number-error")).to_have_text("Enter the card number.")
    expect(page.locator("#dinero-number")).to_be_focused()
    assert page.get_attribute("#dinero-number", "autocomplete") == "cc-number"
    shopper.type_card("4111111111111112")
    # A browser keeps on its disk what it may complete.
    for field in ("number", "expiry", "cvv"):
        assert page.get_attribute(f"#dinero-{field}", "autocomplete") == "off"
    assert page.input_value("#dinero-number") == "4111 1111 1111 1112"
    assert page.input_value("#dinero-expiry") == "12 / 40"
    shopper.save()
    expect(page.locator("#dinero-number-error")).to_be_visible()
    expect(page.locator("#dinero-expiry-error")).to_be_hidden()
    shopper.visit.look("shop-wrong-number")
    shopper.type_card(DECLINED, BAD_ZIP)
    shopper.save()
    expect(page.get_by_role("alert")).to_contain_text("The card was declined.")
    assert page.input_value("[name=zip]") == BAD_ZIP
    assert page.input_value("#dinero-number") == ""
    shopper.visit.look("shop-declined")
    shopper.type_card(GOOD)
    page.get_by_role("button", name="Save card").dblclick()
    expect(page.locator(".dinero-card")).to_contain_text("1111")
    expect(page.locator(".dinero-card")).to_have_count(1)
    shopper.visit.look("shop-cards")


def test_each_empty_field_is_told_in_words(shopper: Shopper) -> None:
    page = shopper.page
    page.goto(f"{shopper.shop.url}/shop/cards/")
    for name in ("first_name", "last_name"):
        page.fill(f"[name={name}]", "")
    shopper.save()
    for error, text in (
        ("dinero-number-error", "Enter the card number."),
        ("id_first_name_error", "Enter the first name on the card."),
        ("id_last_name_error", "Enter the last name on the card."),
        ("id_zip_error", "Enter the postal code."),
    ):
        expect(page.locator(f"#{error}")).to_have_text(text)
        expect(page.locator(f"[aria-describedby={error}]")).to_have_attribute(
            "aria-invalid", "true"
        )
    shopper.type_card("4111111111111112")
    shopper.save()
    expect(page.locator("#dinero-number-error")).to_have_text("This is no valid card number.")
    expect(page.locator("#id_zip_error")).to_be_hidden()


@pytest.mark.parametrize("name", ["first_name", "city"])
def test_a_number_in_another_field_is_not_sent(shopper: Shopper, name: str) -> None:
    page = shopper.page
    page.goto(f"{shopper.shop.url}/shop/cards/")
    shopper.type_card(GOOD)
    page.fill(f"[name={name}]", "4111 1111-11111111")
    shopper.save()
    expect(page.locator(f"#id_{name}_error")).to_contain_text("looked like a card number")
    expect(page.locator(f"[name={name}]")).to_have_value("")
    expect(page.locator(f"[name={name}]")).to_be_focused()
    assert not any(GOOD in re.sub(r"\D", "", body) for _address, body in shopper.visit.sent)
    page.fill(f"[name={name}]", "12345678901234")  # no card's check digit
    shopper.save()
    expect(page.locator(".dinero-card")).to_contain_text("1111")


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("1240", "12 / 40"),
        ("6/40", "06 / 40"),
        ("640", "06 / 40"),
        ("1/40", "01 / 40"),
        ("1-40", "01 / 40"),
        ("06/2040", "06 / 2040"),
    ],
)
def test_a_date_is_grouped_however_it_is_typed(shopper: Shopper, typed: str, shown: str) -> None:
    shopper.page.get_by_role("link", name="Cards").click()
    shopper.type_card(GOOD, expiry=typed)
    expect(shopper.page.locator("#dinero-expiry")).to_have_value(shown)
    shopper.save()
    expect(shopper.page.locator(".dinero-card")).to_contain_text(f"{shown[:2]}/2040")


def test_an_expired_card_is_told_at_its_date(shopper: Shopper) -> None:
    shopper.page.get_by_role("link", name="Cards").click()
    shopper.type_card(GOOD, expiry="0120")
    shopper.save()
    expect(shopper.page.locator("#dinero-expiry")).to_be_focused()
    expect(shopper.page.locator("#dinero-expiry-error")).to_be_visible()
    expect(shopper.page.locator("#dinero-number-error")).to_be_hidden()


def test_paid_once_with_a_double_click_the_back_button_and_a_reload(shopper: Shopper) -> None:
    page = shopper.page
    shopper.add(GOOD)
    shopper.visit.look("shop-saved")
    reference = shopper.order()
    shopper.visit.look("shop-order")
    shopper.pay_button.dblclick()
    shopper.expect_thanks()
    shopper.visit.look("shop-receipt")
    page.reload()
    shopper.expect_thanks()
    page.go_back()
    page.goto(f"{shopper.shop.url}/shop/orders/")
    expect(page.get_by_role("link", name=reference)).to_contain_text("Paid")
    shopper.visit.look("shop-orders")
    assert shopper.shop.charges(reference) == ["approved"]
    assert shopper.shop.receipts(shopper.name) == 1


def test_a_form_from_before_pays_nothing_more(shopper: Shopper) -> None:
    """As the back button shows it, or a second tab: the page of an order that is paid by now."""
    shopper.add(GOOD)
    reference = shopper.order()
    second = shopper.visit.context.new_page()
    second.goto(shopper.page.url)
    shopper.pay_button.click()
    shopper.expect_thanks()
    second.get_by_role("button", name=re.compile("^Pay ")).click()
    expect(second.get_by_role("heading", name="Thank you")).to_be_visible()
    assert shopper.shop.charges(reference) == ["approved"]


def test_two_posts_at_once_are_one_charge(shopper: Shopper) -> None:
    """Past the button, as a browser without scripts or an impatient proxy would."""
    shopper.add(GOOD)
    reference = shopper.order()
    shopper.page.evaluate(
        """async () => {
            const form = new FormData(document.querySelector("main form"));
            const send = () => fetch("", {method: "POST", body: form});
            await Promise.all([send(), send(), send()]);
        }"""
    )
    shopper.page.reload()
    shopper.expect_thanks()
    assert shopper.shop.charges(reference) == ["approved"]
    assert shopper.shop.receipts(shopper.name) == 1


def test_what_the_bank_asks_for_is_finished_there(shopper: Shopper) -> None:
    page = shopper.page
    shopper.add(GOOD)
    shopper.add(ASKING)
    reference = shopper.order()
    shopper.choose(ASKING)
    shopper.pay_button.click()
    expect(page.get_by_role("link", name="Continue to your bank")).to_be_visible()
    shopper.visit.look("shop-action")
    assert shopper.shop.charges(reference) == ["requires_action"]
    page.get_by_role("link", name="Continue to your bank").click()
    expect(page.get_by_role("heading", name="Your bank asks")).to_be_visible()
    shopper.visit.look("shop-bank")
    page.get_by_role("button", name="Confirm").click()
    shopper.expect_thanks()
    assert page.url == f"{shopper.shop.url}/shop/orders/{reference}/"
    assert shopper.shop.charges(reference) == ["approved"]
    assert shopper.shop.receipts(shopper.name) == 1


def test_whoever_refuses_there_can_pay_with_another_card(shopper: Shopper) -> None:
    page = shopper.page
    shopper.add(ASKING)
    reference = shopper.order()
    shopper.pay_button.click()
    page.get_by_role("link", name="Continue to your bank").click()
    page.get_by_role("button", name="Refuse").click()
    page.get_by_role("link", name="Use another card").click()
    shopper.type_card(GOOD)
    shopper.save()
    expect(page.get_by_text("To pay")).to_be_visible()  # back at the order
    shopper.choose(GOOD)
    shopper.pay_button.click()
    shopper.expect_thanks()
    assert shopper.shop.charges(reference) == ["declined", "approved"]
    assert shopper.shop.receipts(shopper.name) == 1


def test_whoever_leaves_the_bank_pays_with_another_card(shopper: Shopper) -> None:
    page = shopper.page
    shopper.add(GOOD)
    shopper.add(ASKING)
    reference = shopper.order()
    shopper.choose(ASKING)
    shopper.pay_button.click()
    page.get_by_text("Pay with another card").click()
    shopper.visit.look("shop-another-card")
    shopper.choose(GOOD)
    shopper.pay_button.click()
    shopper.expect_thanks()
    # The payment that waited, its void, and the one in its place.
    assert shopper.shop.charges(reference) == ["voided", "approved", "approved"]
    assert shopper.shop.receipts(shopper.name) == 1


def test_a_card_is_removed(shopper: Shopper) -> None:
    shopper.add(GOOD)
    page = shopper.page
    page.get_by_role("link", name="Remove visa •••• 1111").click()
    expect(page.get_by_text("Remove this card?")).to_be_visible()
    shopper.visit.look("shop-remove-card")
    page.get_by_role("link", name="Keep card").click()
    page.get_by_role("link", name="Remove visa •••• 1111").click()
    page.get_by_role("button", name="Remove card").click()
    expect(page.get_by_role("status")).to_have_text("Visa •••• 1111 was removed.")
    expect(page.get_by_text("No card is saved yet.")).to_be_visible()
    shopper.visit.look("shop-no-card")


def test_a_second_tap_on_remove_removes_nothing(shop: Shop, visit: Callable[..., Visit]) -> None:
    """On a phone, where the finger stays on its spot."""
    found = visit(**PHONE)
    shopper = Shopper(shop, found)
    for number in (GOOD, ASKING):
        shopper.add(number)
    page, link = found.page, found.page.get_by_role("link", name="Remove visa •••• 1111")
    spot = link.bounding_box()
    assert spot is not None
    x, y = spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2
    page.touchscreen.tap(x, y)
    expect(page.get_by_text("Remove this card?")).to_be_visible()
    found.look("phone-remove-card")
    page.touchscreen.tap(x, y)
    page.get_by_role("link", name="Keep card").tap()
    expect(page.locator(".dinero-card")).to_have_count(2)


def test_on_a_phone_at_night(shop: Shop, visit: Callable[..., Visit]) -> None:
    found = visit(**PHONE, **DARK)
    shopper = Shopper(shop, found)
    found.look("phone-shelf")
    shopper.add(GOOD)
    found.look("phone-cards")
    shopper.order()
    found.look("phone-order")
    shopper.pay_button.tap()
    shopper.expect_thanks()
    found.look("phone-receipt")
    found.page.get_by_role("button", name="Sign out").tap()
    expect(found.page.get_by_role("heading", name="Sign in")).to_be_visible()
    found.look("phone-sign-in")
    assert_nothing_leaked(shop, found)


def test_without_the_gateways_script_no_card_can_be_typed(
    shop: Shop, visit: Callable[..., Visit]
) -> None:
    found = visit()
    shopper = Shopper(shop, found)
    found.context.route("**/v1/Accept.js", lambda route: route.abort())
    found.page.goto(f"{shop.url}/shop/cards/")
    expect(found.page.get_by_role("alert")).to_contain_text("script did not load")
    expect(found.page.get_by_role("button", name="Save card")).to_be_disabled()
    assert shopper.name not in found.page.content()


def test_without_our_own_script_the_form_says_so(shop: Shop, visit: Callable[..., Visit]) -> None:
    """Nobody has collected the static files: neither script nor style is there."""
    found = visit()
    shopper = Shopper(shop, found)
    waiting = found.page.get_by_text("This form waits for a script")
    found.page.goto(f"{shop.url}/shop/cards/")
    expect(found.page.get_by_role("button", name="Save card")).to_be_enabled()
    expect(waiting).to_be_hidden()
    found.context.route("**/dinero/wallet/wallet.*", lambda route: route.abort())
    found.page.goto(f"{shop.url}/shop/cards/")
    expect(waiting).to_be_visible()
    expect(found.page.get_by_role("button", name="Save card")).to_be_disabled()
    found.context.unroute("**/dinero/wallet/wallet.*")
    found.context.route("**/dinero/wallet/wallet.js", lambda route: route.abort())
    found.page.goto(f"{shop.url}/shop/cards/")
    expect(waiting).to_be_visible()
    assert shopper.name not in found.page.content()


def test_a_gateway_that_does_not_answer_the_browser(
    shop: Shop, visit: Callable[..., Visit]
) -> None:
    found = visit()
    shopper = Shopper(shop, found)
    found.context.route("**/v1/tokens", lambda route: route.abort())
    found.page.goto(f"{shop.url}/shop/cards/")
    shopper.type_card(GOOD)
    shopper.save()
    expect(found.page.get_by_role("alert")).to_contain_text("The card could not be checked.")
    expect(found.page.get_by_role("button", name="Save card")).to_be_enabled()
    assert found.page.input_value("#dinero-number") == "4111 1111 1111 1111"


def test_without_javascript_a_text_says_why(shop: Shop, visit: Callable[..., Visit]) -> None:
    found = visit(java_script_enabled=False)
    Shopper(shop, found)
    found.page.goto(f"{shop.url}/shop/cards/")
    # Playwright's browser runs no scripts, but shows no <noscript> either.
    assert "needs JavaScript" in found.page.locator("noscript").inner_text()
    expect(found.page.get_by_role("button", name="Save card")).to_be_disabled()


def test_the_same_pages_at_authorizenet(tmp_path: Path, visit: Callable[..., Visit]) -> None:
    """Only the script's address and the keys differ; the bank speaks Authorize.Net's XML here."""
    bank = Bank()
    with SandboxServer(bank) as server:
        at_bank = {"SHOP_GATEWAY": "authorizenet", "DINERO_SANDBOX_ENDPOINT": server.endpoint}
        folder = tmp_path / "shop"
        folder.mkdir()
        with serving(folder, **at_bank) as shop:
            found = visit()
            shopper = Shopper(shop, found)
            shopper.add(GOOD)
            reference = shopper.order()
            shopper.pay_button.dblclick()
            shopper.expect_thanks()
            assert shopper.shop.charges(reference) == ["approved"]
            assert f"{server.url}/v1/tokens" in [address for address, _body in found.sent]
            assert_nothing_leaked(shop, found)
    assert [row.kind for row in bank.transactions() if row.amount] == ["charge"]
    bank.close()
