from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.crypto import get_random_string


def new_reference() -> str:
    return get_random_string(8, "ABCDEFGHJKLMNPQRSTUVWXYZ23456789")


class Order(models.Model):
    """What somebody buys. Whether it is paid, the books know."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    reference = models.CharField(max_length=20, unique=True, default=new_reference)
    title = models.CharField(max_length=100)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager[Order]] = models.Manager()

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.reference}: {self.title}"
