"""Fields that show no secret again, and how our errors become a form's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from django_dinero import identifiers
from django_dinero.exceptions import InvalidInput
from django_dinero.models.labels import label_of
from django_dinero.redaction import Secret

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[Any]
else:
    _ModelForm = forms.ModelForm

#: Classes of the admin's stylesheet.
WIDE, SHORT = "vTextField", "vIntegerField"


class SecretInput(forms.TextInput):
    """A text input that never renders a value, not even the one that was just refused."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Return the template's context, without the value."""
        return super().get_context(name, None, attrs)


class SecretField(forms.Field):
    """A card number, CVV or token: cleaned to a :class:`Secret`, None where nothing was typed."""

    widget = SecretInput

    def to_python(self, value: Any) -> Secret | None:
        """Return what was typed as a secret."""
        text = value if isinstance(value, Secret) else Secret(str(value or "").strip())
        return text or None

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whatever was typed is new."""
        return bool(data)


class KeyField(forms.CharField):
    """The hidden one-time key of a page: sent twice, it does one thing.

    Raises:
        ValidationError: it is missing or was tampered with.
    """

    widget = forms.HiddenInput

    def __init__(self) -> None:
        super().__init__(
            min_length=identifiers.KEY_LENGTH,
            max_length=identifiers.KEY_LENGTH,
            initial=identifiers.new_key,
            error_messages={
                "required": _("This page is out of date; open it again."),
                "min_length": _("This page is out of date; open it again."),
                "max_length": _("This page is out of date; open it again."),
            },
        )


class KeepsOthersChanges(_ModelForm):
    """A form whose untouched fields keep what others have saved since the page was opened.

    Each field is sent with the value that the page showed. One that comes back unchanged is left as
    the row has it now.
    """

    #: Fields of the model that are watched so.
    compared: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            for name in self.fields.keys() & set(self.compared):
                self.fields[name].show_hidden_initial = True

    def _post_clean(self) -> None:
        for name in self.cleaned_data.keys() & set(self.compared):
            shown = self[name].html_initial_name in self.data
            if shown and name not in self.changed_data:
                self.cleaned_data[name] = getattr(self.instance, name)
        super()._post_clean()  # type: ignore[misc]


def numeric(length: int, **attrs: Any) -> dict[str, Any]:
    """Return the attributes of an input for ``length`` characters, most of them digits."""
    return {
        "class": SHORT,
        "size": str(length),
        "maxlength": str(length),
        "inputmode": "numeric",
        # The customer's data, not those of whoever sits here: the browser shall not offer to fill
        # them in or to keep them.
        "autocomplete": "off",
        **attrs,
    }


def text(label: Any, limit: int = 255, **options: Any) -> forms.CharField:
    """Return an optional line of text.

    Args:
        label: what stands before it.
        limit: the longest text, in characters.
        **options: of :class:`~django.forms.CharField`.
    """
    attrs = {"class": WIDE, "autocomplete": "off"}
    options.setdefault("required", False)
    return forms.CharField(
        label=label, max_length=limit, widget=forms.TextInput(attrs=attrs), **options
    )


def add_errors(
    form: forms.BaseForm, error: InvalidInput, names: Mapping[str, str] | None = None
) -> None:
    """Put each of our errors at its field, those of fields that the form lacks on top.

    Args:
        form: it gets the errors; fields that have one already keep it alone.
        error: what was refused.
        names: our names of fields -> the form's, where they differ.
    """
    for name, texts in error.errors.items():
        field = (names or {}).get(name, name)
        if field in form.fields and field not in form.errors:
            for each in texts:
                form.add_error(field, each)
        elif field not in form.fields:
            for each in texts:
                form.add_error(None, f"{label_of(name)}: {each}")


def refuse_misplaced(form: forms.BaseForm, misplaced: tuple[str, ...]) -> None:
    """Add an error to each field that had a card number where none belongs; it was removed."""
    for name in misplaced:
        message = _("This looked like a card number and was removed; it has a field of its own.")
        form.add_error(name if name in form.fields else None, message)
