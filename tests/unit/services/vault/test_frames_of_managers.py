"""Card data given to a manager: no frame below the caller's shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_dinero.exceptions import InvalidInput
from django_dinero.models import CreditCard, Customer
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

NUMBER, CVV = "54240000" + "00000015", "97" + "38"
Make = Callable[..., Customer]


def shown(error: BaseException) -> list[str]:
    """The functions whose frames show number or CVV, apart from this file's."""
    found = []
    links: list[BaseException] = [error]
    while links:
        link = links.pop()
        links += [each for each in (link.__cause__, link.__context__) if each is not None]
        trace = link.__traceback__
        while trace is not None:
            frame, trace = trace.tb_frame, trace.tb_next
            texts = [repr(value) for value in frame.f_locals.values()]
            if frame.f_code.co_filename != __file__ and any(
                secret in text for secret in (NUMBER, CVV) for text in texts
            ):
                found.append(frame.f_code.co_name)
    return found


@pytest.mark.parametrize("name", ["get_or_create", "update_or_create"])
@pytest.mark.parametrize("of_a_query", [False, True])
def test_no_frame_shows_a_card_that_is_refused(
    gateway: RecordingGateway, make_customer: Make, name: str, of_a_query: bool
) -> None:
    rows: Any = CreditCard.objects.all() if of_a_query else CreditCard.objects
    defaults = {"number": NUMBER, "cvv": CVV, "month": 13, "year": 2031}
    with pytest.raises(InvalidInput) as caught:
        getattr(rows, name)(customer=make_customer(), card_id="none", defaults=defaults)
    assert "month" in caught.value.errors
    assert shown(caught.value) == []
