"""What staff read of an error."""

from __future__ import annotations

from django.forms import CharField, Form

from django_dinero.admin.messages import error_text
from django_dinero.exceptions import CardDeclinedError, InvalidInput
from django_dinero.forms.fields import add_errors

WRONG = InvalidInput({"month": "From 1 to 12.", "sent_twice": ["Once."], "zip": "4111111111111111"})


def test_wrong_input_is_told_by_the_labels_of_its_fields() -> None:
    said = "Expiry month: From 1 to 12. Sent twice: Once. Postal code: [secret]"
    assert error_text(WRONG) == said


def test_a_gateways_text_is_told_with_its_code() -> None:
    assert error_text(CardDeclinedError("No.", gateway_code="2")) == "No. (gateway code 2)"


def test_what_a_form_lacks_is_told_on_top_by_its_label() -> None:
    class Small(Form):
        zip = CharField()

    form = Small({"zip": "1"})
    add_errors(form, WRONG)
    assert form.errors["zip"] == ["4111111111111111"]
    assert form.non_field_errors() == ["Expiry month: From 1 to 12.", "Sent twice: Once."]
