"""A person at a web browser who reads a page, presses what it offers, and fills in its forms."""

from __future__ import annotations

from typing import Any

import requests
from lxml import html


class Reader:
    """Whoever follows a guide: knows links, buttons and fields by their words alone."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._filled: dict[str, str] = {}
        self._page: Any = None

    def open(self, url: str) -> None:
        """Load a page."""
        self._read(self._session.get(url, timeout=120))

    def _read(self, response: requests.Response) -> None:
        assert response.status_code == 200, f"{response.url}: {response.status_code}"
        self._page = html.fromstring(response.text, base_url=response.url)
        self._page.make_links_absolute()
        self._filled = {}

    @property
    def text(self) -> str:
        """What the page says, in one line."""
        return " ".join(self._page.text_content().split())

    def fill(self, label: str, value: str) -> None:
        """Write into the field that has a label.

        Raises:
            AssertionError: the page has no such field, or offers no such choice.
        """
        found = [each for each in self._page.iter("label") if _words(each).rstrip(":") == label]
        assert found, f"no field {label!r}: {[_words(each) for each in self._page.iter('label')]}"
        field = self._page.get_element_by_id(found[0].get("for"))
        if field.tag == "select":
            assert value in field.value_options, field.value_options
        self._filled[field.name] = value

    def press(self, words: str) -> None:
        """Follow the link with these words, or send the form with this button.

        Raises:
            AssertionError: the page has neither.
        """
        for form in self._page.forms:
            for button in form.xpath(".//button | .//input[@type='submit']"):
                if (button.get("value") or _words(button)) == words or _words(button) == words:
                    self._send(form, button)
                    return
        links = [each for each in self._page.iter("a") if _words(each) == words]
        assert links, f"nothing is called {words!r}: {self.text}"
        self.open(links[0].get("href"))

    def _send(self, form: Any, button: Any) -> None:
        values = dict(form.form_values()) | self._filled
        if button.get("name"):
            values[button.get("name")] = button.get("value", "")
        url = form.action or self._page.base_url
        headers = {"Referer": self._page.base_url}
        self._read(
            self._session.request(form.method, url, data=values, headers=headers, timeout=120)
        )


def _words(element: Any) -> str:
    return " ".join(element.text_content().split())
