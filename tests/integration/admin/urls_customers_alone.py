"""A site of the project that shows customers and nothing else of the app."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from django_dinero.admin import CustomerAdmin
from django_dinero.models import Customer

office = admin.AdminSite()
office.register(Customer, CustomerAdmin)

urlpatterns = [path("office/", office.urls)]
