"""The admin twice: Django's own site, and one of the project's."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from django_dinero.admin import CreditCardAdmin, CustomerAdmin, OperationAdmin, TransactionAdmin
from django_dinero.models import CreditCard, Customer, Operation, Transaction

shop = admin.AdminSite(name="shop")
shop.register(Customer, CustomerAdmin)
shop.register(CreditCard, CreditCardAdmin)
shop.register(Transaction, TransactionAdmin)
shop.register(Operation, OperationAdmin)

urlpatterns = [path("admin/", admin.site.urls), path("shop/", shop.urls)]
