from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from example_project.shop import views

app_name = "shop"
urlpatterns = [
    path("", views.Shelf.as_view(), name="shelf"),
    path("cards/", views.Cards.as_view(), name="cards"),
    path("orders/", views.Orders.as_view(), name="orders"),
    path("orders/<slug:reference>/", views.OrderPage.as_view(), name="order"),
    path("sign-in/", LoginView.as_view(template_name="shop/sign_in.html"), name="sign-in"),
    path("sign-out/", LogoutView.as_view(next_page="shop:sign-in"), name="sign-out"),
]
