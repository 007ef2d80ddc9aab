"""A shopper in the example's shop: what he does on its pages, by hand."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import expect

from tests.browser.playwright import Visit
from tests.support.shop import Shop

GOOD, DECLINED, ASKING = "4111111111111111", "4007000000027", "4000000000003220"
#: A zip that the test bank declines.
BAD_ZIP = "46282"


class Shopper:
    """Somebody who is signed in."""

    def __init__(self, shop: Shop, visit: Visit) -> None:
        self.shop, self.visit, self.page = shop, visit, visit.page
        self.name = shop.new_shopper()
        self.page.goto(f"{shop.url}/shop/")
        self.page.fill("[name=username]", self.name)
        self.page.fill("[name=password]", self.name)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("heading", name="This month")).to_be_visible()

    def type_card(self, number: str, zip_code: str = "12345", expiry: str = "1240") -> None:
        for field, text in (("number", number), ("expiry", expiry), ("cvv", "900")):
            self.page.fill(f"#dinero-{field}", "")
            self.page.locator(f"#dinero-{field}").press_sequentially(text)
        self.page.fill("[name=first_name]", "Bill")
        self.page.fill("[name=last_name]", "Smith")
        self.page.fill("[name=zip]", zip_code)

    def save(self) -> None:
        self.page.get_by_role("button", name="Save card").click()

    def add(self, number: str) -> None:
        self.page.goto(f"{self.shop.url}/shop/cards/")
        self.type_card(number)
        self.save()
        expect(self.page.locator(".dinero-card", has_text=number[-4:])).to_be_visible()

    def order(self) -> str:
        """Choose a tea; returns the order's reference."""
        self.page.goto(f"{self.shop.url}/shop/")
        self.page.get_by_role("button", name="Buy Smoked Pine").click()
        expect(self.page.get_by_text("To pay")).to_be_visible()
        return self.page.url.rstrip("/").rpartition("/")[2]

    def choose(self, number: str) -> None:
        self.page.locator("label", has_text=number[-4:]).click()

    @property
    def pay_button(self) -> Any:
        return self.page.get_by_role("button", name=re.compile("^Pay "))

    def expect_thanks(self) -> None:
        expect(self.page.get_by_role("heading", name="Thank you")).to_be_visible()
