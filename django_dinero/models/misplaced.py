"""Card numbers typed into the wrong field: hidden from every frame, refused before a write.

A traceback shows the local variables of each call, and error reporters send them. So the managers
hide such a number as the first thing they do, and leave it to the check of the values to refuse it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from django.db.models import CharField, PositiveSmallIntegerField, Value
from django.db.models.expressions import BaseExpression, Subquery

from django_dinero.cards import hidden_if_card_number, unsendable, wrap_secrets
from django_dinero.exceptions import InvalidInput
from django_dinero.redaction import Secret

if TYPE_CHECKING:
    from django_dinero.models.pushed import PushedModel

ArgsT = ParamSpec("ArgsT")
ResultT = TypeVar("ResultT")

#: Fields that hold what people have typed. The others are keys, which may be as long as a card's.
TYPED = (CharField, PositiveSmallIntegerField)


@cache
def typed_names(model: type[PushedModel]) -> tuple[str, ...]:
    """Return the names of the pushed fields that people type into: texts, month and year."""
    fields = ((name, model._meta.get_field(name)) for name in model.PUSHED_FIELDS)
    return tuple(name for name, field in fields if isinstance(field, TYPED))


@cache
def _known_names(model: type[PushedModel]) -> frozenset[str]:
    """Return what a constructor of the model takes, and a query set writes."""
    fields = ((field.name, field.attname) for field in model._meta.concrete_fields)
    return frozenset(model._meta._property_names).union(*fields)  # type: ignore[attr-defined]


def hide_card_numbers(model: type[PushedModel], values: dict[str, Any]) -> None:
    """Turn number, CVV, token and every misplaced card number into secrets, in place.

    Args:
        model: whose fields the values are for.
        values: values and expressions by field.
    """
    wrap_secrets(values, misplaced=False)
    for name in _looked_at(model, values):
        for text in _texts_in(values.get(name)):
            hidden = hidden_if_card_number(name, text)
            if isinstance(hidden, Secret):
                values[name] = hidden


def _looked_at(model: type[PushedModel], values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the typed fields, and names of no field, which Django refuses and shows."""
    mistyped = (name for name in values.keys() - _known_names(model) if "__" not in name)
    return (*typed_names(model), *mistyped)


def _texts_in(value: object) -> Iterator[object]:
    if not isinstance(value, BaseExpression):
        yield value
        return
    for each in value.flatten():
        if isinstance(each, Value):
            yield each.value
        elif isinstance(each, Subquery):
            # What it selects is no part of it, for Django.
            for selected in each.query.annotations.values():
                yield from _texts_in(selected)


def refuse_card_numbers(model: type[PushedModel], values: dict[str, Any]) -> None:
    """Refuse misplaced card numbers, for writes that bypass ``save()``.

    Args:
        model: whose fields the values are for.
        values: values and expressions by field; what is refused is hidden in it.

    Raises:
        InvalidInput: it names the fields.
    """
    hide_card_numbers(model, values)
    found = {name: values.get(name) for name in typed_names(model)}
    errors = {
        name: unsendable(value.reveal(), name)
        for name, value in found.items()
        if isinstance(value, Secret)
    }
    if errors:
        raise InvalidInput(errors)


def hides_card_numbers(method: Callable[ArgsT, ResultT]) -> Callable[ArgsT, ResultT]:
    """Decorate a method of a manager or a query set: no frame below the caller's shows a number.

    Its keyword arguments, and mappings among its arguments, go through :func:`hide_card_numbers`.
    """

    @wraps(method)
    def hiding(*args: ArgsT.args, **kwargs: ArgsT.kwargs) -> ResultT:
        rows = cast("Any", args[0])
        own = cast("dict[str, Any]", kwargs)
        hide_card_numbers(rows.model, own)
        for name in ("defaults", "create_defaults"):
            if isinstance(own.get(name), Mapping):
                own[name] = _hidden(rows.model, own[name])
        args = tuple(  # type: ignore[assignment]
            _hidden(rows.model, each) if isinstance(each, Mapping) else each for each in args
        )
        return method(*args, **kwargs)

    return hiding


def _hidden(model: type[PushedModel], values: Mapping[str, Any]) -> dict[str, Any]:
    copy = dict(values)
    hide_card_numbers(model, copy)
    return copy
