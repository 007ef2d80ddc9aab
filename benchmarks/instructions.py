"""``python -m benchmarks.instructions charge void``: how many instructions these verbs take.

Without names all of them are counted. It takes about a quarter of a minute for the start, and some
seconds for each verb.
"""

from __future__ import annotations

import argparse
import os

import django

# Whatever is set already, by a test run for example: its database would be dropped.
os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
os.environ.setdefault("BENCH_DATABASE", os.environ.get("DINERO_TEST_POSTGRES_URL", ""))
django.setup()

from benchmarks import callgrind, report  # noqa: E402
from benchmarks.verbs import COMPARISONS, VERBS  # noqa: E402


def main() -> None:
    """Count, and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.instructions",
        description="Instructions per call, ours and by hand; on PostgreSQL if "
        "DINERO_TEST_POSTGRES_URL is set.",
    )
    parser.add_argument("verbs", nargs="*", metavar="verb", help=", ".join(VERBS))
    parser.add_argument("--calls", type=int, default=callgrind.CALLS)
    options = parser.parse_args()
    if unknown := sorted(set(options.verbs) - set(VERBS)):
        parser.error(f"{', '.join(unknown)}: none of {', '.join(VERBS)}")
    wanted = [one for one in COMPARISONS if one.ours in (options.verbs or VERBS)]
    print(report.text(callgrind.count(wanted, options.calls)))


if __name__ == "__main__":
    main()
