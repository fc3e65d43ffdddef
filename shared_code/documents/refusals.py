"""The errors with which documents are refused, so that each reason has one code, one text and one shape of details.

The reasons are part of the contract (``error.details.reason``). The texts are for people and never hold what a library
said.
"""

from typing import Any

from shared_code import errors
from shared_code.records import BYTES_PER_MB

PREFIX = "Failed to process invoice"

REASONS = {
    "empty": "the file is empty",
    "encrypted": "the PDF is protected with a password; please send it without one",
    "corrupt": "the file is damaged and could not be read",
    "no_pages": "the PDF has no pages",
    "xfa": "the invoice is inside a form that only Adobe Reader shows (XFA); please print it to a PDF and send that",
    "portfolio": "the PDF is a portfolio, and the invoice is one of the files inside it; please send that file",
    "bomb": "the file unpacks to far more data than a document needs",
    "image_too_large": "the image has more pixels than are accepted",
    "too_narrow": "the image is so narrow that no text on it could be read",
    "blank": "the pages are blank",
    "too_complex": "the file is too complex to be read",
    "memory": "the file needs more memory than one document may take",
    "time": "the file takes longer to read than one document may",
    "dtd": "the XML declares a document type (DTD); please send it without one",
    "not_well_formed": "the XML or JSON is damaged and could not be read",
    "not_an_e_invoice": "the file is no e-invoice of a known kind and does not look like an invoice",
    "too_long": "the file is no e-invoice of a known kind, and its text is longer than a model is asked to read",
    "envelope": "the signed envelope (.p7m) is damaged, or the signed file is not in it",
    "too_many_lines": "the file holds more invoice lines than are accepted",
    "incomplete": "the e-invoice holds no invoice number",
}


def invalid_file(reason: str, *, limit: float | None = None, actual: float | None = None) -> errors.InvalidFile:
    """The error for a file of a known type that cannot be read.

    :param reason: a key of :data:`REASONS`.
    :param limit: the limit that the file passes, in the unit of the reason (bytes, pixels, seconds, ...).
    """
    return errors.InvalidFile(
        f"{PREFIX}: {REASONS[reason]}{_figures(limit, actual)}.", details=_details(reason, limit, actual)
    )


def unsupported(found: str) -> errors.UnsupportedFileType:
    """The error for content that the service does not read; ``found`` names it in plain words."""
    return errors.UnsupportedFileType(
        f"{PREFIX}: the content is {found}. "
        "Please send a PDF, PNG, JPEG, WebP, HEIC, TIFF or an e-invoice (XML or JSON).",
        details={"field": "file", "reason": "unsupported", "found": found},
    )


def too_large(actual_bytes: int, limit_bytes: int, *, what: str = "file") -> errors.FileTooLarge:
    """The error for more bytes than are accepted; ``what`` names the thing that is too large."""
    limit_mb = limit_bytes / BYTES_PER_MB
    return errors.FileTooLarge(
        f"The {what} is {_sizes(actual_bytes, limit_bytes)}.",
        details={"field": "file", "reason": "too_large", "limit_mb": limit_mb, "actual_bytes": actual_bytes},
    )


def too_many_pages(*, limit: int, actual: int, at_least: bool = False) -> errors.TooManyPages:
    """The error for too many pages; ``at_least`` when the count was stopped at ``actual``."""
    count = f"at least {actual}" if at_least else str(actual)
    return errors.TooManyPages(
        f"The document has {count} pages; at most {limit} are accepted.",
        details=_details("too_many_pages", limit, actual),
    )


def _sizes(actual_bytes: int, limit_bytes: int) -> str:
    """Both sizes, with as many decimals as tell them apart; in bytes where two decimals do not."""
    limit_mb = limit_bytes / BYTES_PER_MB
    for decimals in (1, 2):
        shown = f"{actual_bytes / BYTES_PER_MB:.{decimals}f}"
        if float(shown) > limit_mb:
            return f"{shown} MB; the limit is {limit_mb:g} MB"
    return f"{actual_bytes:,} bytes; the limit is {limit_mb:g} MB ({limit_bytes:,} bytes)"


def _details(reason: str, limit: float | None, actual: float | None) -> dict[str, Any]:
    facts = {"limit": limit, "actual": actual}
    return {"field": "file", "reason": reason} | {name: value for name, value in facts.items() if value is not None}


def _figures(limit: float | None, actual: float | None) -> str:
    if limit is None:
        return ""
    return f" (limit {limit:,})" if actual is None else f" (limit {limit:,}, this file {actual:,})"
