"""A test bank that speaks Authorize.Net's XML, its replies held against the official schema."""

from __future__ import annotations

import pytest
from lxml import etree

from django_dinero.sandbox.bank.bank import Bank
from tests.conftest import SHARED_DATA
from tests.support.authorizenet import Talk


@pytest.fixture(scope="session")
def official() -> etree.XMLSchema | None:
    """The official schema; None where it is not: the replies are then taken as they are."""
    path = SHARED_DATA / "AnetApiSchema.xsd"
    return etree.XMLSchema(etree.parse(path)) if path.exists() else None


@pytest.fixture
def talk(bank: Bank, official: etree.XMLSchema | None) -> Talk:
    """Sends operations to the bank and reads its replies."""
    return Talk(bank, official)
