"""``extract --explain``: which element of an e-invoice each value came from.

It opens the file a second time, in the sandbox like the first time, and calls nobody: no model is asked and nothing is
written to the database beyond what ``extract`` does without it.
"""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared_code.cli.output import show_table
from shared_code.documents.document import open_document
from shared_code.e_invoices.explanation.explain import explain_document
from shared_code.errors import ServiceError

if TYPE_CHECKING:
    from shared_code.settings import Settings


def explanation_of(path: Path, data: dict[str, Any], settings: "Settings") -> list[dict[str, Any]] | None:
    """Field, value, term, element and text of each value, see :class:`.Evidence`; None when a model read the file.

    A file that can be opened no more costs the explanation, not the answer: a line on standard error says so.

    :param data: the answer's ``data``.
    """
    syntax = data["provenance"].get("syntax")
    if syntax is None or not data["invoices"]:
        return None
    try:
        document = open_document(
            path.read_bytes(),
            file_name=path.name,
            max_bytes=settings.max_upload_bytes,
            max_pages=settings.max_pages,
        )
        found = explain_document(document, syntax=syntax, number=data["invoices"][0]["invoice_number"])
    except (OSError, ServiceError) as error:
        print(f"{path.name} cannot be explained: {error}", file=sys.stderr)
        return None
    return None if found is None else [asdict(entry) for entry in found.evidence]


def show_explanation(evidence: list[dict[str, Any]] | None) -> None:
    """A table for people."""
    if evidence is None:
        print("No element to name: the values were not read from an e-invoice.")
        return
    rows = [{**entry, "path": entry["path"] or "(computed)"} for entry in evidence]
    show_table("Where the values came from", rows)
