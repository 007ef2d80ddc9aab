"""The documentation as it is built: without a warning, and with nothing from another host."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("furo", reason="the extra 'docs' is not installed")

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.thorough]

ROOT = Path(__file__).resolve().parents[2]
#: By tag, the attributes that a browser fetches without being asked.
FETCHED = {
    **dict.fromkeys(("script", "img", "iframe", "embed", "audio", "video", "source"), "src"),
    **{"link": "href", "object": "data", "image": "href", "use": "href"},
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make docs` builds. In a process of its own: conf.py sets Django up."""
    folder = tmp_path_factory.mktemp("site")
    options = ("--builder", "html", "--fail-on-warning", "--keep-going", "--quiet")
    doctrees = ("--doctree-dir", folder.parent / "doctrees")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, *doctrees, ROOT / "docs", folder],
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Fetches(HTMLParser):
    """Collects what a page makes a browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one address."""
        address = dict(attrs).get(FETCHED.get(tag, ""))
        if address:
            self.found.append(address)


def test_a_page_fetches_nothing_from_another_host(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        parser = Fetches()
        parser.feed(page.read_text("utf-8"))
        assert any("pages.css" in address for address in parser.found)
        assert [a for a in parser.found if re.match(r"(?:\w+:)?//", a)] == [], page.name


def test_neither_does_a_style_sheet(site: Path) -> None:
    sheets = list((site / "_static").rglob("*.css"))
    assert sheets
    for sheet in sheets:
        fetched = re.findall(r"(?:@import|url\()\s*['\"(]*([^'\")\s]+)", sheet.read_text("utf-8"))
        assert [address for address in fetched if re.match(r"https?:|//", address)] == []
