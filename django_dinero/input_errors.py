"""Several checks of what a caller passed, and one error that names every wrong field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from django_dinero.cards import card_input_error
from django_dinero.exceptions import InvalidInput

ResultT = TypeVar("ResultT")
ArgsT = ParamSpec("ArgsT")


class InputErrors:
    """Collects the errors of several checks, by field. The first error of a field is kept."""

    def __init__(self) -> None:
        self.by_field: dict[str, str] = {}
        #: The class of the first that was collected and has one of its own.
        self._own_class: type[InvalidInput] = InvalidInput

    def collect(
        self, check: Callable[ArgsT, ResultT], *args: ArgsT.args, **kwargs: ArgsT.kwargs
    ) -> ResultT | None:
        """Make a check and return its result, or None if it raised :class:`InvalidInput`."""
        try:
            return check(*args, **kwargs)
        except InvalidInput as error:
            found = error.by_field
            if self._own_class is InvalidInput:
                self._own_class = type(error)
        self.add(found)
        return None

    def add(self, errors: Mapping[str, str]) -> None:
        """Add errors that were found elsewhere."""
        self.by_field = {**errors, **self.by_field}

    def as_exception(self, **context: Any) -> InvalidInput:
        """Return :class:`InvalidInput`, or the subclass for the first wrong card field.

        Args:
            **context: for the exception.
        """
        error = card_input_error(self.by_field, **context)
        if type(error) is InvalidInput:
            error = self._own_class(self.by_field, **context)
        return error

    def raise_if_any(self) -> None:
        """Raise :meth:`as_exception` if anything is wrong."""
        if self.by_field:
            raise self.as_exception()
