"""Debian's Chromium, driven by Playwright: what the fixtures of this folder give.

Playwright's calls run an event loop in the test's own thread, where Django's database refuses to
work. The fixture allows it for the length of the test. The loop ends with the test, so nobody else
meets it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

#: Milliseconds; the machine may be busy.
PATIENCE = 20_000
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
}
DARK: dict[str, Any] = {"color_scheme": "dark"}
#: Width and height of a laptop's and a telephone's window, by day and by night.
SCREENS: tuple[tuple[int, int, Literal["light", "dark"]], ...] = (
    *((390, 844, "light"), (390, 844, "dark")),
    *((1366, 900, "dark"), (1366, 900, "light")),
)
#: What axe finds on each page of Django's own admin, by its rule and a part of the element.
OF_DJANGO: dict[str, str] = {
    # The way back to the lists, and to the whole of a list.
    "link-in-text-block": r'^<a href="(/admin/(dinero/([a-z]+/)?)?|\?)">',
    "label-title-only": 'id="searchbar"',
    "aria-input-field-name": 'class="select2-selection',
}
#: Django's links take 0.15 s to change their colour; half-way it is one that nobody chose.
STILL = "Promise.allSettled(document.getAnimations().map(each => each.finished))"
#: What the console says of pages that tell of a refusal, by their status.
_TOLD = ("402 (Payment Required)", "422 (Unprocessable")


@contextmanager
def chromium(program: str) -> Iterator[Browser]:
    """Start a browser.

    Args:
        program: its path.
    """
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def with_profile(program: str, profile: Path, *, scripts: bool = True) -> Iterator[BrowserContext]:
    """Start a browser that keeps what it remembers in a folder, as people's browsers do.

    Args:
        program: its path.
        profile: the folder.
        scripts: whether pages may run any.
    """
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=program,
            args=["--no-sandbox"],
            java_script_enabled=scripts,
        )
        try:
            yield context
        finally:
            context.close()


class Visit:
    """One visitor's window, and all that went over the wire for it."""

    def __init__(self, context: BrowserContext, pictures: Path) -> None:
        self.context = context
        self.context.set_default_timeout(PATIENCE)
        self.page: Page = self.context.new_page()
        self.pictures = pictures
        #: What the console complained of: errors of scripts, a policy that was broken.
        self.complaints: list[str] = []
        #: What was sent, by address.
        self.sent: list[tuple[str, str]] = []
        self._responses: list[Response] = []
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self._heard("error", str(error)))
        self.page.on("request", self._note)
        self.page.on("response", lambda response: self._responses.append(response))

    def _on_console(self, message: ConsoleMessage) -> None:
        if not message.location["url"].endswith("/favicon.ico"):  # Django's admin has none
            self._heard(message.type, message.text)

    def _heard(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not any(told in text for told in _TOLD):
            self.complaints.append(text)

    def _note(self, request: Request) -> None:
        body = request.post_data_buffer or b""
        self.sent.append((request.url, body.decode("utf-8", "replace")))

    def received(self) -> str:
        """The pages that came, as far as the browser still has them, and the one that is shown."""
        return "".join([*map(_body, self._responses), self.page.content()])

    def look(self, name: str) -> None:
        """Take a picture, and hold the page against axe's rules and the width of the window."""
        self.page.evaluate(STILL)
        self.page.screenshot(path=self.pictures / f"{name}.png", full_page=True)
        found = Axe().run(self.page).response
        assert len(found["passes"]) > 10, "axe did not run"
        wrong: dict[str, list[str]] = {}
        for rule in found["violations"]:
            for node in rule["nodes"]:
                if not re.search(OF_DJANGO.get(rule["id"], "$^"), node["html"]):
                    wrong.setdefault(rule["id"], []).append(node["html"])
        assert wrong == {}, f"{name}: {wrong}"
        beyond = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert beyond <= 0, f"{name} is {beyond} pixels wider than the window"

    def look_everywhere(self, name: str) -> None:
        """The same in windows of several sizes, by day and by night; the last is a laptop's."""
        for width, height, scheme in SCREENS:
            self.page.set_viewport_size({"width": width, "height": height})
            self.page.emulate_media(color_scheme=scheme)
            self.look(f"{name}-{width}-{scheme}")


def _body(response: Response) -> str:
    if response.status in (301, 302, 303) or "html" not in response.headers.get("content-type", ""):
        return ""
    try:
        return response.text()
    except Error:  # the browser drops the body of a page that was left
        return ""
