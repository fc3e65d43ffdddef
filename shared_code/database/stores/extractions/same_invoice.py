"""The search for an earlier document of a company that has the same invoice.

Each key is looked for by its own index, which holds the readings with one key in their order: the search takes as long
for the thousandth like invoice of a day as for the first.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, String, bindparam, literal_column, select, union_all

from shared_code.database.stores.extractions.readings import DONE
from shared_code.database.stores.prepared import Prepared
from shared_code.database.tables import extractions


@dataclass(frozen=True, slots=True)
class SameInvoice:
    """An earlier document with the same invoice.

    ``certain`` says by what: seller, number and year, or only seller, date and total.
    """

    document_sha256: str
    invoice_number: str
    certain: bool


def _earliest_with_key(column: ColumnElement[str], name: str, *, certain: int) -> Select[Any]:
    earliest = (
        select(extractions.c.DocumentSha256, extractions.c.InvoiceNumber, literal_column(str(certain)).label("Certain"))
        .where(
            extractions.c.CompanyID == bindparam("company"),
            # An unknown key is NULL, which equals nothing.
            column == bindparam(name, type_=String(64)),
            extractions.c.State == DONE,
            extractions.c.DocumentSha256 != bindparam("own_sha256"),
        )
        .order_by(extractions.c.ExtractionID)
        .limit(1)
        .subquery()
    )
    return select(earliest)


# Each key by its own index: asked for either of two, SQLite goes through all readings of the company.
_both = union_all(
    _earliest_with_key(extractions.c.DuplicateKey, "duplicate", certain=1),
    _earliest_with_key(extractions.c.SimilarKey, "similar", certain=0),
).subquery()
_SAME_INVOICE = Prepared(select(_both))


def find_same_invoice(
    connection: Connection, company_id: str, *, duplicate_key: str | None, similar_key: str | None, not_sha256: str
) -> SameInvoice | None:
    """The earliest other document of the company with the same invoice: one that is certain, else one that may be."""
    if not duplicate_key and not similar_key:
        return None
    rows = _SAME_INVOICE.rows(
        connection,
        {"company": company_id, "duplicate": duplicate_key, "similar": similar_key, "own_sha256": not_sha256},
    )
    found = [SameInvoice(row.DocumentSha256, row.InvoiceNumber or "", bool(row.Certain)) for row in rows]
    return max(found, key=lambda one: one.certain, default=None)
