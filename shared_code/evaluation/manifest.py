"""``manifest.json``: one file that describes the documents of its folder.

``files[]`` holds for each document ``file``, ``expected`` (values by short names, or by paths of the schema),
``expected_list`` in its place for a file of several invoices, and ``outcome``, a sentence of which the words extract,
flag, reject, not_an_invoice and multiple_invoices are understood. Anything else in an entry is for people.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared_code.evaluation.known_values import OUTCOMES, KnownDocument, KnownInvoice, Place, known_invoice, read_json

NAME = "manifest.json"
#: short names for what most documents have, with their paths
SHORT_NAMES = {
    "issuer": "seller.name",
    "seller_gstin": "seller.tax_id",
    "seller_tin": "seller.tax_id",
    "buyer_gstin": "buyer.tax_id",
    "po_number": "po_numbers[0]",
    "reverse_charge": "india.reverse_charge",
    "irn": "india.irn",
    "bank_account": "payment.bank_accounts[0].account_number",
    "iban": "payment.bank_accounts[0].iban",
    "ifsc": "payment.bank_accounts[0].ifsc",
    "swift": "payment.bank_accounts[0].bic",
}
_COUNTS = ("lines", "line_count")
#: facts of an e-invoice's file, which is no value of the invoice
_OF_THE_FILE = ("syntax", "guideline", "type_code")
_READ = frozenset({"ok", "needs_review"})


def read_manifest(path: Path) -> tuple[list[KnownDocument], list[str]]:
    """The documents with known values, and the names of those that it lists without any.

    :raises InvalidRequest: a mistake in the manifest; names the place in it.
    """
    place = Place(path) / "files"
    content = read_json(path)
    if "files" not in content:
        raise Place(path).wrong("the field files is missing.")
    known, unknown = [], []
    for index, entry in enumerate(place.need(content["files"], list, "a list")):
        document = _document(path.parent, place / index, entry)
        if document.invoices or document.outcomes:
            known.append(document)
        else:
            unknown.append(document.path.name)
    return known, unknown


def _document(folder: Path, place: Place, entry: Any) -> KnownDocument:
    place.need(entry, dict, "an object")
    name = (place / "file").need(entry.get("file"), str, "the name of a file")
    path = folder / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise (place / "file").wrong(f"{name!r} is not in the folder of the manifest.")
    if not path.is_file():
        raise (place / "file").wrong(f"there is no file {name} in {folder}.")
    outcome = (place / "outcome").need(entry.get("outcome") or "", str, "a sentence")
    given = entry.get("expected_list")
    if given is not None:
        whole = place / "expected_list"
        listed = [(whole / index, one) for index, one in enumerate(whole.need(given, list, "a list of invoices"))]
    else:
        listed = [(place / "expected", entry["expected"])] if entry.get("expected") is not None else []
    return KnownDocument(path, tuple(_invoice(where, values) for where, values in listed), accepted(outcome))


def accepted(outcome: str) -> frozenset[str] | None:
    """The outcomes that a sentence allows; None when it says nothing that is understood here."""
    said = outcome.strip().lower()
    if said in OUTCOMES:
        return frozenset({said})
    if "not_an_invoice" in said:
        return frozenset({"not_an_invoice"})
    if "multiple_invoices" in said:
        return frozenset({"multiple_invoices", "needs_review"})
    allowed = {"refused"} if "reject" in said else set()
    if "flag" in said:
        allowed.add("needs_review")
    elif "extract" in said:
        allowed |= _READ
    return frozenset(allowed) or None


def _invoice(place: Place, given: Any) -> KnownInvoice:
    place.need(given, dict, "an object with values")
    values: dict[str, Any] = {}
    counts: dict[str, int] = {}
    for name, value in given.items():
        if name in _COUNTS:
            counts["line_items"] = (place / name).need(value, int, "a number of lines")
        elif name not in _OF_THE_FILE:
            values |= _by_path(place / name, name, value)
    known = known_invoice(place, values)
    # Codes of goods say nothing about how many lines there are.
    whole = known.whole - {"line_items"} if "hsn" in given else known.whole
    return KnownInvoice(known.values, known.rows, counts, whole)


def _by_path(place: Place, name: str, value: Any) -> Mapping[str, Any]:
    if name in SHORT_NAMES:
        return {SHORT_NAMES[name]: value}
    if name == "buyer" and not isinstance(value, dict):
        return {"buyer.name": value}
    if name == "place_of_supply" and value is not None:
        # 09-Uttar Pradesh: the name of a state is written in many ways, its code in one.
        code = place.need(value, str, "a state such as 09-Uttar Pradesh").partition("-")[0]
        return {"india.place_of_supply_code": code}
    if name == "hsn":
        codes = place.need(value, list, "a list of codes")
        return {"line_items": [{"hsn_sac": code} for code in codes]}
    return {name: value}
