"""Answers about real documents, as the service gives them: models' answers by the pages, judged by its own rules."""

import json
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from shared_code import errors
from shared_code.documents.document import open_document, page_texts
from shared_code.extraction.answer.interpret import read_invoices
from shared_code.extraction.answer.wire_schema import parse_answer
from shared_code.extraction.evidence_data import with_evidence
from shared_code.invoices.result import build_result, on_pages
from shared_code.invoices.text_layer import TextLayer

FOLDER = Path(__file__).parents[2] / "data" / "answers"
TODAY = date(2026, 11, 29)
NAMES = sorted(path.name.removesuffix(".answer.json") for path in FOLDER.glob("*.answer.json"))


@cache
def _stored(name: str) -> str | None:
    try:
        content = (FOLDER / f"{name}.pdf").read_bytes()
        layer = TextLayer(page_texts(open_document(content, max_bytes=1 << 26, max_pages=300)).parts)
        given = json.loads((FOLDER / f"{name}.answer.json").read_text(encoding="utf-8"))["model_answers"][0]
        reading = read_invoices(parse_answer(json.dumps(given)), layer)
    except (errors.ServiceError, FileNotFoundError):
        return None
    result = build_result(reading, pages=[page.text for page in layer.pages], today=TODAY, evidence=on_pages(layer))
    data: dict[str, Any] = json.loads(json.dumps(result.result_dict()))
    data["invoices"] = with_evidence(data["invoices"], result.evidence)
    data["provenance"] = {"method": "model"}
    return json.dumps(data)


def answer_about(name: str) -> dict[str, Any] | None:
    """``data`` with evidence; None for a document that cannot be read."""
    stored = _stored(name)
    return None if stored is None else json.loads(stored)
