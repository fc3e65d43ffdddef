"""What a file holds, as elements that readers take: JSON, XML, or several XML documents one after another.

The last is how Finnish banks carry invoices: a SOAP envelope with the addresses, then the invoice as a document of its
own, then the next pair, in one file (Finvoice 3.0 Implementation Guidelines, section 17). No XML parser takes that.
"""

import re
from itertools import pairwise

from shared_code import errors
from shared_code.e_invoices.envelopes import Found, invoices_in
from shared_code.e_invoices.json_envelopes import is_json_document, json_invoices
from shared_code.e_invoices.xml_parsing import parse_xml

#: where a document begins behind another one
_NEXT_DOCUMENT = re.compile(rb"(?<!\?)>\s*(?=<\?xml\s|<(?:[\w-]+:)?Envelope[\s>])")
_MOST_DOCUMENTS = 400


def invoices_of(data: bytes) -> list[Found]:
    """Root elements of invoices, with their syntaxes, in the order of the file; none for other documents.

    :raises errors.InvalidFile: as :func:`parse_xml` and :func:`json_invoices`.
    """
    if is_json_document(data):
        return json_invoices(data)
    try:
        return invoices_in(parse_xml(data))
    except errors.InvalidFile as error:
        parts = _documents(data)
        if len(parts) == 1 or error.details.get("reason") != "not_well_formed":
            raise
    return [found for part in parts for found in invoices_in(parse_xml(part))]


def _documents(data: bytes) -> list[bytes]:
    starts = [match.end() for match, _ in zip(_NEXT_DOCUMENT.finditer(data), range(_MOST_DOCUMENTS), strict=False)]
    return [data[start:end] for start, end in pairwise([0, *starts, len(data)])]
