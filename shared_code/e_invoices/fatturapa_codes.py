"""The Italian code lists of FatturaPA in our words."""

_DOCUMENT_TYPES = {"TD04": "credit_note", "TD08": "credit_note", "TD05": "debit_note", "TD09": "debit_note"}
_INVOICES = frozenset(f"TD{number:02}" for number in (1, 2, 3, 6, 7, *range(16, 30)))
_METHODS = {
    "MP01": "cash",
    "MP02": "cheque",
    "MP03": "bank cheque",
    "MP05": "credit transfer",
    "MP07": "bank payment slip",
    "MP08": "payment card",
    "MP09": "direct debit",
    "MP12": "bank collection (RIBA)",
    "MP13": "payment slip (MAV)",
    "MP16": "direct debit",
    "MP18": "postal payment slip",
    "MP19": "SEPA direct debit",
    "MP20": "SEPA direct debit",
    "MP21": "SEPA direct debit",
    "MP22": "deducted from sums already collected",
    "MP23": "PagoPA",
}
_TERMS = {"TP01": "in instalments", "TP02": "in full", "TP03": "in advance"}
#: why there is no tax (``Natura``) -> EN 16931 category
_CATEGORIES = {"N1": "O", "N2": "O", "N3": "G", "N4": "E", "N5": "E", "N6": "AE", "N7": "O"}


def document_type_of(code: str | None) -> str | None:
    """Our kind of document for a ``TipoDocumento``; ``other`` for an unknown one."""
    if code is None:
        return None
    return "invoice" if code in _INVOICES else _DOCUMENT_TYPES.get(code, "other")


def payment_method_of(code: str | None) -> str | None:
    """A ``ModalitaPagamento`` in words; the code itself where it is a rare one."""
    return None if code is None else _METHODS.get(code, code)


def payment_terms_of(code: str | None) -> str | None:
    """``CondizioniPagamento`` in words."""
    return None if code is None else _TERMS.get(code, code)


def category_of(nature: str | None, rate: str | None) -> str | None:
    """The EN 16931 category of a ``Natura`` (``N3.2`` is intra-community supply); a rate alone is standard tax."""
    if nature is None:
        return "S" if rate is not None and rate.strip("0.") else None
    return "K" if nature == "N3.2" else _CATEGORIES.get(nature[:2])
