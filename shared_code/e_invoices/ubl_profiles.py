"""What the national profiles of UBL mean by the elements that they share.

UBL is a vocabulary; a profile says what is written where, and ``CustomizationID`` or ``ProfileID`` names the profile.
EN 16931-1, Peppol BIS Billing 3, PINT and XRechnung agree with each other. The others:

* OIOUBL 2 (Denmark): TaxExclusiveAmount is the tax and not the net total (schematron rules F-INV127, F-INV128). Taxes
  are of scheme ``63`` (Moms, the value added tax) and have categories in words (code list taxcategoryid-1.1). OIOUBL 3
  follows EN 16931.
* UBL-TR (Turkey): types of invoices in words (SATIS a sale, IADE goods that come back), tax numbers as identifiers of
  the party (VKN of companies, TCKN of persons), and in exports the buyer abroad as ``BuyerCustomerParty``, because the
  customs office is the ``AccountingCustomerParty`` (GIB, UBL-TR code lists, invoice profile IHRACAT).
* MyInvois (Malaysia): two-digit types of its own, and the TIN as identifier of the party.
* CIUS-PT (Portugal) writes the types of SAF-T (PT); DIAN (Colombia) and SUNAT (Peru) two-digit ones, which say no more
  than the root element; SUNAT has the tax number (RUC) as identifier ``6`` of the party.
* ZATCA (Saudi Arabia), JoFotara (Jordan): tax numbers of a buyer without VAT as identifier of the party.
* XRechnung Extension: ``PrepaidPayment`` is a claim of a third party that is paid along (BG-DEX-09), and adds to the
  amount due; in UBL itself it is a payment made before.
"""

from collections.abc import Iterator
from decimal import Decimal

from shared_code.e_invoices.codes import document_type_of, self_billed
from shared_code.e_invoices.xml import Node, XmlValues, sum_of
from shared_code.records import Finding

_TYPE_BY_ROOT = {
    "Invoice": "invoice",
    "CreditNote": "credit_note",
    "DebitNote": "debit_note",
    "SelfBilledInvoice": "invoice",
    "SelfBilledCreditNote": "credit_note",
}
_TYPE_CODES = ("InvoiceTypeCode", "CreditNoteTypeCode")
_PARTIES = ("AccountingSupplierParty", "AccountingCustomerParty")
#: MyInvois, code list "e-Invoice Types": invoice, credit note, debit note, refund note, and the same self-billed
_MALAYSIAN_SELF_BILLED = {"11": "invoice", "12": "credit_note", "13": "debit_note", "14": "credit_note"}
_MALAYSIAN = {
    "01": "invoice",
    "02": "credit_note",
    "03": "debit_note",
    "04": "credit_note",
    **_MALAYSIAN_SELF_BILLED,
}
#: SAF-T (PT), InvoiceType
_PORTUGUESE = {"FT": "invoice", "FS": "invoice", "FR": "invoice", "ND": "debit_note", "NC": "credit_note"}
#: UBL-TR: the buyer returns goods
_TURKISH_RETURN = "IADE"
#: TaxTypeCode of KDV, the value added tax
_TURKISH_VAT = "0015"
_TURKISH_EXPORTS = frozenset({"IHRACAT", "YOLCUBERABERFATURA"})
#: UNTDID 1001 in PINT: nothing in the document is in the scope of the tax, whatever rates it shows
_OUT_OF_SCOPE = frozenset({"480", "81"})
_OIOUBL_2 = "OIOUBL-2"
_OIOUBL_CATEGORIES = {"StandardRated": "S", "ZeroRated": "Z", "ReverseCharge": "AE"}
_OIOUBL_VAT = "63"
_XRECHNUNG_EXTENSION = "kosit:extension:xrechnung"
#: schemes of identifiers that are tax numbers
_TAX_NUMBERS = frozenset({"VKN", "TCKN", "TIN", "TN", "RUC", "6"})
_VAT_NUMBERS = ("DK:SE",)
#: schemes of identifiers that are entries in a register of companies
_REGISTERS = frozenset({"MERSISNO", "TICARETSICILNO", "CRN", "BRN", "DK:CVR", "NL:KVK"})


def document_type(root: Node) -> str:
    """By the type code in an ``Invoice``, which may be a credit note by it; else by the root element."""
    by_root = _TYPE_BY_ROOT[root.name]
    code = (root.text(*_TYPE_CODES) or "").upper()
    if by_root != "invoice" or not code:
        return by_root
    if code in _MALAYSIAN and _is_malaysian(root):
        return _MALAYSIAN[code]
    if code.endswith(_TURKISH_RETURN):
        return "credit_note"
    known = _PORTUGUESE.get(code) or document_type_of(code, default=by_root) or by_root
    # A code that is not in the form of the list of EN 16931 is of a list that only tells kinds of invoices apart.
    return by_root if known == "other" and not (code.isdigit() and len(code) > 2) else known  # noqa: PLR2004


def self_billing(root: Node) -> Finding | None:
    """A finding for a document that the buyer has issued in the seller's name, else None."""
    code = root.text(*_TYPE_CODES)
    by_list = code in _MALAYSIAN_SELF_BILLED and _is_malaysian(root)
    return self_billed("389" if by_list or root.name.startswith("SelfBilled") else code)


def buyer_of(root: Node) -> Node | None:
    """The party that buys (BG-7)."""
    if root.text("ProfileID") in _TURKISH_EXPORTS and (abroad := root.find("BuyerCustomerParty/Party")):
        return abroad
    return root.find("AccountingCustomerParty/Party")


def net_total(root: Node, totals: Node, values: XmlValues) -> Decimal | None:
    """The total without tax (BT-109)."""
    if not _is_oioubl_2(root):
        return values.amount(totals.text("TaxExclusiveAmount"), "net_total")
    lines, discounts, charges = (
        values.amount(totals.text(tag), "net_total")
        for tag in ("LineExtensionAmount", "AllowanceTotalAmount", "ChargeTotalAmount")
    )
    return None if lines is None else sum_of([lines, None if discounts is None else -discounts, charges])


def tax_scheme(node: Node) -> str | None:
    """The name of a tax, from the element that holds its TaxScheme: a code (``VAT``) where it is one, else the name."""
    scheme = node.part("TaxScheme")
    code, name = scheme.text("ID"), scheme.text("Name")
    if code == _OIOUBL_VAT or scheme.text("TaxTypeCode") == _TURKISH_VAT:
        return "VAT"
    return name or code if code is None or code.isdigit() else code


def tax_category(node: Node) -> str | None:
    """The category of a tax (BT-118) from its TaxCategory."""
    code = node.text("ID")
    return _OIOUBL_CATEGORIES.get(code or "", code)


def is_out_of_scope(root: Node) -> bool:
    """Whether the document says by its type that no tax is due."""
    return root.text(*_TYPE_CODES) in _OUT_OF_SCOPE


def tax_identifiers(party: Node) -> Iterator[tuple[str, str | None]]:
    """Scheme and number of each tax number among the identifiers of a party (BT-29 of EN 16931 is no tax number)."""
    for node in party.all("PartyIdentification/ID"):
        scheme = node.attribute("schemeID") or ""
        if scheme.endswith(":VAT") or scheme in _VAT_NUMBERS:
            yield "VAT", node.code()
        elif scheme in _TAX_NUMBERS:
            yield "TAX", node.code()


def register_entry(party: Node) -> str | None:
    """The number in a register of companies among the identifiers of a party."""
    nodes = party.all("PartyIdentification/ID")
    return next((node.value for node in nodes if node.attribute("schemeID") in _REGISTERS and node.value), None)


def third_party_payments(root: Node, values: XmlValues) -> Decimal:
    """What is to be paid with this invoice for others (sum of BT-DEX-002; rule BR-DEX-09)."""
    if _XRECHNUNG_EXTENSION not in (root.text("CustomizationID") or ""):
        return Decimal(0)
    amounts = [values.amount(node.value, "amount_due") for node in root.all("PrepaidPayment/PaidAmount")]
    return sum_of(amounts) or Decimal(0)


def _is_oioubl_2(root: Node) -> bool:
    return (root.text("CustomizationID") or "").upper().startswith(_OIOUBL_2)


def _is_malaysian(root: Node) -> bool:
    """By the seller, or by the buyer, who issues what a foreign seller does not."""
    places = (f"{party}/Party/PostalAddress/Country/IdentificationCode" for party in _PARTIES)
    return any(root.text(place) in {"MY", "MYS"} for place in places)
