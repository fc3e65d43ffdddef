"""Seller and buyer: names, addresses, tax ids and bank accounts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from devstack.models.reading import dates, labels
from devstack.models.reading.header import TITLE
from devstack.models.reading.labels import words
from devstack.models.reading.layout import Cell, Row
from devstack.models.reading.numbers import money_in

_SELLER = re.compile(
    r"^(?:seller|vendor|supplier|sold by|from|verk[äa]ufer|rechnungsersteller|[ée]metteur|vendeur|fournisseur|"
    r"leverancier|proveedor|emisor|fornitore|cedente)\b\s*:?\s*",
    re.IGNORECASE,
)
_BUYER = re.compile(
    r"^(?:bill(?:ed)? to|invoice(?:d)? to|sold to|buyer|customer name|client|to:|k[äa]ufer(?:/leistungsempf[äa]nger)?|"
    r"rechnungsempf[äa]nger|destinataire|factur[ée] [àa]|klant\b(?!nummer)|cliente|kunde:|recipient|acquirente)"
    r"\s*:?\s*",
    re.IGNORECASE,
)
_SHIP_TO = re.compile(r"^(?:ship to|deliver to|lieferadresse|livrer [àa])\s*:?\s*", re.IGNORECASE)
_COMPANY = words(
    r"ltd\.?|limited|llp|llc|inc\.?|plc|pvt\.?|corp(?:oration)?\.?|company|co\.",
    r"gmbh|ag|kg|b\.?v\.?|n\.v\.|s\.?a\.?r\.?l\.?|sas|s\.?l\.?|s\.?r\.?l\.?|s\.?p\.?a\.?",
)
_NO_NAME = re.compile(
    r"[:@]|www\.|https?|^\W*\d+\W*$|^\d|\bstatement\b|"
    r"^(?:date|page|seite|nr|no|original|duplicate|copy|phone|tel|fax)\b",
    re.IGNORECASE,
)
_GSTIN = re.compile(r"\b\d{2}[A-Z]{5}\d{4}[A-Z][A-Z\d]Z[A-Z\d]\b")
_TAX_IDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("GSTIN", _GSTIN),
    ("TIN", re.compile(r"\bTIN\s*(?:no\.?)?\s*:?\s*([A-Z]?\d{9,11}[A-Z]?)\b", re.IGNORECASE)),
    (
        "VAT",
        re.compile(
            r"(?:VAT|USt|UID|BTW|TVA|IVA|CIF|NIF)[\w.\- ]{0,22}?[:\s]\s*([A-Z]{2}[A-Z0-9]{0,2}\d[A-Z0-9]{6,11})\b"
        ),
    ),
    ("EIN", re.compile(r"\b(?:EIN|Tax ID)\s*:?\s*(\d{2}-\d{7})\b", re.IGNORECASE)),
    ("ABN", re.compile(r"\bABN\s*:?\s*(\d{2}(?: ?\d{3}){3})\b")),
)
_PAN = re.compile(r"\bPAN\s*:?\s*([A-Z]{5}\d{4}[A-Z])\b")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
_PHONE = re.compile(r"(?:phone|tel)[.:\s]*([+(\d][\d ()-]{6,18}\d)", re.IGNORECASE)
_IBAN = re.compile(r"\b([A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?)\b")
_COUNTRIES = (
    (
        "IN",
        words(
            r"india|maharashtra|gujarat|uttar pradesh|karnataka|tamil nadu|delhi|west bengal|kerala|telangana|punjab"
        ),
    ),
    ("GH", words(r"ghana|accra|kumasi|tema|takoradi")),
    ("DE", words(r"deutschland", r"germany")),
    ("NL", words(r"nederland", r"netherlands")),
    ("FR", words(r"france")),
    ("GB", words(r"united kingdom", r"england", r"great britain")),
    ("US", re.compile(r"United States|\bUSA\b|,? [A-Z]{2},? \d{5}(?:-\d{4})?$")),
)
_BLOCK_GAP = 18.0
_BLOCK_INDENT = 6.0
_TOP_ROWS = 14
_IBAN_MODULUS = 97


@dataclass(slots=True)
class Block:
    """Lines under each other in one column; the first is the name."""

    lines: list[str] = field(default_factory=list)
    page: int = 1

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(self.lines)


def read_parties(rows: Sequence[Row]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The seller's facts and the party rows of everyone found, seller first."""
    buyer, buyer_label = _block_under(rows, _BUYER)
    ship_to, _ = _block_under(rows, _SHIP_TO)
    seller, _ = _block_under(rows, _SELLER)
    if seller is None:
        seller = _letterhead(rows, buyer_label if buyer_label is not None else len(rows))
    others = "\n".join(block.text for block in (buyer, ship_to) if block)
    all_text = "\n".join(row.text for row in rows)
    parties = []
    facts: dict[str, Any] = {}
    if seller:
        facts = _party("seller", seller, all_text, others)
        parties.append(facts)
    parties += [
        _party(role, block, block.text, "") for role, block in (("buyer", buyer), ("ship_to", ship_to)) if block
    ]
    return facts, parties


def tax_id_of(text: str, exclude: str) -> tuple[str, str] | None:
    """Kind and value of the first tax id in a text that does not stand in ``exclude``."""
    for kind, pattern in _TAX_IDS:
        for match in pattern.finditer(text):
            value = match[1] if pattern.groups else match[0]
            if value not in exclude:
                return kind, value.replace(" ", "")
    return None


def country_of(text: str) -> str | None:
    """ISO code of the country that an address names or makes certain."""
    for code, pattern in _COUNTRIES:
        if any(pattern.search(line) for line in text.splitlines()):
            return code
    return "IN" if _GSTIN.search(text) else None


def _party(role: str, block: Block, ids_in: str, exclude: str) -> dict[str, Any]:
    party: dict[str, Any] = {"role": role, "name": block.lines[0], "page": str(block.page)}
    if found := tax_id_of(ids_in, exclude):
        party["tax_id_type"], party["tax_id"] = found
    address = [line for line in block.lines[1:] if not re.search(r"[:@]|www\.", line)]
    party["address"] = ", ".join(address) or None
    party["country"] = country_of(block.text)
    for name, pattern in (("pan", _PAN), ("email", _EMAIL), ("phone", _PHONE)):
        match = pattern.search(block.text)
        if match:
            party[name] = match[1] if pattern.groups else match[0]
    return party


def _block_under(rows: Sequence[Row], label: re.Pattern[str]) -> tuple[Block | None, int | None]:
    for index, row in enumerate(rows):
        for position, cell in enumerate(row.cells):
            match = label.match(cell.text)
            if not match or (len(cell.text) > len(match[0]) and not match[0].rstrip().endswith(":")):
                continue
            rest = cell.text[match.end() :].strip()
            if rest:
                return Block([rest], row.page), index
            beside = row.cells[position + 1] if position + 1 < len(row.cells) else None
            lines = _column_lines(rows, index, cell)
            if not lines and beside:
                return Block([beside.text, *_column_lines(rows, index, beside)], row.page), index
            if lines:
                return Block(_without_names(rows, index, lines), row.page), index
    return None, None


def _without_names(rows: Sequence[Row], index: int, lines: list[str]) -> list[str]:
    """Where the block itself has labels ("Name: X"), its values; else the lines as they are."""
    if not any(re.match(r"(?:nummer|number|name)\s*:", line, re.IGNORECASE) for line in lines):
        return lines
    found = labels.labelled(rows[index : index + 8], (words(r"name:"),), labels.text_until(r"\s{3,}"))
    return [found[0].value] if found else lines


def _column_lines(rows: Sequence[Row], index: int, start: Cell) -> list[str]:
    lines: list[str] = []
    y = rows[index].y
    for row in rows[index + 1 :]:
        if row.page != rows[index].page or y - row.y > _BLOCK_GAP * (1.6 if not lines else 1):
            break
        cell = next((cell for cell in row.cells if abs(cell.x0 - start.x0) <= _BLOCK_INDENT * 3), None)
        if cell is None:
            continue
        if money_in(cell.text) and not re.search(r"[A-Za-z]{3}", cell.text):
            break
        lines.append(cell.text)
        y = row.y
    return lines


def _letterhead(rows: Sequence[Row], end: int) -> Block | None:
    """The most company-like line above the buyer, with the lines under it."""
    everything = "\n".join(row.text for row in rows)
    domain = _EMAIL.search(everything)
    best: tuple[float, int, Cell] | None = None
    for index, row in enumerate(rows[: min(end, _TOP_ROWS)]):
        for cell in row.cells:
            if not _could_be_name(cell.text):
                continue
            score = -0.2 * index + (3 if _COMPANY.search(cell.text) else 0)
            folded = re.sub(r"\W", "", cell.text.lower())
            if domain and folded and folded in re.sub(r"\W", "", domain[0].lower()):
                score += 3
            if best is None or score > best[0]:
                best = (score, index, cell)
    if best is None:
        return None
    _, index, cell = best
    return Block([cell.text, *_column_lines(rows[:end], index, cell)], rows[index].page)


def _could_be_name(text: str) -> bool:
    letters = len(re.findall(r"[^\W\d_]", text))
    plain = not TITLE.search(text) and not _NO_NAME.search(text) and not _BUYER.match(text) and not _SHIP_TO.match(text)
    return letters >= 3 and plain and not money_in(text) and dates.date_at(text, day_first=True) is None  # noqa: PLR2004


def bank_accounts(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The account to pay into: an IBAN that is labelled or whose checksum holds, or a labelled account number."""
    text = "\n".join(row.text for row in rows)
    account: dict[str, Any] = {}
    for match in _IBAN.finditer(text):
        iban = match[1].replace(" ", "")
        if _iban_holds(iban) or re.search(r"IBAN[\w.\- ]{0,8}[:\s]*$", text[: match.start()]):
            account["iban"] = iban
            break
    for name, pattern in (
        ("account_number", r"(?:A/c|Account)(?:\s*(?:no|number)\.?)?\s*:?\s*(\d{8,18})\b"),
        ("ifsc", r"\b([A-Z]{4}0[A-Z0-9]{6})\b"),
        ("bic", r"\b(?:BIC|SWIFT)\b\s*:?\s*([A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?)\b"),
        ("bank_name", r"\bBank\s*:\s*([A-Z][A-Za-z ]+?)(?=\s+A/c|\s{2}|$|\n)"),
    ):
        found = re.search(pattern, text)
        if found:
            account[name] = found[1].strip()
    return [account] if "iban" in account or "account_number" in account else []


def _iban_holds(iban: str) -> bool:
    moved = iban[4:] + iban[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % _IBAN_MODULUS == 1
