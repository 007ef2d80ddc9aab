"""The one door from the models up to the services."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from types import FunctionType

import pytest

from django_dinero.models import _services

PACKAGE = Path(_services.__file__).parents[1]
LOWER = ("models", "gateways", "sandbox", "protocols", "db")


def type_checking_imports(path: Path) -> list[str]:
    """Return what a file imports for type checkers alone."""
    tree = ast.parse(path.read_text())
    guarded = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    inside = [each for node in guarded for part in node.body for each in ast.walk(part)]
    return [each.module or "" for each in inside if isinstance(each, ast.ImportFrom)]


def test_no_other_file_below_looks_up_to_the_services() -> None:
    files = [path for room in LOWER for path in (PACKAGE / room).rglob("*.py")]
    files += [path for path in PACKAGE.glob("*.py") if path.stem not in ("receivers", "apps")]
    looking = {
        path.relative_to(PACKAGE).as_posix()
        for path in files
        if any(name.startswith("django_dinero.services") for name in type_checking_imports(path))
    }
    assert looking == {"models/_services.py"}


def test_each_name_is_the_module_that_type_checkers_see() -> None:
    tree = ast.parse(Path(_services.__file__).read_text())
    seen = {
        (alias.asname or alias.name): f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("django_dinero")
        for alias in node.names
    }
    assert set(seen) == set(_services.__all__)
    for name, path in seen.items():
        module = importlib.import_module(path)
        public = {n: f for n, f in vars(module).items() if isinstance(f, FunctionType)}
        for verb, function in public.items():
            assert getattr(getattr(_services, name), verb) is function


@pytest.mark.parametrize(
    ("settings", "call"),
    [
        ("INSTALLED_APPS=[]", "_services.charges.charge"),
        ("INSTALLED_APPS=['django.contrib.auth']", "_services.customers.create_customer"),
    ],
)
def test_an_app_that_is_not_installed_names_the_cure(settings: str, call: str) -> None:
    code = (
        "import importlib.util, sys\n"
        "from django.conf import settings\n"
        f"settings.configure({settings})\n"
        f"spec = importlib.util.spec_from_file_location('_services', {_services.__file__!r})\n"
        "_services = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(_services)\n"
        f"{call}\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "RuntimeError: django_dinero is not ready: put 'django_dinero'" in result.stderr
