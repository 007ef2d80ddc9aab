"""Takes each guard of the promise away in turn, and sees that a test notices.

A test that passes with and without what it guards is no test of it. ``python -m tests.guards``
edits a copy of the project, never this one.
"""
