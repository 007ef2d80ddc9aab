"""The WSGI application: ``gunicorn example_project.wsgi``."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from django_dinero.logs import mask_access_logs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")
application = get_wsgi_application()
# Somebody calls an address with a card number in it one day, and the server writes it down.
mask_access_logs()
