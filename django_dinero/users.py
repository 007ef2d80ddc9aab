"""What a project's own user model may lack: e-mail, staff, permissions.

``AbstractBaseUser`` alone has none of them. Who has no permissions holds none.
"""

from __future__ import annotations

from typing import Any


def is_staff(user: Any) -> bool:
    """Say whether somebody is staff; False for nobody."""
    return bool(getattr(user, "is_staff", False))


def has_permission(user: Any, permission: str) -> bool:
    """Say whether somebody holds a permission; False for nobody."""
    has_perm = getattr(user, "has_perm", None)
    return has_perm is not None and bool(has_perm(permission))


def email_of(user: Any) -> str:
    """Return a user's e-mail address, empty without one."""
    return str(getattr(user, user.get_email_field_name(), None) or "")
