"""A browser in front of a live server, with a screenshot of whatever it shows."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from django_dinero.gateways.registry import get_gateway
from tests.browser.playwright import Visit, chromium
from tests.support.recording import RecordingGateway

OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture
def gateway(settings: Any) -> RecordingGateway:
    """The default gateway, recording what is asked of it."""
    entry = {"BACKEND": "tests.support.recording.RecordingGateway", "OPTIONS": {}}
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry}}
    found = get_gateway()
    assert isinstance(found, RecordingGateway)
    return found


@pytest.fixture
def driver(browser: str, tmp_path: Path) -> Iterator[WebDriver]:
    """A Chromium with a profile of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for option in (*OPTIONS, f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1200,1000"):
        options.add_argument(option)
    program = shutil.which("chromedriver")
    if program is None:
        pytest.fail("DINERO_TEST_BROWSER is set, but no chromedriver is in the PATH")
    found = webdriver.Chrome(options, Service(program))
    found.implicitly_wait(20)
    yield found
    found.quit()


@pytest.fixture
def shoot(driver: WebDriver, tmp_path: Path) -> Callable[[str], Path]:
    """Write a picture of the page; into DINERO_SCREENSHOTS where that names a folder."""
    folder = Path(os.environ.get("DINERO_SCREENSHOTS", tmp_path))

    def picture(name: str) -> Path:
        target = folder / f"{name}.png"
        height = driver.execute_script("return document.documentElement.scrollHeight")
        width = driver.get_window_size()["width"]
        driver.set_window_size(width, max(int(height) + 140, 700))
        driver.save_screenshot(str(target))
        return target

    return picture


@pytest.fixture
def fill(driver: WebDriver) -> Callable[..., None]:
    """Type values into the fields of a page, by name."""

    def type_in(**values: str) -> None:
        for name, value in values.items():
            field = driver.find_element(By.NAME, name)
            field.clear()
            field.send_keys(value)

    return type_in


@pytest.fixture
def visit(
    browser: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Visit]]:
    """Open a window of a Chromium that Playwright drives; options are those of its contexts."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    folder = Path(os.environ.get("DINERO_SCREENSHOTS", tmp_path))
    with chromium(browser) as found:
        yield lambda **options: Visit(found.new_context(**options), folder)
