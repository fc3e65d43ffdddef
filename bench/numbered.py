"""Numbers of documents: what tells one document of a run from the next, on its page and at the end of its bytes.

The service answers a document that it has read before from its memory, and looks for the same invoice among all
earlier ones. Copies of one invoice would measure the first, or a list of duplicates that no company has; so each
document is another invoice. No imports beyond the standard library: the model stand-in must start fast and stay small.
"""

import re
from datetime import date, timedelta

#: as the sample prints them; all replacements have the same length, so that nothing else in a file has to move
SAMPLE_NUMBER = "ADM-26-00118"
SAMPLE_DATE = date(2026, 3, 5)

_FIRST_DAY = date(2026, 1, 1)
_DAYS = 60
_MOST = 100_000
_AT_END = re.compile(rb"document (\d{7})\b[^0-9]*\Z")


def invoice_number(number: int) -> str:
    """The invoice number on the document."""
    return f"ADM-26-{number % _MOST:05d}"


def date_of(number: int) -> date:
    """The date on the document, always in the past."""
    return _FIRST_DAY + timedelta(days=number % _DAYS)


def mark(number: int) -> bytes:
    """What is put at the end of the document's bytes."""
    return b"document %07d" % number


def number_at_end(data: bytes) -> int | None:
    """The number that :func:`mark` put there; None when there is none."""
    found = _AT_END.search(data)
    return int(found[1]) if found else None
