"""A worker of django-tasks-db: ``python -m tests.support.workers``."""

from __future__ import annotations

import django
from django.core.management import call_command

django.setup()

from tests.support.workers.held import plant  # noqa: E402

plant()
call_command("db_worker", interval=0.1, startup_delay=False, reload=False, verbosity=0)
