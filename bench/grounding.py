"""How well values are shown on the page: boxes of the critical values, the text under each box, word grounding F1.

    python -m bench.grounding FOLDER [FOLDER ...]

A folder holds documents with the answer that a model gave (ID.pdf, ID.answer.json, ID.expected.json), or documents and
a ``manifest.json`` of their right values. Values go through the same code as a model's; no model is called. Figures:

* *boxes*: of the critical values that the answer has and the page shows as text, the share with a box;
* *text under the box*: read by PDFium within the box, the share that is the value;
* *word grounding F1* as ExtractBench defines it (github.com/run-llama/ExtractBench): a field counts when its value is
  right **and** its box overlaps an accepted one with an intersection over union of at least 0.5; precision over the
  fields that were given, recall over those that are true, F1 by document, and the mean of all documents. The accepted
  boxes are those where PDFium's own search finds the true value in one of the forms in which it is printed; true
  values that it finds nowhere are not scored. Answers with an error that was put there are counted apart.
"""

import argparse
import json
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from bench.text_under import Pages, overlap
from shared_code import errors
from shared_code.documents.document import open_document, page_texts
from shared_code.extraction.answer.interpret import read_invoices
from shared_code.extraction.answer.wire_schema import parse_answer
from shared_code.invoices.evidence.find import Judged, find_evidence
from shared_code.invoices.evidence.places import Places
from shared_code.invoices.printed_dates import dates_in
from shared_code.invoices.printed_numbers import amounts_in
from shared_code.invoices.result import EvidenceByPath, build_result, on_pages
from shared_code.invoices.schema import Invoice, Party, as_dict
from shared_code.invoices.text_layer import TextLayer, compact_code

_LEAST_OVERLAP = 0.5
_CRITICAL = re.compile(
    r"invoice_number|invoice_date|total|currency|seller\.tax_id|payment\.bank_accounts\[\d+\]\.(iban|account_number)"
)
#: names of a manifest and the paths of an answer
_NAMES = {"issuer": "seller.name", "po_number": "po_numbers[0]", "seller_tax_id": "seller.tax_id"}
_DAY_FORMS = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d %B %Y", "%B %d, %Y", "%d %b %Y",
              "%b %d, %Y", "%d-%b-%Y", "%d-%b-%y", "%d/%m/%y", "%d.%m.%y")  # fmt: skip


@dataclass
class Figures:
    """What was counted. ``misses`` and ``wrong`` are lines for people."""

    wanted: int = 0
    boxed: int = 0
    looked_at: int = 0
    right: int = 0
    scores: list[float] = field(default_factory=list)
    scores_of_wrong_answers: list[float] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """The three figures."""
        return (
            f"critical values with a box: {self.boxed} of {self.wanted} ({_percent(self.boxed, self.wanted)})\n"
            f"text under the box is the value: {self.right} of {self.looked_at} "
            f"({_percent(self.right, self.looked_at)})\n"
            f"word grounding F1: {_mean(self.scores)}; where the answer has a wrong value: "
            f"{_mean(self.scores_of_wrong_answers)}"
        )


def measure_answer(stem: Path, figures: Figures) -> None:
    """Count one document with a model's answer."""
    answer = json.loads(stem.with_name(f"{stem.name}.answer.json").read_text(encoding="utf-8"))["model_answers"][-1]
    about = json.loads(stem.with_name(f"{stem.name}.expected.json").read_text(encoding="utf-8")).get("expected")
    opened = _open(stem.with_name(f"{stem.name}.pdf"))
    if opened is None:
        return
    layer, pages = opened
    reading = read_invoices(parse_answer(json.dumps(answer)), layer)
    texts = [page.text for page in layer.pages]
    result = build_result(reading, pages=texts, today=date(2026, 11, 20), evidence=on_pages(layer))
    for invoice, evidence in zip(result.invoices, result.evidence, strict=True):
        _look(stem.name, invoice, evidence, opened, figures)
    if isinstance(about, dict) and len(result.invoices) == 1:
        true = about.get("true_values") or about["values"]
        score = _f1(stem.name, result.invoices[0], result.evidence[0], true, pages, figures)
        if score is not None:
            (figures.scores_of_wrong_answers if "true_values" in about else figures.scores).append(score)


def measure_manifest(folder: Path, figures: Figures) -> None:
    """Count the PDFs of a folder with their right values."""
    for about in json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]:
        true, path = about.get("expected") or {}, folder / about["file"]
        opened = _open(path) if path.suffix == ".pdf" and "invoice_number" in true else None
        if opened is None:
            continue
        layer, pages = opened
        true = {_NAMES.get(name, name): value for name, value in true.items() if isinstance(value, str)}
        invoice = _invoice(true)
        judged = Judged({}, true.keys(), (), (), ())
        evidence = find_evidence(invoice, judged, Places(layer))
        _look(path.name, invoice, evidence, opened, figures)
        score = _f1(path.name, invoice, evidence, true, pages, figures)
        if score is not None:
            figures.scores.append(score)


def _open(path: Path) -> tuple[TextLayer, Pages] | None:
    """The text and the pages of a PDF; None for one that cannot be read, or has no text."""
    try:
        document = open_document(path.read_bytes(), max_bytes=1 << 26, max_pages=300)
    except errors.ServiceError:
        return None
    layer = TextLayer(page_texts(document).parts)
    return (layer, Pages(bytes(document.media[0].data))) if layer.usable else None


def _invoice(true: dict[str, str]) -> Invoice:
    own = {name: value for name, value in true.items() if name in Invoice.__dataclass_fields__}
    typed: dict[str, Any] = {name: _day(value) or _typed(name, value) for name, value in own.items()}
    seller = Party(name=true.get("seller.name"), tax_id=true.get("seller.tax_id"))
    return Invoice(**typed, seller=seller, po_numbers=(true["po_numbers[0]"],) if "po_numbers[0]" in true else ())


def _typed(name: str, value: str) -> str | Decimal:
    return Decimal(value) if re.fullmatch(r"-?[0-9]+\.[0-9]+", value) and "number" not in name else value


def _look(
    name: str, invoice: Invoice, evidence: EvidenceByPath, opened: tuple[TextLayer, Pages], figures: Figures
) -> None:
    values, (layer, pages) = dict(_values(as_dict(invoice))), opened
    for path, value in values.items():
        entry: Any = evidence.get(path)
        if _CRITICAL.fullmatch(path) and _is_printed(path, value, layer):
            figures.wanted += 1
            figures.boxed += entry is not None and entry["box"] is not None
            if entry is None or entry["box"] is None:
                figures.misses.append(f"{name} {path} {value!r}: {entry and entry['reason']}")
        if entry is not None and entry["box"] is not None:
            under = " ".join(pages.text_in(entry["page"], box) for box in entry.get("boxes", [entry["box"]]))
            figures.looked_at += 1
            # PDFium gives lines that run from right to left in the order of the screen.
            right = any(_is_value(path, value, text) for text in (under, under[::-1]))
            # Names of which the page leaves out a word, and currencies that it shows by a sign, are as printed.
            as_printed = _amount(value) is None and _day(value) is None
            right = right or (as_printed and compact_code(under) == compact_code(entry["text"]))
            figures.right += right
            if not right:
                figures.wrong.append(f"{name} {path} {value!r}: {under!r}, said {entry['text']!r}")


def _f1(
    name: str, invoice: Invoice, evidence: EvidenceByPath, true_values: dict[str, Any], pages: Pages, figures: Figures
) -> float | None:
    """F1 of the fields of one document; None when none can be scored."""
    given = dict(_values(as_dict(invoice)))
    scored = hits = predicted = 0
    for path, value in true_values.items():
        accepted = [place for form in _forms(path, str(value)) for place in pages.boxes_of(form)] if value else []
        if not accepted:
            continue
        scored += 1
        entry: Any = evidence.get(path)
        if path not in given or entry is None:
            continue
        predicted += 1
        box = entry["box"]
        same = _same(path, given[path], str(value))
        hit = box is not None and any(
            entry["page"] == page and overlap(box, other) >= _LEAST_OVERLAP for page, other in accepted
        )
        hits += same and hit
        if same and not hit:
            figures.misses.append(f"{name} {path} {value!r}: {box} is none of {accepted}")
    if not scored:
        return None
    return 2 * hits / (scored + predicted) if hits else 0.0


def _values(record: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(record, dict):
        for name, value in record.items():
            yield from _values(value, f"{path}.{name}".lstrip("."))
    elif isinstance(record, list):
        for index, value in enumerate(record):
            yield from _values(value, f"{path}[{index}]")
    elif isinstance(record, str):
        yield path, record


def _amount(text: str) -> Decimal | None:
    try:
        return abs(Decimal(text)) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) else None
    except InvalidOperation:
        return None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else None
    except ValueError:
        return None


def _is_printed(path: str, value: str, layer: TextLayer) -> bool:
    """Whether the page shows a value as text: a wrong one is on no page, a currency may be shown by its sign."""
    amount, day = _amount(value), _day(value)
    if path == "currency":
        return value in layer.currencies.possible
    if path == "total" and amount is not None:
        return layer.has_amount(amount)
    return layer.has_date(day) if day is not None else layer.has_code(value)


def _is_value(path: str, value: str, under: str) -> bool:
    amount, day = _amount(value), _day(value)
    if day is not None:
        return any(day in reading.candidates for reading in dates_in(under, all_languages=True))
    if amount is not None and not path.endswith(("number", "_no", "iban", "code", "hsn_sac")):
        return amount in amounts_in(under) or compact_code(under) == compact_code(value)
    return compact_code(under) == compact_code(value)


def _same(path: str, given: str, true: str) -> bool:
    one, other = _amount(given), _amount(true)
    if one is not None and other is not None and "number" not in path:
        return one == other
    return compact_code(given) == compact_code(true)


def _forms(path: str, value: str) -> list[str]:
    """The forms in which a value may be printed."""
    amount, day = _amount(value), _day(value)
    if day is not None:
        forms = [day.strftime(form) for form in _DAY_FORMS]
        return list(dict.fromkeys([*forms, *(re.sub(r"(?<![0-9])0(?=[0-9])", "", form) for form in forms)]))
    if amount is not None and "number" not in path:
        english = f"{amount:,.2f}"
        german = english.translate(str.maketrans(",.", ".,"))
        return list(dict.fromkeys([english, german, german.replace(".", " "), f"{amount:.2f}"]))
    groups = " ".join(value[at : at + 4] for at in range(0, len(value), 4))
    return [value, groups] if path.endswith("iban") else [value]


def _mean(scores: list[float]) -> str:
    return f"{100 * statistics.mean(scores):.2f} (mean of {len(scores)} documents)" if scores else "none"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "none"


def main() -> None:
    """Measure folders and print the figures."""
    parser = argparse.ArgumentParser(description="How well values are shown on the page.")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--verbose", action="store_true", help="also print what was missed")
    chosen = parser.parse_args()
    figures = Figures()
    for folder in chosen.folders:
        if (folder / "manifest.json").exists():
            measure_manifest(folder, figures)
        for path in sorted(folder.glob("*.answer.json")):
            stem = path.with_name(path.name.removesuffix(".answer.json"))
            if stem.with_name(f"{stem.name}.pdf").exists():
                measure_answer(stem, figures)
    if chosen.verbose:
        print(*figures.misses, *figures.wrong, sep="\n")
    print(figures.summary())


if __name__ == "__main__":
    main()
