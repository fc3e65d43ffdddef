"""What is needed to show the document of a reading to a person: whose it is, and how it came."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from shared_code.database.tables import extractions

table = extractions


@dataclass(frozen=True, slots=True)
class ViewedDocument:
    """The document of one reading. ``erased_at`` is naive UTC.

    :ivar file_label: the name of its file, without folders and cleaned.
    """

    reading_id: str
    company_id: str
    sha256: str
    source: str | None
    branch: str | None
    file_label: str | None
    erased_at: datetime | None


_FIND = select(
    table.c.PublicID,
    table.c.CompanyID,
    table.c.DocumentSha256,
    table.c.Source,
    table.c.Branch,
    table.c.FileLabel,
    table.c.ErasedAt,
)


def viewed_document(connection: Connection, reading_id: str) -> ViewedDocument | None:
    """The document of a finished reading; None when there is no such reading."""
    row = connection.execute(_FIND.where(table.c.PublicID == reading_id)).first()
    return None if row is None else ViewedDocument(*row)


def stored_evidence(connection: Connection, reading_id: str) -> bytes | None:
    """Where the values of a reading stand, compressed."""
    found = select(table.c.Evidence).where(table.c.PublicID == reading_id)
    evidence: bytes | None = connection.execute(found).scalar()
    return evidence


def warnings_of(connection: Connection, reading_id: str) -> Sequence[dict[str, Any]]:
    """The warnings of a reading as it was answered first."""
    result = connection.execute(select(table.c.Result).where(table.c.PublicID == reading_id)).scalar()
    found: list[dict[str, Any]] = json.loads(result).get("warnings", []) if result else []
    return found
