"""The guide's shop, made from its files in a new project, sells something; its parts are real."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client

from django_dinero.models import CreditCard
from tests.support.projects import AT_THE_END, append, command
from tests.support.recording import RecordingGateway

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "shop.md").read_text()
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
BLOCK = re.compile(r"```(?:python|html)\n(.*?)```", re.DOTALL)
#: The comment in a block's first line: where it belongs.
FILE = re.compile(r"(?:# (\S+\.py)|\{# (\S+\.html) #\})\n")
IN_SHELL = "# in manage.py shell\n"

#: What a shopper does there, with a token as the browser gets it.
SHOPPING = """
import re
from django.test import Client
from django_dinero.gateways.registry import get_gateway
from django_dinero.models import Transaction
from orders.models import Order

client, order = Client(), "/orders/A-1001/"
assert client.get(order)["Location"] == f"/sign-in/?next={order}"
signed = client.post(f"/sign-in/?next={order}", {"username": "bill", "password": "bill"})
assert signed["Location"] == order
assert f"/cards/?next={order}" in client.get(order).content.decode()
cards = client.get(f"/cards/?next={order}").content.decode()
token = get_gateway().bank.mint_token("4111111111111111", month=12, year=2040, cvv="900")
key = re.search(r'name="key" value="([^"]+)"', cards)[1]
posted = {"key": key, "token": token, "first_name": "B", "last_name": "B", "zip": "12345"}
assert client.post(f"/cards/?next={order}", posted)["Location"] == order
page = client.get(order).content.decode()
assert '<p class="dinero-message" role="status">Visa •••• 1111 was saved.</p>' in page
assert "Pay 16.00" in page
fields = dict(re.findall(r'name="(attempt|card|shown_amount)" value="([^"]+)"', page))
broken = client.post(order, {"card": fields["card"]})
assert (broken.status_code, "“attempt” is missing" in broken.content.decode()) == (422, True)
assert client.post(order, fields)["Location"] == order
assert "Thank you." in client.get(order).content.decode()
asked = client.get(f"/cards/?remove={fields['card']}").content.decode()
assert "Remove this card?" in asked
print(Transaction.objects.get().price)
from django.core import mail
print(len(mail.outbox), "mail")
"""


def blocks() -> list[str]:
    """The code of the guide, but for its doctests."""
    return [block for block in BLOCK.findall(GUIDE) if ">>> " not in block]


@pytest.mark.once
@pytest.mark.slow
def test_the_shop_of_the_guide_takes_a_card_and_is_paid(tmp_path: Path) -> None:
    command(tmp_path, "-m", "django", "startproject", "shop", ".")
    for block in BLOCK.findall(TUTORIAL)[:2]:
        append(tmp_path, block)
    command(tmp_path, "manage.py", "startapp", "orders")
    shell = ""
    for block in blocks():
        file = FILE.match(block)
        if file is not None:
            path = tmp_path / (file[1] or file[2])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block)
        elif block.startswith(IN_SHELL):
            shell += block
        elif AT_THE_END.match(block):
            append(tmp_path, block)
    append(tmp_path, '# at the end of shop/settings.py\nALLOWED_HOSTS = ["testserver"]\n')
    command(tmp_path, "manage.py", "makemigrations", "orders")
    command(tmp_path, "manage.py", "migrate", "--verbosity", "0")
    sold = command(tmp_path, "manage.py", "shell", given=OUTBOX + shell + SHOPPING)
    assert sold.split()[-3:] == ["16.00", "1", "mail"]


#: Where the receipts go, before the shop's first mail.
OUTBOX = "from django.test.utils import setup_test_environment\nsetup_test_environment()\n"


def test_every_block_has_a_place() -> None:
    (written,) = (ROOT / "django_dinero" / "templates").rglob("pay_form.html")
    free = [
        block
        for block in blocks()
        if not (FILE.match(block) or AT_THE_END.match(block) or block.startswith(IN_SHELL))
    ]
    assert len(free) == 1
    assert free[0] in written.read_text()


def test_every_part_that_is_named_is_there() -> None:
    tags = (ROOT / "django_dinero" / "templatetags" / "dinero_wallet.py").read_text()
    named = set(re.findall(r"\{% (dinero_\w+)", GUIDE))
    assert named == set(re.findall(r"^def (dinero_\w+)", tags, re.MULTILINE))


@pytest.mark.django_db
def test_the_form_of_the_guide(client: Client, gateway: RecordingGateway) -> None:
    token = gateway.bank.mint_token("5424000000000015", month=12, year=2090, cvv="900")
    form = re.search(r">>> form = (\{.*\})", GUIDE)
    assert form is not None
    posted = eval(form[1], {"token": token})  # noqa: S307 - it is our own page
    assert client.post("/cards/", posted).status_code == 302
    assert CreditCard.objects.get().last_4 == "0015"
