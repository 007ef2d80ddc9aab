"""The secrets that are planted in requests, and the search for them."""

from __future__ import annotations

import re

from tests.support import sinks

NUMBER = "4012888888881881"
#: Its check digit is wrong: refused, and not shown either.
MALFORMED = "4012888888881882"
CVV = "9089"
TOKEN = "tok-planted-kqzvxw"
SECRETS = (NUMBER, MALFORMED, TOKEN)

#: Random digits, in which four given ones come up now and then: ids, addresses, times.
_RANDOM = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]+|0x[0-9a-f]+|[0-9a-f]{20,}|\d{13,}|[.,] ?\d{6}\b"
)


def leaks(text: str) -> list[str]:
    """Which of the planted secrets stand in a text."""
    return [*sinks.found(text, SECRETS), *sinks.found(_RANDOM.sub(" ", text), [CVV])]
