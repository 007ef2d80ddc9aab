"""The Celery app of a worker: ``celery -A tests.support.workers.celery_app worker``."""

from __future__ import annotations

import os

import django
from celery import Celery

app = Celery("shop", broker=os.environ["DINERO_TEST_REDIS"])
app.conf.broker_transport_options = {"global_keyprefix": os.environ["DINERO_KEY_PREFIX"]}
app.conf.broker_connection_retry_on_startup = True

django.setup()

from tests.support.workers.held import plant  # noqa: E402

plant()
