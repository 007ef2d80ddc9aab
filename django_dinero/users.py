"""What a project's own user model may lack: staff and permissions.

``AbstractBaseUser`` alone has neither. Who has no permissions holds none.
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
