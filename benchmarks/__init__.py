"""Side by side measurements, each a ratio taken in one run: ``python -m benchmarks``."""
