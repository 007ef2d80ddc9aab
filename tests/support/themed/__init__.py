"""A project whose admin has another theme: django-unfold, with our admins on its base class."""
