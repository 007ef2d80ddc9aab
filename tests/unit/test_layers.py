"""The rooms of the package: who may import whom. The contracts stand in pyproject.toml."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter over the package of ``folder`` with that folder's pyproject.toml."""
    return subprocess.run(
        [
            Path(sys.executable).with_name("lint-imports"),
            "--no-cache",
            "--config",
            "pyproject.toml",
        ],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copied_package(tmp_path: Path) -> Path:
    """A copy of the package and its contracts, to break on purpose."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "django_dinero", tmp_path / "django_dinero", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_architecture_page_names_every_room() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    page = page[page.index("## The folders") :]
    told = {name.strip("/").removesuffix(".py") for name in re.findall(r"`([^`\s]+)`", page)}
    package = ROOT / "django_dinero"
    rooms = {path.stem for path in package.glob("*.py")} - {"__init__"}
    rooms |= {path.parent.name for path in package.glob("*/*.py")} - {"migrations"}
    services = {
        path.relative_to(package).with_suffix("").as_posix()
        for path in (package / "services").rglob("*.py")
        if path.stem != "__init__"
    }
    assert rooms | services <= told


def test_the_architecture_page_names_nothing_that_is_not_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    named = re.findall(r"`([a-z_]+(?:/[a-z_]*)*/|[a-z_/]+\.py)`", page)
    package = ROOT / "django_dinero"
    places = [package, package / "gateways" / "authorizenet"]
    assert len(named) > 40
    assert not [name for name in named if not any((place / name).exists() for place in places)]


def test_every_room_keeps_the_contracts() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " 0 broken" in result.stdout


@pytest.mark.parametrize(
    ("room", "line", "said"),
    [
        (
            "money.py",
            "import django_dinero.gateways.base",
            "django_dinero.money -> django_dinero.gateways.base",
        ),
        ("new_room.py", "", "- django_dinero.new_room"),
    ],
)
def test_the_contracts_see_a_breach(copied_package: Path, room: str, line: str, said: str) -> None:
    with (copied_package / "django_dinero" / room).open("a") as file:
        file.write(f"\n{line}\n")
    result = lint_imports(copied_package)
    assert result.returncode == 1, result.stdout + result.stderr
    assert said in result.stdout
