"""What web servers write down of addresses: each has its line, and no line has a card number."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.support.ports import answers, free_port
from tests.support.projects import PATIENCE, ROOT, append, command

pytestmark = [pytest.mark.once, pytest.mark.slow]

PAGE = (ROOT / "docs" / "going-live.md").read_text()
#: What the page puts at the end of ``wsgi.py``, and would put at that of ``asgi.py``.
BLOCK = re.compile(r"```python\n(# at the end of wsgi\.py\n.*?)```", re.DOTALL)
NUMBER = "4111111111111111"

SERVERS = {
    "gunicorn": ("gunicorn", "--access-logfile", "-", "--bind", "{host}", "shop.wsgi"),
    "gunicorn, preloaded": (
        *("gunicorn", "--access-logfile", "-", "--bind", "{host}", "--preload", "shop.wsgi"),
    ),
    "uvicorn": ("uvicorn", "--port", "{port}", "shop.asgi:application"),
    "runserver": ("manage.py", "runserver", "--noreload", "{host}"),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A new project, with the block of the page in both of its files."""
    command(tmp_path, "-m", "django", "startproject", "shop", ".")
    (block,) = BLOCK.findall(PAGE)
    for name in ("wsgi.py", "asgi.py"):
        append(tmp_path, block.replace("wsgi.py", f"shop/{name}", 1))
    return tmp_path


@pytest.mark.parametrize("server", SERVERS)
def test_the_access_log_has_the_line_and_not_the_number(project: Path, server: str) -> None:
    module, *words = SERVERS[server]
    if module != "manage.py":
        pytest.importorskip(module)
    log = project / "access.log"
    with serving(project, log, module, *words) as address:
        found = requests.get(f"{address}/nowhere/?number={NUMBER}", timeout=PATIENCE)
        assert found.status_code == 404
        # Some servers write the line when the answer has gone already.
        wait_for(log, "GET /nowhere/?number=[secret] HTTP/1.1")
    assert NUMBER not in log.read_text()


def wait_for(log: Path, line: str) -> None:
    end = time.monotonic() + PATIENCE
    while line not in log.read_text():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)


@contextmanager
def serving(folder: Path, log: Path, module: str, *words: str) -> Iterator[str]:
    """Serve a project, write to a file what the server says, and give its address."""
    port = free_port()
    places = {"port": port, "host": f"127.0.0.1:{port}"}
    program = [module] if module == "manage.py" else ["-m", module]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    with log.open("wb") as file:
        server = subprocess.Popen(
            [sys.executable, *program, *(word.format(**places) for word in words)],
            cwd=folder,
            env={**kept, "PYTHONPATH": os.pathsep.join([str(ROOT), kept.get("PYTHONPATH", "")])},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        end = time.monotonic() + PATIENCE
        while not answers(port):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(PATIENCE)
