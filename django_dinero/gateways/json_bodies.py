"""Reads JSON that came from outside, without trusting its size or its depth."""

from __future__ import annotations

import json
import re
from typing import Any

#: Levels of arrays and objects. What gateways send has five or six.
MAX_DEPTH = 32

_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def read_object(raw_body: bytes) -> dict[str, Any] | None:
    """Return the object that a body holds; None if it is none, or nested too deep.

    The depth is measured first: where the interpreter gives up depends on its recursion limit.
    """
    if _depth(raw_body) > MAX_DEPTH:
        return None
    try:
        found = json.loads(raw_body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _depth(raw_body: bytes) -> int:
    deepest = depth = 0
    for byte in _STRINGS.sub(b"", raw_body):
        depth += _STEPS.get(byte, 0)
        deepest = max(deepest, depth)
    return deepest
