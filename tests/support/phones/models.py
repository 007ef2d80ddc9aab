from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models


class Phone(AbstractBaseUser):
    """A user of a shop whose staff sign in elsewhere."""

    number = models.CharField(max_length=30, unique=True)

    objects: ClassVar[models.Manager[Phone]] = models.Manager()

    USERNAME_FIELD = "number"
