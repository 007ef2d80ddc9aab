"""The endpoint for webhooks: ``include("django_dinero.webhooks.urls")``."""
