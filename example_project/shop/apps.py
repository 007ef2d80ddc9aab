from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class ShopConfig(AppConfig):
    name = "example_project.shop"

    def ready(self) -> None:
        """Mail a receipt after each charge."""
        import_module("django_dinero.wallet.receipts").connect()
