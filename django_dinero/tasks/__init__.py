"""Work in the background, where ``DINERO["TASKS"]`` names an engine that carries it out.

``queue.py`` hands a job over, ``with_django.py`` and ``with_celery.py`` are the two engines, and
``work.py`` has the jobs themselves. Without the setting nothing here does anything: whatever is to
be done is done at once by a plain call, or by the next ``dinero_reconcile``.
"""
