"""INV-01 as Indian programs write it and as the portal answers; values by hand."""

import base64
import json
from typing import Any

import pytest

from shared_code.e_invoices.reader import read_e_invoice
from tests.unit.e_invoices.national.read_whole import answer, asking, differences

_SELLER = {
    "Gstin": "29AABCT1332L1ZA",
    "LglNm": "Chai Works Private Limited",
    "TrdNm": "Chai Works",
    "Addr1": "12 Brigade Road",
    "Addr2": "Ashok Nagar",
    "Loc": "Bengaluru",
    "Pin": 560025,
    "Stcd": "29",
    "Ph": "9900000000",
    "Em": "bills@chai.example",
}
_BUYER = {
    "Gstin": "27AAPFU0939F1ZV",
    "LglNm": "Kirana Stores",
    "TrdNm": "Kirana Stores",
    "Pos": "27",
    "Addr1": "Link Road",
    "Loc": "Mumbai",
    "Pin": 400001,
    "Stcd": "27",
}


def _item(number: int, quantity: float, price: float, net: float, rate: float, **more: Any) -> dict[str, Any]:
    return {
        "SlNo": str(number),
        "PrdDesc": f"Item {number}",
        "IsServc": "N",
        "HsnCd": "09023020",
        "Qty": quantity,
        "Unit": "KGS",
        "UnitPrice": price,
        "TotAmt": quantity * price,
        "Discount": 0,
        "AssAmt": net,
        "GstRt": rate,
        "IgstAmt": 0,
        "CgstAmt": 0,
        "SgstAmt": 0,
        "CesRt": 0,
        "CesAmt": 0,
        "CesNonAdvlAmt": 0,
        **more,
    }


#: between states: two rates, cess, a discount on an item, a charge, a discount after tax, rounding
BETWEEN: dict[str, Any] = {
    "Version": "1.1",
    "TranDtls": {"TaxSch": "GST", "SupTyp": "B2B", "RegRev": "N", "EcmGstin": None, "IgstOnIntra": "N"},
    "DocDtls": {"Typ": "INV", "No": "CW/26-27/0042", "Dt": "16/09/2026"},
    "SellerDtls": _SELLER,
    "BuyerDtls": _BUYER,
    "ShipDtls": {
        "Gstin": "URP",
        "LglNm": "Godown 4",
        "Addr1": "Dock Road",
        "Loc": "Thane",
        "Pin": 400601,
        "Stcd": "27",
    },
    "ItemList": [
        _item(1, 100, 450.5, 45000, 5, TotAmt=45050, Discount=50, IgstAmt=2250, TotItemVal=47250),
        _item(2, 10, 120, 1200, 28, IgstAmt=336, CesRt=12, CesAmt=144, OthChrg=20, TotItemVal=1700),
    ],
    "ValDtls": {
        "AssVal": 46200,
        "CgstVal": 0,
        "SgstVal": 0,
        "IgstVal": 2586,
        "CesVal": 144,
        "StCesVal": 0,
        "Discount": 150.25,
        "OthChrg": 100,
        "RndOffAmt": 0.25,
        "TotInvVal": 48900,
    },
    "PayDtls": {
        "Nm": "Chai Works",
        "AccDet": "5697389713210",
        "Mode": "Credit",
        "FinInsBr": "SBIN0011000",
        "PayTerm": "Net 30",
        "CrDay": 30,
        "PaidAmt": 8900,
        "PaymtDue": 40000,
    },
    "RefDtls": {
        "InvRm": "Handle with care",
        "DocPerdDtls": {"InvStDt": "01/08/2026", "InvEndDt": "31/08/2026"},
        "ContrDtls": [{"ContrRefr": "C-7", "PORefr": "PO-77", "PORefDt": "01/08/2026"}],
    },
}

BETWEEN_VALUES = {
    "document_type": "invoice",
    "invoice_number": "CW/26-27/0042",
    "invoice_date": "2026-09-16",
    "service_period_start": "2026-08-01",
    "currency": "INR",
    "po_numbers": ["PO-77"],
    "contract_number": "C-7",
    "seller.name": "Chai Works Private Limited",
    "seller.trading_name": "Chai Works",
    "seller.tax_id": "29AABCT1332L1ZA",
    "seller.tax_id_type": "GSTIN",
    "seller.address": "12 Brigade Road, Ashok Nagar",
    "seller.city": "Bengaluru",
    "seller.postal_code": "560025",
    "seller.state_code": "29",
    "seller.country": "IN",
    "seller.email": "bills@chai.example",
    "buyer.trading_name": None,
    "ship_to.name": "Godown 4",
    "ship_to.tax_id": None,
    "net_total": "46200",
    "charges_total": "120",
    "discount_total": "150.25",
    "tax_total": "2730",
    "round_off": "0.25",
    "total": "48900",
    "amount_paid": "8900",
    "amount_due": "40000",
    "taxes.#": 3,
    "taxes.0.name": "IGST",
    "taxes.0.rate": "5",
    "taxes.0.taxable_amount": "45000",
    "taxes.1.amount": "336",
    "taxes.2.name": "CESS",
    "taxes.2.rate": "12",
    "line_items.0.hsn_sac": "09023020",
    "line_items.0.quantity": "100",
    "line_items.0.unit_price": "450.5",
    "line_items.0.discount_amount": "50",
    "line_items.0.net_amount": "45000",
    "line_items.0.tax_amount": "2250",
    "line_items.1.total_amount": "1700",
    "payment.terms": "Net 30; 30 days",
    "payment.method": "Credit",
    "payment.bank_accounts.0.account_number": "5697389713210",
    "payment.bank_accounts.0.ifsc": "SBIN0011000",
    "india.place_of_supply_code": "27",
    "india.supply_type": "B2B",
    "india.reverse_charge": False,
    "india.irn": None,
    "notes": "Handle with care",
}

#: within a state, a credit note, all names in lower case, no item sums in the document
WITHIN: dict[str, Any] = {
    "version": "1.1",
    "trandtls": {"taxsch": "GST", "suptyp": "B2B", "regrev": "N"},
    "docdtls": {"typ": "CRN", "no": "CN-1", "dt": "17-09-2026"},
    "sellerdtls": {name.lower(): value for name, value in _SELLER.items()},
    "buyerdtls": {
        "gstin": "29AAGCB1286Q1Z0",
        "lglnm": "Tea Room",
        "pos": "29",
        "addr1": "MG Road",
        "loc": "Bengaluru",
        "stcd": "29",
    },
    "itemlist": [
        {
            "slno": "1",
            "prddesc": "Tea",
            "hsncd": "0902",
            "qty": "2",
            "unit": "NOS",
            "unitprice": "7.60",
            "totamt": "15.20",
            "assamt": "15.20",
            "gstrt": "12",
            "cgstamt": "0.91",
            "sgstamt": "0.91",
            "totitemval": "17.02",
        },
    ],
    "valdtls": {
        "assval": "15.20",
        "cgstval": "0.91",
        "sgstval": "0.91",
        "igstval": "0",
        "rndoffamt": "-0.02",
        "totinvval": "17.00",
    },
    "paydtls": {"paidamt": 0, "paymtdue": 0},
    "refdtls": {"precdocdtls": [{"invno": "CW/26-27/0040", "invdt": "01/09/2026"}]},
}

WITHIN_VALUES = {
    "document_type": "credit_note",
    "invoice_date": "2026-09-17",
    "original_invoice.number": "CW/26-27/0040",
    "original_invoice.date": "2026-09-01",
    "tax_total": "1.82",
    "total": "17.00",
    "amount_due": None,
    "amount_paid": None,
    "taxes.#": 2,
    "taxes.0.name": "CGST",
    "taxes.0.rate": "6",
    "taxes.1.name": "SGST",
    "line_items.0.quantity": "2",
}

#: an export without payment of tax: a rate without a tax, a buyer abroad
EXPORT: dict[str, Any] = {
    **BETWEEN,
    "TranDtls": {"TaxSch": "GST", "SupTyp": "EXPWOP", "RegRev": "N"},
    "BuyerDtls": {
        "Gstin": "URP",
        "LglNm": "Teehaus GmbH",
        "Pos": "96",
        "Addr1": "Hafen 1",
        "Loc": "Hamburg",
        "Pin": 999999,
        "Stcd": "96",
    },
    "ItemList": [_item(1, 100, 450, 45000, 5, TotItemVal=45000)],
    "ValDtls": {"AssVal": 45000, "IgstVal": 0, "TotInvVal": 45000, "TotInvValFc": 500},
    "ExpDtls": {"ForCur": "EUR", "CntCode": "DE"},
    "PayDtls": None,
}

EXPORT_VALUES = {
    "buyer.tax_id": None,
    "buyer.postal_code": None,
    "buyer.country": None,
    "tax_total": "0",
    "taxes.#": 0,
    "total": "45000",
    "line_items.0.tax_amount": "0",
    "payment": None,
}


def _bytes(document: Any) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("document", "expected"),
    [(BETWEEN, BETWEEN_VALUES), (WITHIN, WITHIN_VALUES), (EXPORT, EXPORT_VALUES)],
    ids=["between states", "within a state", "export"],
)
def test_inv01_is_read_as_its_makers_mean_it(document, expected):
    assert differences(_bytes(document), expected) == {}
    assert answer(_bytes(document))["status"] == "ok"


def test_an_array_holds_several_invoices():
    found = read_e_invoice(_bytes([BETWEEN, WITHIN]))
    assert (found.syntax, found.guideline) == ("INV-01", "INV-01 1.1")
    assert [entry.invoice.invoice_number for entry in found.readings] == ["CW/26-27/0042", "CN-1"]


_IRN = "e770eb741c861ee1c5f3dc7475c4c789a3f494174d15ef236624e1290c4663d3"


def _token(payload: Any) -> str:
    parts = [{"alg": "RS256", "typ": "JWT"}, {"data": json.dumps(payload), "iss": "NIC"}]
    written = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*written, "c2lnbmF0dXJl"])


def _code(**changed: Any) -> str:
    said = {
        "SellerGstin": "29AABCT1332L1ZA",
        "BuyerGstin": "27AAPFU0939F1ZV",
        "DocNo": "CW/26-27/0042",
        "DocTyp": "INV",
        "DocDt": "16/09/2026",
        "TotInvVal": 48900,
        "ItemCnt": 2,
        "MainHsnCode": "09023020",
        "Irn": _IRN,
    }
    return _token(said | changed)


def _answered(code: str, **more: Any) -> bytes:
    signed = {"AckNo": 112110046814212, "AckDt": "2026-09-16 16:16:00", "Irn": _IRN, **BETWEEN}
    result = {
        "AckNo": 112110046814212,
        "AckDt": "2026-09-16 16:16:00",
        "Irn": _IRN,
        "SignedInvoice": _token(signed),
        "SignedQRCode": code,
        "Status": "ACT",
        "EwbNo": 331009876543,
        **more,
    }
    return _bytes({"success": True, "message": "IRN generated successfully", "result": result})


SIGNED_VALUES = {
    **BETWEEN_VALUES,
    "india.irn": _IRN,
    "india.ack_number": "112110046814212",
    "india.ack_date": "2026-09-16",
    "india.eway_bill_number": "331009876543",
    "india.qr.doc_no": "CW/26-27/0042",
    "india.qr.signature": "unverified",
}


def test_the_portals_answer_is_opened_and_its_signature_said_to_be_unverified():
    data = _answered(_code())
    assert differences(data, SIGNED_VALUES) == {}
    result = answer(data)
    assert result["status"] == "ok"
    assert "signature_unverified" in {warning["code"] for warning in result["warnings"]}


def test_a_signed_token_alone_is_a_file():
    data = _token({"AckNo": 1, "Irn": _IRN, **BETWEEN}).encode() + b"\n"
    assert differences(data, {**BETWEEN_VALUES, "india.irn": _IRN}) == {}


def test_a_code_that_says_something_else_is_reviewed():
    assert "qr_mismatch" in asking(answer(_answered(_code(TotInvVal=1))))


def test_a_cancelled_registration_is_reviewed():
    assert "cancelled" in asking(answer(_answered(_code(), Status="CNL")))


def test_reverse_charge_may_leave_the_tax_out_of_the_total():
    changed = {**BETWEEN, "TranDtls": {"SupTyp": "B2B", "RegRev": "Y"}}
    changed["ValDtls"] = {**BETWEEN["ValDtls"], "TotInvVal": 46170}
    changed["PayDtls"] = None
    result = answer(_bytes(changed))
    assert result["status"] == "ok"
    assert result["invoices"][0]["india"]["reverse_charge"] is True


def test_igst_within_a_state_on_purpose_is_no_fault():
    changed = {**BETWEEN, "TranDtls": {"SupTyp": "B2B", "RegRev": "N", "IgstOnIntra": "Y"}}
    changed["BuyerDtls"] = {**_BUYER, "Gstin": "29AAGCB1286Q1Z0", "Pos": "29", "Stcd": "29"}
    assert answer(_bytes(changed))["status"] == "ok"


def test_a_wrong_total_is_still_found():
    changed = {**BETWEEN, "ValDtls": {**BETWEEN["ValDtls"], "TotInvVal": 47900}, "PayDtls": None}
    assert "total_mismatch" in asking(answer(_bytes(changed)))


def test_sums_that_the_items_do_not_give_stand_without_a_rate():
    changed = {**BETWEEN, "ValDtls": {**BETWEEN["ValDtls"], "IgstVal": 2686, "TotInvVal": 49000}, "PayDtls": None}
    taxes = answer(_bytes(changed))["invoices"][0]["taxes"]
    assert [(tax["name"], tax["rate"], tax["amount"]) for tax in taxes] == [
        ("IGST", None, "2686"),
        ("CESS", "12", "144"),
    ]
