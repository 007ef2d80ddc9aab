"""Each flow in a browser and each verb of the API; then every place is searched for the numbers.

One number for each way in, so that a leak says where it came from. All places are searched once
more after a number was planted in each on purpose: a search that cannot find proves nothing.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import sqlite3
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from django_dinero.sandbox.bank.bank import Bank
from tests.browser.desk import Desk
from tests.browser.misuse import Api, misuse
from tests.browser.playwright import Visit, with_profile
from tests.browser.shopper import ASKING, BAD_ZIP, Shopper
from tests.support import digging
from tests.support.digits import GROUPINGS, grouped, with_check_digit
from tests.support.shop import STAFF, Shop, serving
from tests.support.watched.gateway import BROKEN, DOUBTFUL, QUOTING
from tests.support.watched.planting import LOGGERS, PLACES

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.long, pytest.mark.browser]

#: Of the files of a SQLite database.
ENDS = ("", "-wal", "-shm")
#: With a zero in front: see ``digging.stands_alone``.
CVV = "0417"
#: Places that are bytes of a file, not text.
BYTES = ("profile", *(f"{name}.sqlite3{end}" for name in ("example", "sandbox") for end in ENDS))
LISTS = ("customer", "creditcard", "transaction", "operation", "difference", "webhookevent")


class Numbers:
    """Card numbers by the way in which they came, the same in each run."""

    def __init__(self) -> None:
        self._random = random.Random(20261130)
        self.known = {"asking": ASKING}

    def new(self, name: str) -> str:
        """Make a number that is planted from now on."""
        digits = "4929" + "".join(self._random.choices("123456789", k=11))
        self.known[name] = with_check_digit(digits)
        return self.known[name]

    def wrong(self, name: str) -> str:
        """The same with a typing error."""
        number = self.new(name)
        self.known[name] = number[:-1] + str((int(number[-1]) + 1) % 10)
        return self.known[name]


@dataclass
class Run:
    """The site, the browser's window and profile, and what was planted."""

    shop: Shop
    visit: Visit
    profile: Path
    numbers: Numbers = field(default_factory=Numbers)

    def places(self) -> Iterator[tuple[str, bytes]]:
        """All that either of them has kept, by name."""
        for path in sorted(self.shop.folder.rglob("*")):
            if path.is_file():
                yield path.relative_to(self.shop.folder).parts[0], path.read_bytes()
        for name in ("example.sqlite3", "sandbox.sqlite3"):
            yield f"rows of {name}", _rows(self.shop.folder / name)
        yield "browser storage", _storage(self.visit)
        yield from (("profile", data) for data in _files(self.profile))


def _files(folder: Path) -> Iterator[bytes]:
    """The files below a folder; a browser may remove one meanwhile."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with contextlib.suppress(FileNotFoundError):
                yield path.read_bytes()


def _rows(path: Path) -> bytes:
    """Every row of every table; what is longer than a page of the file is whole here."""
    lines: list[str] = []
    with closing(sqlite3.connect(path, timeout=20)) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
            lines += map(repr, database.execute(f'SELECT * FROM "{table}"'))  # noqa: S608
    return "\n".join(lines).encode()


def _storage(visit: Visit) -> bytes:
    script = (
        "JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}, location.href])"
    )
    pages = [page.evaluate(script) for page in visit.context.pages if page.url.startswith("http")]
    return json.dumps([visit.context.storage_state(), pages]).encode()


@contextmanager
def running(browser: str, tmp_path: Path, *, scripts: bool = True) -> Iterator[Run]:
    folder, profile = tmp_path / "site", tmp_path / "profile"
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        shop = stack.enter_context(serving(folder, settings="tests.support.watched.settings"))
        context = stack.enter_context(with_profile(browser, profile, scripts=scripts))
        yield Run(shop, Visit(context, tmp_path), profile)


# -- What is done ----------------------------------------------------------------------------------


def staff_at_work(run: Run) -> None:
    """The five flows of staff, and what is typed into wrong fields."""
    number, bank = run.numbers.new, Bank(str(run.shop.folder / "sandbox.sqlite3"))
    desk = Desk(run.visit, run.shop.url, STAFF, STAFF)
    page = run.visit.page
    desk.add_customer("ada@example.com", grouped(number("customer's card"), " "), CVV)
    home = page.url
    desk.charge("12.50", "A-17", CVV)
    desk.expect_told("Charged: 12.50 USD")
    bank.settle_batch()
    desk.follow("Refresh")
    desk.send("Refresh")
    desk.expect_told("is settled")
    desk.refund("4.25", "One cup was broken.")
    page.goto(home)
    bank.hold_next()
    desk.charge("20.00", "A-18", CVV)
    expect(page.locator(".dinero-notice")).to_be_visible()
    desk.open("/admin/dinero/transaction/?q=A-18")
    page.locator("#result_list tbody th a").click()
    desk.approve("Called her: it is her card.")
    page.goto(home)
    desk.charge(str(DOUBTFUL), "A-19", CVV)
    page.get_by_role("link", name=re.compile("in the journal")).click()
    operation = page.url
    desk.follow("Explain and close")
    desk.fill(note=f"Card {number('note')}")
    desk.send("Explain and close")
    expect(page.locator(".errornote")).to_be_visible()
    page.goto(operation)
    desk.close()
    bank.close()
    _in_wrong_fields(run, desk, home)


def _in_wrong_fields(run: Run, desk: Desk, home: str) -> None:
    page, number = run.visit.page, run.numbers.new
    for name in LISTS:
        desk.open(f"/admin/dinero/{name}/")
        desk.fill(q=grouped(number(f"search box of {name}"), " "))
        page.keyboard.press("Enter")
        expect(page.get_by_text("Search by the last four digits")).to_be_visible()
    page.goto(home)
    desk.fill(first_name=number("name"), last_name=CVV)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Nothing was saved")).to_be_visible()
    for name, zip_code in (("card", "12345"), ("quoted card", QUOTING)):
        page.goto(home)
        desk.follow("Add card")
        for typed in (run.numbers.wrong(f"wrong {name}"), number(name)):
            desk.fill(number=typed, month="12", year="2060", cvv=CVV, zip=zip_code)
            desk.send("Store card")
            expect(page.locator(".errornote, .messagelist, .dinero-notice").first).to_be_visible()
    for name in ("customer", "transaction"):
        asked = run.visit.context.request
        asked.get(f"{run.shop.url}/admin/dinero/{name}/{number(f'address of {name}')}/change/")
        asked.get(f"{run.shop.url}/admin/dinero/{name}/?status={number(f'filter of {name}')}")
    _in_the_browsable_api(run)
    page.goto(home)


def _in_the_browsable_api(run: Run) -> None:
    page = run.visit.page
    page.goto(f"{run.shop.url}/api/customers/?format=api")
    body = page.locator("textarea[name=_content]")
    body.fill(json.dumps({"email": "c@example.com", "number": run.numbers.wrong("browsable API")}))
    page.get_by_role("button", name="POST", exact=True).click()
    expect(page.get_by_text("HTTP 400 Bad Request")).to_be_visible()
    body.fill(run.numbers.new("browsable API, typed"))


def shopper_at_work(run: Run) -> None:
    """The three flows of a shopper, and a card that is typed and left."""
    number, page = run.numbers.new, run.visit.page
    page.context.clear_cookies()
    shopper = Shopper(run.shop, run.visit)
    page.get_by_role("link", name="Cards").click()
    shopper.type_card(run.numbers.wrong("wrong number"))
    shopper.save()
    expect(page.locator("#dinero-number-error")).to_be_visible()
    shopper.type_card(number("declined"), BAD_ZIP)
    shopper.save()
    expect(page.get_by_role("alert")).to_contain_text("The card was declined.")
    good = number("shopper's card")
    shopper.type_card(good)
    page.get_by_role("button", name="Save card").dblclick()
    expect(page.locator(".dinero-card")).to_have_count(1)
    reference = shopper.order()
    shopper.pay_button.dblclick()
    shopper.expect_thanks()
    page.go_back()
    page.go_forward()
    shopper.expect_thanks()
    assert run.shop.charges(reference) == ["approved"]
    shopper.add(ASKING)
    reference = shopper.order()
    shopper.choose(ASKING)
    shopper.pay_button.click()
    page.get_by_role("link", name="Continue to your bank").click()
    page.get_by_role("button", name="Confirm").click()
    shopper.expect_thanks()
    assert run.shop.charges(reference) == ["approved"]
    page.goto(f"{run.shop.url}/shop/cards/")
    shopper.type_card(number("typed and left"))
    page.goto(f"{run.shop.url}/shop/orders/")


def api_at_work(run: Run) -> Api:
    """Every verb of the API, and then every misuse."""
    number, url = run.numbers.new, run.shop.url
    api = Api(url, STAFF, {"paths": {}, "components": {}}, {})
    status, schema = api.call("GET", "/api/schema/?format=json")
    assert status == 200, schema
    api.schema = json.loads(schema)
    card: dict[str, Any] = {"month": 12, "year": 2060, "cvv": CVV, "zip": "12345"}

    def made(path: str, body: dict[str, Any], status: int = 201) -> dict[str, Any]:
        found, text = api.call("POST", path, body)
        assert found == status, (path, text)
        read: dict[str, Any] = json.loads(text)
        return read

    body = {**card, "email": "b@example.com", "number": grouped(number("API customer"), " ")}
    customer = made("/api/customers/", body)["id"]
    stored = made(f"/api/customers/{customer}/cards/", {**card, "number": number("API card")})["id"]
    made("/api/charges/", {**card, "price": "3.00", "number": number("API charge")})
    charge = made(f"/api/cards/{stored}/charge/", {"price": "5.00", "cvv": CVV})["id"]
    made(f"/api/transactions/{charge}/void/", {}, 201)
    row = made(f"/api/cards/{stored}/charge/", {"price": "6.00", "settle": False})
    declined = {**card, "number": number("API declined"), "zip": BAD_ZIP, "price": "3.00"}
    made("/api/charges/", declined, 402)
    quoting = {**card, "number": number("API quoted"), "zip": QUOTING}
    api.call("POST", f"/api/customers/{customer}/cards/", quoting)
    api.call("POST", f"/api/cards/{stored}/charge/", {"price": str(BROKEN), "cvv": CVV})
    long_code = {**card, "number": number("API long code"), "cvv": number("long code")}
    api.call("POST", f"/api/customers/{customer}/cards/", long_code)
    operation = run.shop.rows("SELECT key FROM dinero_operation WHERE id = 1")[0][0]
    api.ids = {"customers": customer, "cards": stored, "transactions": row["id"]}
    api.ids |= {"operations": operation, "differences": "1", "webhook-events": "1"}
    misuse(api, number("API misuse"))
    return api


# -- The controls ----------------------------------------------------------------------------------


def plant_everywhere(run: Run) -> set[str]:
    """Plant a number in each place; return what the search has to find."""
    expected: set[str] = set()
    log = {f"log {name}": "output.log" for name in LOGGERS}
    places = {"answer": "answers.bin", "head of an answer": "answers.bin", **log}
    places |= {"session": "rows of example.sqlite3", "cache": "cache", "mail": "mail"}
    places |= {"history": "rows of example.sqlite3", "journal": "rows of example.sqlite3"}
    places |= {"erased row": "example.sqlite3-wal"}
    assert {*PLACES} <= {*places}
    separators = [*GROUPINGS.values()]
    for index, (place, sink) in enumerate(places.items()):
        number = run.numbers.new(f"in {place}")
        # A head of an answer is in Latin-1.
        text = number if "head" in place else grouped(number, separators[index % len(separators)])
        data = urllib.parse.urlencode({"place": place, "text": text}).encode()
        urllib.request.urlopen(f"{run.shop.url}/plant/", data, timeout=30).close()  # noqa: S310
        expected.add(f"in {place} > {sink}")
    with closing(sqlite3.connect(run.shop.folder / "sandbox.sqlite3", timeout=20)) as database:
        database.execute("CREATE TABLE told (told TEXT)")
        database.execute("INSERT INTO told VALUES (?)", [run.numbers.new("in the bank")])
        database.commit()
    expected.add("in the bank > rows of sandbox.sqlite3")
    return expected | _plant_in_browser(run)


def _plant_in_browser(run: Run) -> set[str]:
    page, new = run.visit.page, run.numbers.new
    page.goto(f"{run.shop.url}/shop/sign-in/?x={new('in visited address')}")
    page.evaluate("each => localStorage.setItem('told', each)", new("in localStorage"))
    page.evaluate("each => sessionStorage.setItem('told', each)", new("in sessionStorage"))
    page.evaluate("each => document.cookie = `told=${each}; max-age=9999`", new("in cookie"))
    names = ("localStorage", "sessionStorage", "cookie")
    page.locator("[name=username]").press_sequentially(new("in field that was typed"))
    # Once the page is left, it is a part of the browser's history, fields and all.
    page.evaluate("location.hash = 'left'")
    return {f"in {name} > browser storage" for name in names}


# -- The test --------------------------------------------------------------------------------------


def places_with_the_code(run: Run) -> list[str]:
    """Where a card code stands by itself; the bytes of a file have ids beside each other."""
    texts = [each for each in run.places() if each[0] not in BYTES]
    return sorted({name for name, data in texts if digging.stands_alone(CVV, data)})


def test_no_planted_number_is_anywhere(browser: str, tmp_path: Path) -> None:
    with running(browser, tmp_path) as run:
        staff_at_work(run)
        shopper_at_work(run)
        api = api_at_work(run)
        assert {*api.statuses} >= {200, 201, 202, 400, 402, 403, 404, 405, 413, 415}, api.statuses
        assert len(run.numbers.known) >= 30
        assert (run.shop.folder / "example.sqlite3-wal").stat().st_size > 1 << 19
        leaks = digging.find_in(run.places(), run.numbers.known)
        assert (leaks, places_with_the_code(run)) == (set(), [])
        expected = plant_everywhere(run)
        found = digging.find_in(run.places(), run.numbers.known)
        assert expected - found == set()
        assert {name for name in found if not name.startswith("in ")} == set()
    # What the browser writes down when it closes.
    kept = [("profile", data) for data in _files(run.profile)]
    left = digging.find_in(kept, run.numbers.known)
    controls = ("localStorage", "visited address", "field that was typed")
    assert {f"in {name} > profile" for name in controls} <= left
    assert {name for name in left if not name.startswith("in ")} == set()


def test_a_browser_without_scripts_keeps_nothing_that_was_posted(
    browser: str, tmp_path: Path
) -> None:
    with running(browser, tmp_path, scripts=False) as run:
        new, page = run.numbers.new, run.visit.page
        desk = Desk(run.visit, run.shop.url, STAFF, STAFF)
        for number in (new("card"), run.numbers.wrong("wrong card")):
            desk.open("/admin/dinero/customer/add/")
            desk.fill(email="ada@example.com", number=number, month="12", year="2060", cvv=CVV)
            page.get_by_role("button", name="Add customer").click()
            expect(page.locator(".errornote, .messagelist").first).to_be_visible()
        desk.open("/admin/dinero/customer/1/change/")
        desk.fill(first_name=new("name"))
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Nothing was saved")).to_be_visible()
        # The control: a page that posts a name to anybody.
        page.goto(f"{run.shop.url}/plant/form/")
        desk.fill(told=new("form of somebody else"))
        page.get_by_role("button").click()
        expect(page.get_by_text("Told.")).to_be_visible()
    kept = [("profile", data) for data in _files(run.profile)]
    assert digging.find_in(kept, run.numbers.known) == {"form of somebody else > profile"}
