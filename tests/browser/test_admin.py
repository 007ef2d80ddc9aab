"""The admin as somebody uses it: sign in, a customer, a card, a charge, a decline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from django_dinero.models import CreditCard, Customer, Transaction
from django_dinero.models.difference import DifferenceKind
from django_dinero.services.reconcile import differences
from django_dinero.services.reconcile.differences import Found
from django_dinero.services.reconcile.run import reconcile
from tests.integration.admin.pages import url
from tests.support.recording import RecordingGateway, lose_request

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, databases="__all__"),
]

Fill = Callable[..., None]
Shoot = Callable[[str], Path]
SUBMIT = "form [type=submit].default, .submit-row [name=_save], .submit-row [type=submit]"


@pytest.fixture
def site(
    driver: WebDriver, live_server: Any, gateway: RecordingGateway, fill: Fill
) -> Iterator[Site]:
    """The admin, signed in."""
    get_user_model().objects.create_superuser("root", password="only for tests")
    found = Site(driver, live_server.url)
    found.open("/admin/")
    fill(username="root", password="only for tests")
    found.submit()
    assert "Site administration" in found.text
    yield found


class Site:
    """A signed-in browser at a live server."""

    def __init__(self, driver: WebDriver, base: str) -> None:
        self.driver = driver
        self.base = base

    def open(self, address: str) -> None:
        """Go to a page."""
        self.driver.get(self.base + address)

    @property
    def text(self) -> str:
        """What the page says."""
        return self.driver.find_element(By.TAG_NAME, "body").text

    def submit(self, *, twice: bool = False) -> None:
        """Press the button and wait for the next page."""
        self.press(By.CSS_SELECTOR, SUBMIT, twice=twice)

    def press(self, by: str, value: str, *, twice: bool = False) -> None:
        """Press what leads to another page, and wait until this one has gone."""
        button = self.driver.find_element(by, value)
        if twice:
            ActionChains(self.driver).double_click(button).perform()
        else:
            button.click()
        # While a page goes, the driver may say of its button that it belongs to no document.
        WebDriverWait(self.driver, 20, ignored_exceptions=[WebDriverException]).until(
            staleness_of(button)
        )


def stored_card() -> CreditCard:
    """A customer's card."""
    customer = Customer.create(
        "bill@example.com",
        first_name="Bill",
        last_name="Bloggs",
        zip="12345",
        number="4111111111111111",
        month=12,
        year=2060,
    )
    return customer.cards[0]


def test_trails_of_our_pages_look_like_those_of_django(site: Site, shoot: Shoot) -> None:
    card = stored_card()
    lists = url("creditcard_changelist")
    pages = (url("overview"), url("creditcard_charge", card.pk))
    bulk = f"{url('creditcard_bulk_push')}?row={card.pk}"

    def look(address: str) -> list[str]:
        site.open(address)
        trail = site.driver.find_element(By.CSS_SELECTOR, ".breadcrumbs")
        link = trail.find_element(By.TAG_NAME, "a")
        names = ("background-color", "color", "font-size", "padding-top", "padding-left")
        shown = [trail.value_of_css_property(name) for name in (*names, "margin-bottom")]
        return [*shown, link.value_of_css_property("color")]

    wanted = look(lists)
    for address in (*pages, bulk):
        assert look(address) == wanted, address
        shoot(f"trail-{address.split('/')[3]}-{address.split('/')[-2]}")


def test_from_a_new_customer_to_a_charge(
    site: Site, fill: Fill, shoot: Shoot, gateway: RecordingGateway
) -> None:
    site.open(url("customer_add"))
    fill(email="bill@example.com", first_name="Bill", last_name="Bloggs")
    site.submit()
    customer = Customer.objects.get()
    assert customer.sync_state == "synced"

    site.open(url("customer_change", customer.pk))
    site.press(By.LINK_TEXT, "ADD CARD")
    fill(number="4111 1111 1111 1111", month="12", year="2060", cvv="900", zip="12345")
    shoot("add-card")
    site.submit()
    assert "Stored at the gateway: visa •••• 1111." in site.text
    shoot("customer")

    site.press(By.LINK_TEXT, "CHARGE")
    fill(price="12.50", order_reference="A-17", description="two beers")
    shoot("charge")
    site.submit(twice=True)
    assert "Charged: 12.50 USD, visa •••• 1111" in site.text
    shoot("transaction")
    assert gateway.verbs.count("charge") == 1
    assert Transaction.objects.get().status == "approved"

    for name in ("customer", "creditcard", "transaction", "operation"):
        site.open(url(f"{name}_changelist"))
        shoot(f"list-{name}")
    assert "4111111111111111" not in site.driver.page_source


def test_two_posts_at_once_are_one_charge(
    site: Site, fill: Fill, gateway: RecordingGateway
) -> None:
    site.open(url("creditcard_charge", stored_card().pk))
    fill(price="12.50")
    # Past the button, as a browser without scripts or an impatient proxy would.
    answers = site.driver.execute_async_script(
        """
        const done = arguments[arguments.length - 1];
        const form = document.querySelector("form[data-send-once]");
        const send = () => fetch("", {method: "POST", body: new FormData(form)});
        Promise.all([send(), send()]).then(all => Promise.all(all.map(a => a.text()))).then(done);
        """
    )
    assert gateway.verbs.count("charge") == 1
    assert Transaction.objects.count() == 1
    for page in answers:
        assert "Charged: 12.50 USD" in page or "Do not charge again" in page


def test_a_decline_is_told_and_can_be_tried_again(
    site: Site, fill: Fill, shoot: Shoot, gateway: RecordingGateway
) -> None:
    card = stored_card()
    card.zip = "46282"
    card.save()
    site.open(url("creditcard_charge", card.pk))
    fill(price="12.50")
    site.submit()
    assert "The card was declined." in site.text
    assert "Nothing was charged." in site.text
    shoot("declined")
    card.zip = "12345"
    card.save()
    site.submit()
    assert "Charged: 12.50 USD" in site.text


def test_an_unknown_end(site: Site, fill: Fill, shoot: Shoot, gateway: RecordingGateway) -> None:
    site.open(url("creditcard_charge", stored_card().pk))
    fill(price="12.50")
    gateway.faults["charge"] = lose_request
    site.submit()
    assert "Do not charge again" in site.text
    shoot("unknown")
    site.press(By.PARTIAL_LINK_TEXT, "in the journal")
    assert "outcome unknown" in site.text
    shoot("operation")


def test_errors_stand_at_their_fields(site: Site, fill: Fill, shoot: Shoot) -> None:
    site.open(url("customer_add_card", stored_card().customer_pk))
    fill(number="4111 1111 1111 1112", month="13", year="2060", cvv="12")
    site.submit()
    assert "check digit is wrong" in site.text
    assert site.driver.find_element(By.NAME, "number").get_attribute("value") == ""
    shoot("errors")


def test_small_and_dark(site: Site, shoot: Shoot) -> None:
    card = stored_card()
    site.driver.set_window_size(420, 900)
    site.driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": "dark"}]},
    )
    for name, address in (
        ("small-charge", url("creditcard_charge", card.pk)),
        ("small-add-card", url("customer_add_card", card.customer_pk)),
        ("small-customer", url("customer_change", card.customer_pk)),
    ):
        site.open(address)
        shoot(name)
        wide = site.driver.execute_script(
            "return document.documentElement.scrollWidth - window.innerWidth"
        )
        assert wide <= 0, f"{name} is {wide} pixels wider than the screen"


def test_a_difference_is_closed_by_a_double_click(
    site: Site, gateway: RecordingGateway, fill: Fill, shoot: Shoot
) -> None:
    found = Found(
        kind=DifferenceKind.BOOKS,
        subject="2020-11-28 USD",  # too long ago for a run to look at it again
        text="The gateway has 13.00 USD more on that day.",
        day=date(2020, 11, 28),
        currency="USD",
        amount_here=Decimal("12.00"),
        amount_there=Decimal("25.00"),
    )
    row = differences.record(gateway, found)
    reconcile("default")
    site.open(url("reconciliation_changelist"))
    assert "1 open differences" in site.text
    shoot("reconciliations")
    site.open(url("difference_changelist"))
    shoot("differences")
    site.open(url("difference_change", row.pk))
    shoot("difference")
    site.open(url("difference_close", row.pk))
    fill(note="Made by hand in the gateway's own pages.")
    shoot("difference-close")
    site.submit(twice=True)
    assert "Closed: the books of a day differ" in site.text
    shoot("difference-closed")
    row.refresh_from_db()
    assert (row.state, row.closed_by) == ("closed", "root")
    assert LogEntry.objects.count() == 1


def test_many_are_voided_once_by_a_double_click(
    site: Site, gateway: RecordingGateway, shoot: Shoot
) -> None:
    card = stored_card()
    rows = [Transaction.create(price, card=card) for price in ("1.00", "2.00")]
    site.open(url("transaction_changelist"))
    for row in rows:
        box = f"[name=_selected_action][value='{row.pk}']"
        site.driver.find_element(By.CSS_SELECTOR, box).click()
    Select(site.driver.find_element(By.NAME, "action")).select_by_value("dinero_void")
    site.press(By.CSS_SELECTOR, "[name=index]")
    assert "3.00 USD" in site.text
    shoot("many-to-void")
    site.submit(twice=True)
    assert "2 done" in site.text
    assert gateway.verbs.count("void") == 2
    site.driver.refresh()  # whether or not the browser posts it once more
    assert gateway.verbs.count("void") == 2
