"""The quickstart, followed in a new project: what a shell has stored, the web server charges."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from tests.support.projects import ROOT, append, command

pytestmark = [pytest.mark.once, pytest.mark.slow]

PAGE = (ROOT / "docs" / "quickstart.md").read_text()
BLOCK = re.compile(r"```python\n(# at the end of .*?)```", re.DOTALL)
#: The commands of the page that end by themselves and ask nothing.
COMMANDS = ("check", "migrate")

#: What another process sees afterwards: the customer of the shell, the admin and the API.
LATER = """
from django.contrib.auth import get_user_model
from django.test import Client
from django_dinero.models import Customer
root = get_user_model().objects.create_superuser("root", "root@example.com", "root")
bill, client = Customer.objects.get(), Client()
client.force_login(root)
assert "Charge" in client.get(f"/admin/dinero/customer/{bill.pk}/change/").content.decode()
assert client.get("/api/customers/").json()["results"][0]["email"] == "bill@example.com"
number = client.post("/api/customers/", {"email": "a@example.com", "number": "4111111111111111"},
                     content_type="application/json")
assert number.status_code == 400
print(bill.charge("5").status)
"""


def test_the_readme_has_the_settings_of_the_quickstart() -> None:
    """In memory, what its ten lines have stored would be gone with the shell."""
    entry = re.compile(r"^DINERO = \{.*?^\}", re.DOTALL | re.MULTILINE)
    assert entry.findall((ROOT / "README.md").read_text()) == entry.findall(PAGE)


def test_what_the_shell_has_stored_is_charged_by_another_process(tmp_path: Path) -> None:
    command(tmp_path, "-m", "django", "startproject", "shop", ".")
    for block in BLOCK.findall(PAGE):
        append(tmp_path, block.replace("end of ", "end of shop/", 1))
    append(tmp_path, '# at the end of shop/settings.py\nALLOWED_HOSTS = ["testserver"]\n')
    for name in COMMANDS:
        assert f"python manage.py {name}\n" in PAGE
        command(tmp_path, "manage.py", name)
    typed = "".join(example.source for example in doctest.DocTestParser().get_examples(PAGE))
    command(tmp_path, "manage.py", "shell", "-c", typed)
    assert command(tmp_path, "manage.py", "shell", "-c", LATER).split()[-1] == "approved"
