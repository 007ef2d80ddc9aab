"""The admin in languages whose words are longer: nothing is cut off on a laptop or a phone."""

from __future__ import annotations

from typing import Any

import pytest

from django_dinero.models import Customer, Operation, Transaction
from tests.browser.test_admin import Shoot, Site, site
from tests.browser.test_overview import CUT_OFF, PAGES, resize
from tests.integration.admin.pages import url
from tests.support import busy_month
from tests.support.languages import LANGUAGES
from tests.support.recording import RecordingGateway

__all__ = ["site"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, databases="__all__"),
]

SCREENS = {"wide": (1366, False), "phone": (390, True)}
#: What no reader of the language should meet on a page of the admin's own.
STANDING = {
    "de": "teilweise erstattet",
    "es": "reembolsado en parte",
    "fr": "remboursé en partie",
}


def partly_refunded(gateway: RecordingGateway) -> Transaction:
    """A payment that was captured in part, settled and refunded in part."""
    customer = Customer.create(
        "ada@example.com",
        first_name="Ada",
        last_name="Lovelace",
        number="4111111111111111",
        month=12,
        year=2060,
        zip="12345",
    )
    row = customer.charge("1250.50", order_reference="A-1001", by="anna")
    gateway.bank.settle_batch()
    row.refresh_from_gateway()
    row.refund("200.00", description="Tasse zerbrochen", by="anna")
    return row


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_is_cut_off(
    settings: Any,
    site: Site,
    shoot: Shoot,
    gateway: RecordingGateway,
    language: str,
    screen: str,
) -> None:
    busy_month.fill(days=5)
    row = partly_refunded(gateway)
    assert row.customer is not None
    width, is_phone = SCREENS[screen]
    opened = {name: url(address) + query for name, (address, query) in PAGES.items()}
    opened |= {
        "transaction": url("transaction_change", row.pk),
        "refund": url("transaction_refund", row.pk),
        "charge": url("customer_charge", row.customer.pk),
        "customer": url("customer_change", row.customer.pk),
        "operation": url("operation_change", Operation.objects.filter(state="unknown")[0].pk),
    }
    # The live server took its middleware when the first test began; this it reads each time.
    settings.LANGUAGE_CODE = language
    too_wide = {}
    for name, address in opened.items():
        resize(site, width, 900, is_phone=is_phone)
        site.open(address)
        assert site.driver.execute_script("return document.documentElement.lang") == language
        outside = "return document.documentElement.scrollWidth - window.innerWidth"
        too_wide[f"{name}, page"] = site.driver.execute_script(outside)
        too_wide[f"{name}, list"] = site.driver.execute_script(CUT_OFF)
        if name == "transaction":
            assert STANDING[language] in site.text
        tall = site.driver.execute_script("return document.documentElement.scrollHeight")
        resize(site, width, min(tall, 2400), is_phone=is_phone)
        shoot(f"{name}-{language}-{screen}")
    assert {name: pixels for name, pixels in too_wide.items() if pixels > 0} == {}
