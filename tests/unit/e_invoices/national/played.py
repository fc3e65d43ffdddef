"""Reads an e-invoice as a caller gets it: the answer with its checks, without what is null."""

from tests.unit.e_invoices.national.read_whole import answer as whole_answer

_JUDGED = {"status", "confidence", "warnings"}


def answer(text):
    """Status, codes of the findings, and the first invoice, of which every value that is null or empty is left out."""
    result = whole_answer(text.encode())
    invoice = {name: value for name, value in result["invoices"][0].items() if name not in _JUDGED}
    return result["status"], [finding["code"] for finding in result["warnings"]], _filled(invoice)


def _filled(value):
    if isinstance(value, dict):
        return {name: filled for name, entry in value.items() if (filled := _filled(entry)) not in (None, [], {})}
    return [_filled(entry) for entry in value] if isinstance(value, list) else value
