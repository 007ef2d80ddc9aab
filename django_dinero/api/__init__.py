"""The REST API, on Django REST framework: ``path("api/", include("django_dinero.api.urls"))``."""
