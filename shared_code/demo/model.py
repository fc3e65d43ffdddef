"""The model of the demo: it is told which document comes next, and answers what a vendor's model would.

Nothing is asked over a network, and what it costs is what such an answer usually does.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from shared_code import errors
from shared_code.demo.invoices import Invoice, Party
from shared_code.demo.pages import count
from shared_code.providers.base import Billing, Finish, ModelAnswer, ModelCallFailed, ModelRequest, Next
from shared_code.records import Provider, Usage

#: model tokens of instructions and schema, and of a page
_ASKED, _PAGE = 3_050, 560
_CHARACTERS_OF_A_TOKEN = 3.4
REJECTS = "rejects"
STUMBLES = "stumbles"


@dataclass(slots=True)
class DemoModel:
    """Answers about one document after another. For one thread.

    :ivar text: of the answer to the next questions.
    :ivar trouble: :data:`REJECTS` refuses the document, :data:`STUMBLES` fails once before it answers; None answers.
    """

    provider: Provider
    text: str = ""
    trouble: str | None = None
    _failed: bool = field(default=False, init=False)

    def prepare(self) -> None:
        """Nothing to prepare."""

    def tell(self, text: str, trouble: str | None) -> None:
        """Say what the next document is answered with."""
        self.text, self.trouble, self._failed = text, trouble, False

    def generate(self, request: ModelRequest, *, api_key: str, timeout_seconds: float) -> ModelAnswer:  # noqa: ARG002
        """As :meth:`ModelProvider.generate`."""
        pages = max(1, sum(bytes(each.data).count(b"/Type /Page /Parent") for each in request.media))
        asked = _ASKED + _PAGE * pages
        if self.trouble == STUMBLES and not self._failed:
            self._failed = True
            raise ModelCallFailed(
                "The model is overloaded. Please try again later.",
                reason="overloaded",
                next_step=Next.SAME_KEY,
                billing=Billing.NONE,
                public=errors.ProviderUnavailable,
            )
        if self.trouble == REJECTS:
            return ModelAnswer("", Usage(asked, 0, asked), Finish.REFUSED, request.model, "SAFETY")
        said = round(len(self.text) / _CHARACTERS_OF_A_TOKEN)
        return ModelAnswer(self.text, Usage(asked, said, asked + said), Finish.STOP, request.model, "STOP")

    def list_models(self, *, api_key: str, timeout_seconds: float) -> list[str]:  # noqa: ARG002
        """As :meth:`ModelProvider.list_models`."""
        return []

    def close(self) -> None:
        """Nothing to close."""


def answer_about(invoice: Invoice) -> str:
    """What a model writes about an invoice, with what it misreads of it."""
    last = str(count(invoice))
    data: dict[str, Any] = {
        "document_type": invoice.kind,
        "first_page": "1",
        "last_page": last,
        **dict(_critical(invoice, last)),
        "due_date": invoice.printed_day(invoice.due) if invoice.kind == "invoice" else None,
        "original_invoice_number": invoice.refers_to,
        "subtotal": invoice.printed(invoice.net),
        "tax_total": invoice.printed(invoice.tax_total) if len(invoice.taxes) == 1 else None,
        "po_numbers": [invoice.order] if invoice.order else [],
        "parties": [_party("seller", invoice.seller), _party("buyer", invoice.buyer)],
        "line_items": list(_lines(invoice)),
        "taxes": [
            {"name": name, "rate": f"{rate.normalize():f}", "amount": invoice.printed(invoice.tax(rate))}
            for name, rate in invoice.taxes
        ],
        "bank_accounts": _accounts(invoice.seller),
    }
    for path, value in invoice.misread.items():
        _put(data, path.split("."), value)
    return json.dumps({"document_status": "invoice", "invoices": [data]}, ensure_ascii=False)


#: about a document that is none
NO_INVOICE = json.dumps({"document_status": "not_an_invoice", "invoices": []})


def _critical(invoice: Invoice, last: str) -> Iterator[tuple[str, str]]:
    total, account = invoice.printed(invoice.total), invoice.seller.account
    values = {
        "invoice_number": (invoice.number, "1", invoice.number),
        "invoice_date": (invoice.printed_day(invoice.day), "1", invoice.day.isoformat()),
        "total": (f"{invoice.currency} {total}", last, f"{invoice.total}"),
        "currency": (invoice.currency, last, invoice.currency),
    }
    if invoice.seller.tax_id:
        values["seller_tax_id"] = (invoice.seller.tax_id, "1", invoice.seller.tax_id)
    if account:
        values["bank_account"] = (account, last, account)
    for name, (printed, page, value) in values.items():
        yield f"{name}_printed", printed
        yield f"{name}_page", page
        yield name, value


def _party(role: str, party: Party) -> dict[str, str | None]:
    kind = {"GSTIN": "GSTIN", "EIN": "EIN"}.get(party.tax_label, "VAT")
    return {
        "role": role,
        "name": party.name,
        "tax_id": party.tax_id,
        "tax_id_type": kind if party.tax_id else None,
        "address": party.street,
        "city": party.city,
        "postal_code": party.postal_code or None,
        "country": party.country,
    }


def _lines(invoice: Invoice) -> Iterator[dict[str, str | None]]:
    for number, line in enumerate(invoice.lines, start=1):
        yield {
            "line_no": str(number),
            "description": line.description,
            "hsn_sac": line.code,
            "quantity": f"{line.quantity.normalize():f}",
            "unit": line.unit,
            "unit_price": invoice.printed(line.price),
            "net_amount": invoice.printed(line.net),
        }


def _accounts(seller: Party) -> list[dict[str, str]]:
    if not seller.account:
        return []
    kind = "iban" if seller.account[:2].isalpha() else "account_number"
    return [{kind: seller.account, "bank_name": seller.bank}]


def _put(data: Any, path: list[str], value: str) -> None:
    *parents, last = path
    for part in parents:
        data = data[int(part)] if isinstance(data, list) else data[part]
    data[last] = value
