"""The overview and the lists on a wide screen, in the dark and on a phone: nothing is cut off."""

from __future__ import annotations

import pytest

from tests.browser.test_admin import Shoot, Site, site
from tests.integration.admin.pages import url
from tests.support import busy_month

__all__ = ["site"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, databases="__all__"),
]

PAGES = {
    "overview": ("overview", "?mode=live&days=30"),
    "transactions": ("transaction_changelist", ""),
    "transactions-filtered": ("transaction_changelist", "?created_from=2020-01-01"),
    "transactions-wrong": ("transaction_changelist", "?price_from=ten"),
    "operations": ("operation_changelist", ""),
    "cards": ("creditcard_changelist", ""),
    "customers": ("customer_changelist", ""),
}
SCREENS = {
    "wide": (1366, "light", False),
    "dark": (1366, "dark", False),
    "phone": (390, "light", True),
    "phone-dark": (390, "dark", True),
}
#: How much of a long page is in its picture.
TALLEST = 1600
#: How far any part of the table's cells reaches out of the frame that cuts it off.
CUT_OFF = """
const frames = [...document.querySelectorAll('#changelist .results, fieldset.dinero-table')];
return Math.max(0, ...frames.map(frame => frame.scrollWidth - frame.clientWidth));
"""


#: How many pixels lie between the tops of a row's amount and its word: 0 where they share a line.
APART = """
return [...document.querySelectorAll('#result_list tbody tr')].map(row => {
    const top = name => row.querySelector(name).getClientRects()[0].top;
    return Math.abs(top('.dinero-word') - top('.dinero-money'));
});
"""
#: How many signs stand on a line of their own, above the word.
ALONE = """
return [...document.querySelectorAll('#result_list .dinero-word')].filter(word => {
    const text = document.createRange();
    text.selectNodeContents(word);
    return text.getClientRects()[0].top - word.getBoundingClientRect().top > 12;
}).length;
"""


def test_a_word_of_two_lines_begins_beside_its_amount(site: Site) -> None:
    busy_month.fill()
    resize(site, 1366, 900, is_phone=False)
    address, query = PAGES["transactions"]
    site.open(url(address) + query)
    assert max(site.driver.execute_script(APART)) < 8
    assert site.driver.execute_script(ALONE) == 0


@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_is_cut_off(site: Site, shoot: Shoot, screen: str) -> None:
    busy_month.fill()
    width, scheme, is_phone = SCREENS[screen]
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    site.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    too_wide = {}
    for name, (address, query) in PAGES.items():
        resize(site, width, 900, is_phone=is_phone)
        site.open(url(address) + query)
        assert "Server Error" not in site.text
        outside = "return document.documentElement.scrollWidth - window.innerWidth"
        too_wide[f"{name}, page"] = site.driver.execute_script(outside)
        too_wide[f"{name}, list"] = site.driver.execute_script(CUT_OFF)
        tall = site.driver.execute_script("return document.documentElement.scrollHeight")
        resize(site, width, min(tall, TALLEST), is_phone=is_phone)
        shoot(f"{name}-{screen}")
    assert {name: pixels for name, pixels in too_wide.items() if pixels > 0} == {}


def resize(site: Site, width: int, height: int, *, is_phone: bool) -> None:
    """Give the page a screen of this size, smaller than any window can be."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone}
    site.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
