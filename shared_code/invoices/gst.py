"""The Indian rules that tie taxes to places: inside a state CGST and SGST, between states IGST, never both."""

from decimal import Decimal

from shared_code.invoices.countries import GSTIN_FORM, INDIAN_STATES, state_codes
from shared_code.invoices.schema import Invoice, money_text
from shared_code.records import Finding

_ZERO = Decimal(0)
_MAX_NUMBER_LENGTH = 16
#: places that are never inside the seller's state: abroad, and special economic zones by law
_ALWAYS_BETWEEN = ("SEZ", "EXP", "EXPORT", "DEEMED")


def check_gst(invoice: Invoice) -> list[Finding]:
    """Findings on the kind of GST, its two halves, the place of supply, and the length of the number."""
    seller_state = _seller_state(invoice)
    if seller_state is None and not _gst_names(invoice):
        return []
    return [
        *_kind_of_tax(invoice, seller_state),
        *_halves(invoice),
        *_place_codes(invoice),
        *_number_length(invoice, seller_state),
    ]


def _gst_names(invoice: Invoice) -> bool:
    return any((tax.name or "").upper() in {"CGST", "SGST", "UTGST", "IGST"} for tax in invoice.taxes)


def _seller_state(invoice: Invoice) -> str | None:
    tax_id = (invoice.seller.tax_id or "").upper()
    return tax_id[:2] if GSTIN_FORM.fullmatch(tax_id) else None


def _sum_of(invoice: Invoice, *names: str) -> Decimal:
    return sum((abs(tax.amount or _ZERO) for tax in invoice.taxes if (tax.name or "").upper() in names), _ZERO)


def _kind_of_tax(invoice: Invoice, seller_state: str | None) -> list[Finding]:
    inside, between = _sum_of(invoice, "CGST", "SGST", "UTGST"), _sum_of(invoice, "IGST")
    if inside and between:
        message = "CGST/SGST and IGST are charged together; an invoice has one or the other."
        return [Finding("gst_mixed", message, "taxes", found=f"{money_text(inside)} and {money_text(between)}")]
    india = invoice.india
    places = state_codes(india.place_of_supply_code or india.place_of_supply) if india else frozenset()
    supply = (india.supply_type or "").upper() if india else ""
    if not places or seller_state is None or supply.startswith(_ALWAYS_BETWEEN):
        return []
    same_state = seller_state in places
    if (same_state and between) or (not same_state and inside):
        expected = "CGST and SGST" if same_state else "IGST"
        message = "The kind of GST does not fit the seller's state and the place of supply."
        return [Finding("gst_place_mismatch", message, "taxes", expected, "IGST" if between else "CGST and SGST")]
    return []


def _halves(invoice: Invoice) -> list[Finding]:
    central, state = _sum_of(invoice, "CGST"), _sum_of(invoice, "SGST", "UTGST")
    if abs(central - state) <= Decimal("0.01") * max(1, len(invoice.line_items)):
        return []
    message = "CGST and SGST are halves of one tax and must be equal."
    return [Finding("gst_halves_differ", message, "taxes", money_text(central), money_text(state))]


def _place_codes(invoice: Invoice) -> list[Finding]:
    india = invoice.india
    if india is None or not india.place_of_supply_code or not india.place_of_supply:
        return []
    by_code, by_name = state_codes(india.place_of_supply_code), state_codes(india.place_of_supply)
    if by_code and by_name and not by_code & by_name:
        message = "The code and the name of the place of supply are different states."
        expected = "/".join(sorted(INDIAN_STATES[code] for code in by_code))
        return [Finding("state_code_mismatch", message, "india.place_of_supply", expected, india.place_of_supply)]
    return []


def _number_length(invoice: Invoice, seller_state: str | None) -> list[Finding]:
    number = invoice.invoice_number or ""
    if seller_state is None or len(number.replace(" ", "")) <= _MAX_NUMBER_LENGTH:
        return []
    message = "A GST invoice number has at most 16 characters."
    return [Finding("number_too_long", message, "invoice_number", found=number, review=False)]
