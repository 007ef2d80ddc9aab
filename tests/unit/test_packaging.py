"""The wheel as a user gets it: built from what git knows, installed, imported, templates loaded."""

from __future__ import annotations

import json
import sys
import sysconfig
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from tests.support.wheels import build_wheel, run, tracked

pytestmark = pytest.mark.slow

#: Run by the fresh environment: which files the package and its templates are loaded from.
PROBE = """
import json, sys, django
from django.conf import settings
from django.template.loader import get_template

settings.configure(
    SECRET_KEY="probe",
    INSTALLED_APPS=[
        "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.admin",
        "django.contrib.messages", "django.contrib.sessions", "rest_framework", "django_dinero",
    ],
    TEMPLATES=[{
        "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
    }],
)
django.setup()
import django_dinero
origins = [get_template(name).origin.name for name in json.loads(sys.argv[1])]
print(json.dumps({"package": django_dinero.__file__, "templates": origins}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def fresh_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment in which only the wheel was installed; it borrows our dependencies."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python]
    run(*pip, "install", "--no-deps", "--no-index", wheel)
    # A folder named in a .pth is searched, its own .pth files are not read: the editable install
    # of this checkout stays out.
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    shipped = {name for name in names if ".dist-info/" not in name}
    assert shipped == set(tracked("django_dinero"))
    assert "django_dinero/py.typed" in shipped


def test_its_metadata(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (path,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(archive.read(path).decode())
    needed = {
        requirement.split(">")[0].split("<")[0].lower()
        for requirement in metadata.get_all("Requires-Dist", [])
        if "extra ==" not in requirement
    }
    assert needed == {
        *("django", "djangorestframework", "requests", "urllib3", "certifi", "xmltodict"),
        "iso4217",
    }
    extras = {"celery", "openapi", "opentelemetry", "prometheus", "tasks", "testing"}
    assert extras <= set(metadata.get_all("Provides-Extra", []))
    assert metadata["Name"] == "django-dinero"
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_a_fresh_environment_loads_package_and_templates_from_it(fresh_python: Path) -> None:
    templates = [
        name.partition("/templates/")[2]
        for name in tracked("django_dinero")
        if "/templates/" in name
    ]
    # Isolated: a PYTHONPATH of whoever runs the tests would bring this checkout back.
    printed = run(fresh_python, "-I", "-c", PROBE, json.dumps(templates), cwd=fresh_python.parent)
    loaded = json.loads(printed)
    site = str(fresh_python.parents[1])
    assert loaded["package"].startswith(site)
    assert len(loaded["templates"]) == len(templates)
    assert all(origin.startswith(site) for origin in loaded["templates"])
