"""The tutorial, followed by somebody who has the wheel and the page, and nothing else.

Commands, settings, clicks and what is typed are read from the page, so that the two cannot part.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.examples import pattern
from tests.support.ports import answers, free_port
from tests.support.reader import Reader
from tests.support.wheels import ROOT, build_wheel

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.long, pytest.mark.thorough]

PAGE = (ROOT / "docs" / "tutorial.md").read_text()
#: A fenced block, a table's row, a quotation of a page, or an address, a link or a button.
STEP = re.compile(
    r"^```(?P<language>\w+)\n(?P<code>.*?)^```"
    r"|^\| (?P<label>[^|`]+) \| `(?P<value>[^`]+)` \|$"
    r"|^> (?P<said>[^\n]+)$"
    r"|<(?P<url>http://[^>]+)>"
    r"|\*\*(?P<press>[^*]+)\*\*",
    re.DOTALL | re.MULTILINE,
)
#: Seconds. The machine may be busy with other tests.
PATIENCE = 180
#: Commands that serve until they are stopped, and what they say when they do.
SERVERS = ("runserver", "dinero_sandbox")


@dataclass(frozen=True)
class Shop:
    """Where the page is followed: a folder, and what its shell knows."""

    folder: Path
    environment: dict[str, str]
    ports: dict[str, str]

    def typed(self, code: str) -> str:
        """Return code with ports that are free on this machine."""
        for said, port in self.ports.items():
            code = re.sub(rf"\b{said}\b", port, code)
        return code

    def shell(self, code: str, *, given: str = "") -> str:
        """Run lines of a shell in the project's environment, and return what they print."""
        activate = ". .venv/bin/activate\n" if (self.folder / ".venv").exists() else ""
        done = subprocess.run(
            ["bash", "-ec", activate + self.typed(code)],
            cwd=self.folder,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def append(self, name: str, code: str) -> None:
        """Put code at the end of a file, and wait until a running site has read it."""
        path, log = self.folder / name, self.log(self.ports["8000"])
        before = started(log)
        assert path.is_file()
        # In one step: a site that sees the file emptied and then written starts twice.
        longer = path.with_suffix(".new")
        longer.write_text(f"{path.read_text()}\n\n{self.typed(code)}")
        longer.replace(path)
        if before:
            until(lambda: started(log) > before, log)

    def serves(self, code: str, port: str) -> bool:
        """Say whether the server of some lines answers, and has said so if it says so at all.

        It listens before it says it. Who counts its starts in between takes that line for the
        next start.
        """
        said = "runserver" not in code or started(self.log(port)) > 0
        return said and answers(int(port))

    def log(self, port: str) -> Path:
        """Where the server of a port writes."""
        return self.folder.parent / f"{port}.log"

    @contextmanager
    def serving(self, code: str) -> Iterator[None]:
        """Run lines of a shell whose last one serves, until the port that it names answers."""
        (port,) = re.findall(r"\b\d{4,5}\b", self.typed(code))
        log = self.log(port)
        with log.open("w") as out:
            child = subprocess.Popen(
                ["bash", "-ec", ". .venv/bin/activate\n" + self.typed(code)],
                cwd=self.folder,
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            until(lambda: self.serves(code, port) or child.poll() is not None, log)
            assert child.poll() is None, log.read_text()
            yield
        except Exception as error:
            error.add_note(f"{code}: {log.read_text()}")
            raise
        finally:
            os.killpg(child.pid, signal.SIGTERM)
            child.wait(20)


def until(happens: Callable[[], bool], log: Path) -> None:
    """Wait for something that a server does; the test fails with its output if it does not."""
    end = time.monotonic() + PATIENCE
    while not happens():
        if time.monotonic() > end:
            pytest.fail(log.read_text())
        time.sleep(0.1)


def started(log: Path) -> int:
    """How often the development server has started, as it does again when a file has changed."""
    # Django 6.1 calls it a WSGI development server.
    return log.read_text().count("development server at http:") if log.exists() else 0


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """An empty folder, where pip finds the wheel alone and Django comes from our environment."""
    wheel = build_wheel(tmp_path / "built")
    folder = tmp_path / "work"
    folder.mkdir()
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DJANGO_", "DINERO_", "PYTHON", "PIP_", "COVERAGE"))
    }
    # Its own .pth files are not read, so that the checkout's editable install stays out.
    borrowed = sysconfig.get_path("purelib")
    pip = {"NO_INDEX": "1", "NO_DEPS": "1", "IGNORE_INSTALLED": "1", "FIND_LINKS": wheel.parent}
    environment = {
        **inherited,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), inherited["PATH"]]),
        "PYTHONPATH": borrowed,
        "PYTHONUNBUFFERED": "1",
        **{f"PIP_{name}": str(value) for name, value in pip.items()},
    }
    return Shop(folder, environment, {said: str(free_port()) for said in ("8000", "8765")})


def sections() -> dict[str, str]:
    """The page's sections, by their headings."""
    parts = re.split(r"^## (.+)\n", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def click_through(shop: Shop, text: str, other: Mapping[str, str]) -> None:
    """Do what a section says in the browser, with other values in the fields that are given."""
    reader = Reader()
    for step in STEP.finditer(text):
        if step["url"]:
            reader.open(shop.typed(step["url"]))
        elif step["label"]:
            reader.fill(step["label"], other.get(step["label"], step["value"]))
        elif step["press"]:
            reader.press(step["press"])
        elif step["said"]:
            assert re.search(pattern(step["said"]), reader.text), reader.text


def run_block(shop: Shop, language: str, code: str, running: ExitStack) -> None:
    """Do what a fenced block says."""
    target = re.match(r"# at the end of (\S+)\n", code)
    if target is not None:
        shop.append(target[1], code)
    elif language == "python":
        assert "approved 20.00 USD" in shop.shell("python manage.py shell", given=code)
    elif language == "console":
        for part in code.split("$ ")[1:]:
            command, _newline, output = part.partition("\n")
            printed = " ".join(shop.shell(command).split())
            assert re.fullmatch(pattern(output), printed, re.DOTALL), printed
    elif any(name in code for name in SERVERS):
        running.enter_context(shop.serving(code))
    else:
        shop.shell(code)


def test_a_reader_of_the_tutorial_charges_a_card_at_two_banks(shop: Shop) -> None:
    clicks = sections()["The first charge"]
    with ExitStack() as running:
        for heading, text in sections().items():
            other: dict[str, str] = {}
            if heading == "The first charge":
                click_through(shop, text, other)
                continue
            for step in STEP.finditer(text):
                if step["label"]:
                    other[step["label"]] = step["value"]
                elif step["language"] and other:
                    click_through(shop, clicks, other)
                    other = {}
                if step["language"]:
                    run_block(shop, step["language"], step["code"], running)
    installed = shop.shell("python -c 'import django_dinero; print(django_dinero.__file__)'")
    assert str(shop.folder) in installed
