"""A small shop on django-dinero: ``make serve`` and ``make demo`` run it."""
