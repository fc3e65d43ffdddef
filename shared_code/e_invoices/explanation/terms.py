"""The business terms of EN 16931-1 (BT numbers) that the fields of an invoice stand for, for people who know those."""

import re

_OF_PARTY = {
    "seller": ("name=27 trading_name=28 registration_number=30 tax_id=31 address=35 city=37 postal_code=38 state=39 "
               "country=40 phone=42 email=43"),
    "buyer": ("name=44 trading_name=45 registration_number=47 tax_id=48 address=50 city=52 postal_code=53 state=54 "
              "country=55 phone=57 email=58"),
    "ship_to": "name=70 address=75 city=77 postal_code=78 state=79 country=80",
    "remit_to": "name=59 registration_number=61",
}  # fmt: skip
_OTHERS = {
    "": (
        "invoice_number=1 invoice_date=2 document_type=3 currency=5 tax_currency=6 due_date=9 contract_number=12 "
        "po_numbers[]=13 delivery_note_numbers[]=16 notes=22 delivery_date=72 service_period_start=73 "
        "service_period_end=74 subtotal=106 discount_total=107 charges_total=108 net_total=109 tax_total=110 "
        "tax_total_in_tax_currency=111 total=112 amount_paid=113 round_off=114 amount_due=115"
    ),
    "original_invoice.": "number=25 date=26",
    "taxes[].": "taxable_amount=116 amount=117 category=118 rate=119",
    "payment.": "terms=20 method=82 reference=83",
    "payment.bank_accounts[].": "iban=84 account_number=84 account_name=85 bic=86",
    "line_items[].": (
        "line_no=126 quantity=129 unit=130 net_amount=131 po_number=132 unit_price=146 discount_amount=136 "
        "tax_rate=152 description=153 product_code=155 hsn_sac=158"
    ),
}
_TERMS = {
    prefix + name: f"BT-{number}"
    for prefix, terms in [*_OTHERS.items(), *((f"{role}.", terms) for role, terms in _OF_PARTY.items())]
    for name, _, number in (term.partition("=") for term in terms.split())
}


def term_of(field: str) -> str | None:
    """The term of a field by its path in an answer, as ``line_items[0].net_amount``; None when it is none."""
    return _TERMS.get(re.sub(r"\[[0-9]+\]", "[]", field))
