"""What a project's own user model may lack."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser

from django_dinero.users import email_of, has_permission, is_staff


class Bare:
    """A user of ``AbstractBaseUser`` alone."""

    @classmethod
    def get_email_field_name(cls) -> str:
        return "email"


class Named(Bare):
    """One with an address that may be null."""

    email: str | None = None


@pytest.mark.parametrize("user", [None, AnonymousUser(), Bare()])
def test_who_has_nothing_of_it(user: Any) -> None:
    assert not is_staff(user)
    assert not has_permission(user, "dinero.view_transaction")


def test_who_has_it() -> None:
    root = get_user_model()(is_staff=True, is_superuser=True, email="root@example.com")
    assert is_staff(root)
    assert has_permission(root, "dinero.view_transaction")
    assert email_of(root) == "root@example.com"
    root.is_active = False
    assert not has_permission(root, "dinero.view_transaction")


@pytest.mark.parametrize("user", [Bare(), Named()])
def test_who_has_no_address(user: Any) -> None:
    assert email_of(user) == ""
