"""Sphinx's settings. `make docs` builds docs/ into site/, and a warning fails the build.

The pages load nothing from another host: the theme's files and the search index are all local, and
there is no intersphinx, since a build must not need the network either.
"""

from __future__ import annotations

import inspect
import re
import sys
from enum import Enum
from pathlib import Path
from typing import Any, get_type_hints, is_typeddict

import django
from django.conf import settings
from django.db.models import Field, Model
from sphinx.util.typing import stringify_annotation

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# Enough for autodoc to import models and gateways; nothing is read or written.
settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django_dinero"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()

from django_dinero import __version__  # noqa: E402
from django_dinero.models import CreditCard, Customer, Transaction, arguments  # noqa: E402
from django_dinero.models import card as card_module  # noqa: E402
from django_dinero.models import customer as customer_module  # noqa: E402

# What these modules import for type checkers alone. With one name missing, autodoc resolves none of
# a signature.
for module in (arguments, card_module, customer_module):
    vars(module).update(Customer=Customer, CreditCard=CreditCard, Transaction=Transaction)

project = "django-dinero"
author = "django-dinero contributors"
copyright = author  # noqa: A001 - Sphinx's name
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
highlight_language = "none"
myst_enable_extensions = ["attrs_block", "deflist"]
myst_heading_anchors = 3  # `page.md#a-heading` is a link

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
toc_object_entries_show_parents = "hide"

napoleon_use_rtype = False  # in "Returns:", what stands before a colon need not be a type

nitpicky = True
# Names of other projects: no inventory is fetched.
nitpick_ignore_regex = [
    ("py:.*", r"(django|rest_framework|prometheus_client)\..*"),
    ("py:.*", r"(collections|contextlib|datetime|decimal|enum|http|unittest|uuid)\..*"),
    ("py:exc", "ImproperlyConfigured|Http404|SMTPException"),
    ("py:data", "HOOKS"),
    ("py:exc", r".*\.\.\."),  # "CardDeclinedError, ...": and its like
]

html_theme = "furo"
html_title = "django-dinero"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_js_files = ["tables.js"]
html_copy_source = False
html_theme_options = {"top_of_page_buttons": []}


def list_columns(
    app: object, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Append the columns of a model to its docstring: Django's descriptors have none."""
    if what == "class" and isinstance(thing, type) and issubclass(thing, Model):
        columns = ", ".join(_column(field) for field in thing._meta.concrete_fields)
        lines += ["", f"Columns: {columns}.", ""]


def _column(field: Field[Any, Any]) -> str:
    values = ", ".join(f"``{value}``" for value, _label in field.flatchoices)
    return f"``{field.attname}`` ({values})" if values else f"``{field.attname}``"


def list_arguments(
    app: object, what: str, name: str, thing: Any, options: object, lines: list[str]
) -> None:
    """Append the arguments that a class of options adds to those of its bases."""
    if what != "class" or not is_typeddict(thing):
        return
    # At run time such a class has no base but dict.
    bases = re.findall(r"\w+Options", inspect.getsource(thing).partition(":")[0])[1:]
    known = {each for base in bases for each in vars(arguments)[base].__annotations__}
    hints = get_type_hints(thing)
    own = [f"* ``{each}``: ``{_shown(hints[each])}``" for each in hints if each not in known]
    others = [f"* those of :class:`{base}`" for base in bases]
    lines += ["", *own, *others, ""]


def _shown(hint: object) -> str:
    return re.sub(r"\b(?:\w+\.)+", "", stringify_annotation(hint))


def hide_model_arguments(
    app: object, what: str, name: str, thing: object, options: object, signature: str, returns: str
) -> tuple[str, str] | None:
    """A model is made by its verbs; ``(*args, **kwargs)`` says nothing."""
    is_model = isinstance(thing, type) and issubclass(thing, Model)
    return ("", "") if what == "class" and is_model else None


def keep_enum_members(
    app: object, what: str, name: str, thing: object, skip: bool, options: object
) -> bool | None:
    """Show the values of an enum, most of which speak for themselves."""
    return False if isinstance(thing, Enum) else None


#: Docstrings that are one sentence; napoleon takes what stands before a colon in it for a type.
_sentences: dict[str, list[str]] = {}


def hide_sentence(
    app: object, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Keep the docstring of an attribute from napoleon."""
    if what in ("attribute", "data", "property"):
        _sentences[name], lines[:] = list(lines), [""]


def show_sentence(
    app: object, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Put it back."""
    lines[:] = _sentences.pop(name, lines)


def resolve_short_name(app: Any, env: Any, node: Any, shown: Any) -> Any:
    """Find ``InvalidInput`` wherever it is documented: docstrings name what they import."""
    if node.get("refdomain") != "py":
        return None
    node["refspecific"] = True
    where, kind, name = node.get("refdoc"), node["reftype"], node["reftarget"]
    return env.get_domain("py").resolve_xref(env, where, app.builder, kind, name, node, shown)


def setup(app: Any) -> None:
    """Connect what is above."""
    app.connect("autodoc-process-docstring", hide_sentence, priority=400)
    app.connect("autodoc-process-docstring", show_sentence, priority=600)
    app.connect("missing-reference", resolve_short_name)
    app.connect("autodoc-process-docstring", list_columns)
    app.connect("autodoc-process-docstring", list_arguments)
    app.connect("autodoc-skip-member", keep_enum_members)
    app.connect("autodoc-process-signature", hide_model_arguments)
