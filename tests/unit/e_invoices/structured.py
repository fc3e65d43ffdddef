"""Invoices as XML and JSON of kinds that no reader knows, in names that programmers give."""

import json


def invoice_xml(*, lines: int = 2, extra: str = "") -> bytes:
    items = "".join(
        f"<Position><LaufendeNr>{at}</LaufendeNr><Bezeichnung>Artikel {at}</Bezeichnung><Menge>2</Menge>"
        f'<Einzelpreis>{at}.25</Einzelpreis><Betrag waehrung="EUR">{2 * at}.50</Betrag></Position>'
        for at in range(1, lines + 1)
    )
    return (
        f"<WarenRechnung>{extra}<Kopf><InvoiceNumber>A-4711</InvoiceNumber><InvoiceDate>2026-03-01</InvoiceDate>"
        "<Currency>EUR</Currency><Seller><Name>Werkstatt Beispiel GmbH</Name></Seller></Kopf>"
        f"<Positionen>{items}</Positionen><NetTotal>100.00</NetTotal><TaxTotal>19.00</TaxTotal>"
        "<Total>119.00</Total></WarenRechnung>"
    ).encode()


def invoice_json(**changes: object) -> bytes:
    return json.dumps(
        {
            "Invoice Number": "A-4711",
            "invoiceDate": "2026-03-01",
            "currency": "EUR",
            "seller": {"name": "Werkstatt Beispiel GmbH"},
            "lines": [{"text": "Artikel", "amount": 60.5}, {"text": "Arbeit", "amount": 39.5}],
            "net_total": "100.00",
            "tax_total": "19.00",
            "total": "119.00",
            **changes,
        }
    ).encode()


ORDER = (
    b"<PurchaseOrder><OrderNumber>4711</OrderNumber><OrderDate>2026-03-01</OrderDate><Currency>EUR</Currency>"
    b"<InvoiceAddress><Name>A</Name></InvoiceAddress><Net>100.00</Net><Total>119.00</Total></PurchaseOrder>"
)
