"""Settings of the web server under load: the API behind an account of its own at the test bank."""

from __future__ import annotations

import json
import os

from benchmarks.growth_settings import *  # noqa: F403 - the same settings, and more
from django_dinero import throttle_rates

ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "benchmarks.load_urls"
# Each thread of the server keeps its connection, as a server in production does.
CONN_MAX_AGE = None
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["benchmarks.load_auth.ByPrimaryKey"],
    # Nobody pays as often as these shoppers do.
    "DEFAULT_THROTTLE_RATES": dict.fromkeys(throttle_rates.DEFAULTS),
}
DINERO = {"GATEWAYS": {"default": json.loads(os.environ["BENCH_LOAD_GATEWAY"])}}
