from __future__ import annotations

import os

import django

# Whatever is set already, by a test run for example: its database would be dropped.
os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
os.environ.setdefault("BENCH_DATABASE", os.environ.get("DINERO_TEST_POSTGRES_URL", ""))
django.setup()

from benchmarks.run import main  # noqa: E402 - models can be imported from here on

main()
