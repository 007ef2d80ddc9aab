"""A member of staff in the admin: what he does on its pages, by hand."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.browser.playwright import Visit

#: What he types as the explanation of what he closes.
NOTE = "Not in the gateway's own pages; the shop was told."


class Desk:
    """Somebody who is signed in to the admin.

    Args:
        visit: his window.
        base: scheme, host and port of the site.
        name: of the user.
        password: of the user.

    Attributes:
        look: is called with the name of each page that he meets.
    """

    def __init__(
        self,
        visit: Visit,
        base: str,
        name: str,
        password: str,
    ) -> None:
        self.page, self.base = visit.page, base
        self.look: Callable[[str], None] = lambda name: None
        self.open("/admin/")
        self.fill(username=name, password=password)
        self.page.get_by_role("button", name="Log in").click()
        expect(self.page.get_by_role("heading", name="Site administration")).to_be_visible()

    def open(self, address: str) -> None:
        """Go to a page of the site."""
        self.page.goto(self.base + address)

    def fill(self, **values: str) -> None:
        """Type values into the fields of a page, by name."""
        for name, value in values.items():
            self.page.fill(f"[name={name}]", value)

    def follow(self, button: str) -> None:
        """Choose one of the buttons at the top of a row's page."""
        self.page.locator(".object-tools").get_by_role("link", name=button, exact=True).click()

    def send(self, button: str) -> None:
        """Press the page's button, as an impatient person does: twice."""
        self.page.get_by_role("button", name=button, exact=True).dblclick()

    def expect_told(self, text: str) -> None:
        """The page after it says what was done, once."""
        expect(self.page.locator(".messagelist li")).to_have_count(1)
        expect(self.page.locator(".messagelist")).to_contain_text(text)

    def event(self, title: str) -> Locator:
        """What the timeline of a payment says of one event."""
        return self.page.locator(".dinero-event", has_text=title)

    # -- What he does ------------------------------------------------------------------------------

    def add_customer(self, email: str, number: str, cvv: str, zip_code: str = "12345") -> None:
        """Add a customer with a first card."""
        self.open("/admin/dinero/customer/")
        self.look("desk-customers")
        self.follow("Add customer")
        self.look("desk-add-customer")
        self.fill(email=email, first_name="Ada", last_name="Lovelace")
        self.fill(number=number, month="12", year="2060", cvv=cvv)
        self.page.get_by_text("Billing address of the card").click()
        self.fill(zip=zip_code)
        self.send("Add customer")
        self.expect_told(f"Stored at the gateway: {email}")
        self.look("desk-customer")

    def charge(self, price: str, reference: str, cvv: str = "") -> None:
        """Charge the card of the customer whose page is open."""
        self.follow("Charge")
        self.look("desk-charge")
        self.fill(price=price, order_reference=reference, cvv=cvv)
        self.send("Charge")

    def refund(self, amount: str, reason: str) -> None:
        """Give back a part of the payment whose page is open."""
        self.follow("Refund")
        self.look("desk-refund")
        self.fill(amount=amount, description=reason)
        self.send("Refund")
        self.expect_told(f"{amount} USD")

    def approve(self, reason: str) -> None:
        """Approve the held payment whose page is open."""
        self.follow("Approve")
        self.look("desk-approve")
        self.fill(description=reason)
        self.send("Approve")
        self.expect_told("is approved (transaction")

    def close(self) -> None:
        """Close the operation that needs attention and whose page is open."""
        self.follow("Explain and close")
        self.look("desk-close")
        self.fill(note=NOTE)
        self.send("Explain and close")
        self.expect_told("Closed: charge")
