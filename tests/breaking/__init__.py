"""Breaks every verb off at each of its statements, commits and wire events in turn.

Deterministic: the points are counted, not named by hand, nothing waits, and the clock is moved.
What dies is gone with its memory and its open transaction. Then everything is settled once, and
the books of both sides are compared. ``python -m tests.breaking`` runs it all.
"""
