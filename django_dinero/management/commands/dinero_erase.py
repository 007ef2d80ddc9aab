"""Erase what is stored of a person, here and at the gateway. The books stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy

from django_dinero.db.queries import primary
from django_dinero.exceptions import DineroError
from django_dinero.management.arguments import gateway_names, given, one_or_all
from django_dinero.management.base import DineroCommand
from django_dinero.management.document import Section, add_json, document
from django_dinero.management.money import confirm, refuse_question_in_json
from django_dinero.management.rows import customers_to_erase
from django_dinero.models import CreditCard, Customer, Transaction
from django_dinero.redaction import scrub
from django_dinero.services.vault.erasure import Erased, erase, erase_traces

CARDS: Any = ngettext_lazy("%(count)d card", "%(count)d cards", "count")
PAYMENTS: Any = ngettext_lazy("%(count)d payment", "%(count)d payments", "count")
#: What is told of an erasure, by what was counted.
ERASED: Mapping[str, Any] = {
    "cards": CARDS,
    "transactions": ngettext_lazy(
        "%(count)d payment stays without a name",
        "%(count)d payments stay without a name",
        "count",
    ),
    "operations": ngettext_lazy(
        "%(count)d operation stays without a name",
        "%(count)d operations stay without a name",
        "count",
    ),
    "events": ngettext_lazy(
        "%(count)d webhook is emptied", "%(count)d webhooks are emptied", "count"
    ),
    "log_entries": ngettext_lazy(
        "%(count)d entry of the admin's log stays without a name",
        "%(count)d entries of the admin's log stay without a name",
        "count",
    ),
}


class Command(DineroCommand):
    """``manage.py dinero_erase ann@example.com``: exit code 1 if something still waits."""

    help = (
        "Erases a customer: e-mail, names, addresses, cards and IP addresses, here, in the journal "
        "and at the gateway. Amounts, ids and order references of payments stay."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "customer",
            help="An e-mail address (all of its customers), a public id, or a gateway's.",
        )
        parser.add_argument("--gateway", type=given, metavar="NAME", help="Only at this gateway.")
        parser.add_argument("--no-input", action="store_true", help="Do not ask.")
        add_json(parser)

    def handle(self, *args: Any, customer: str, **options: Any) -> None:
        """Erase all that the argument names, after asking.

        Raises:
            CommandError: there is none, the answer was no, or something could not be erased.
        """
        refuse_question_in_json(options)
        gateway_names(one_or_all(options["gateway"]))
        customer = customer.strip()
        found = customers_to_erase(customer, options["gateway"])
        if not found and "@" in customer:
            self._erase_traces(customer, options)
            return
        if not found:
            raise CommandError(_("No customer has this e-mail address or id."))
        if not options["json"]:
            self._describe(customer, found)
        if not options["no_input"]:
            confirm(_("Erase it?"))
        sections = [self._erase(row, options) for row in found]
        counts: dict[str, int] = {}
        # A customer who could not be erased leads to the payments, and comes first.
        if "@" in customer and not customers_to_erase(customer, options["gateway"]):
            counts = self._erase_rest(customer, options, sections)
        if options["json"]:
            self.write_after(document("dinero_erase", sections, counts=counts))
        if not all(section.is_ok for section in sections):
            raise CommandError(_("Something is not erased yet; see above."))

    def _describe(self, name: str, found: list[Customer]) -> None:
        for row in found:
            self.stdout.write(_described(row))
        if "@" in name:
            text = _(
                "Payments that this address made as a guest, without a customer, lose their names, "
                "too: the journal is searched."
            )
            self.stdout.write(text)

    def _erase_traces(self, email: str, options: dict[str, Any]) -> None:
        """Erase somebody who is no customer: a guest who has paid, or who was deleted before."""
        if not options["json"]:
            text = _("No customer has this e-mail address; the journal is searched.")
            self.stdout.write(text)
        if not options["no_input"]:
            confirm(_("Erase it?"))
        try:
            counts = _count(erase_traces(email, options["gateway"]))
        except DineroError as error:
            raise CommandError(scrub(str(error))) from error
        if not counts["operations"] and not counts["log_entries"]:
            raise CommandError(_("No customer has this address, and nothing else is kept of it."))
        self._tell(options, _("Erased: %(what)s.") % {"what": _counted(counts)})
        if options["json"]:
            self.write_after(document("dinero_erase", (), counts=counts))

    def _erase_rest(
        self, email: str, options: dict[str, Any], sections: list[Section]
    ) -> dict[str, int]:
        """Erase what the customers did not lead to, as payments as a guest; return what it was."""
        try:
            counts = _count(erase_traces(email, options["gateway"]))
        except DineroError as error:
            problem = scrub(str(error))
            self._tell(options, self.style.ERROR(problem))
            sections.append(Section(error.gateway_name, problems=[problem]))
            return {}
        if any(counts.values()):
            self._tell(options, _("Erased: %(what)s.") % {"what": _counted(counts)})
        return counts

    def _erase(self, row: Customer, options: dict[str, Any]) -> Section:
        customer_id = row.customer_id or str(row.public_id)
        name = f"{row.gateway_name} {customer_id}"
        facts = {"customer_id": customer_id}
        try:
            erased = erase(row)
        except DineroError as error:
            problem = scrub(str(error))
            self._tell(options, self.style.ERROR(f"{name}: {problem}"))
            return Section(row.gateway_name, problems=[problem], facts=facts)
        counts = _count(erased)
        text = _("%(name)s is erased: %(what)s.")
        self._tell(options, text % {"name": name, "what": _counted(counts)})
        problems = []
        if erased.waits:
            text = _("the gateway has not deleted it yet (%(why)s); dinero_sync does.")
            problems = [text % {"why": scrub(erased.waits)}]
            self._tell(options, self.style.ERROR(f"{name}: {problems[0]}"))
        return Section(row.gateway_name, {"customers": 1, **counts}, problems, facts)

    def _tell(self, options: dict[str, Any], line: str) -> None:
        if not options["json"]:
            self.write_after(line)


def _described(row: Customer) -> str:
    cards = primary(CreditCard).filter(customer=row)
    paid = primary(Transaction).filter(customer=row)
    facts = {
        "gateway": row.gateway_name,
        "id": row.customer_id or row.public_id,
        "email": row.email,
        "cards": CARDS % {"count": cards.count()},
        "payments": PAYMENTS % {"count": paid.count()},
    }
    text = _("%(gateway)s %(id)s, %(email)s: %(cards)s, %(payments)s")
    return text % facts


def _count(erased: Erased) -> dict[str, int]:
    counts = asdict(erased)
    counts.pop("waits")
    return counts


def _counted(counts: Mapping[str, int]) -> str:
    """Say what was erased; what there was none of is left out."""
    told = [
        str(text % {"count": counts[name]}) for name, text in ERASED.items() if counts.get(name)
    ]
    return ", ".join(told) or _("nothing else is kept of it")
