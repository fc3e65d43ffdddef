"""CFDI 4.0 and 3.3: invoices as the tax authority's samples and as programs write them, with values by hand."""

from tests.unit.e_invoices.national.played import answer

_UUID = "ED1752FE-E865-4FF2-BFE1-0F552E770DC9"
_SELLER = '<cfdi:Emisor Rfc="EKU9003173C9" Nombre="ESCUELA KEMPER URGATE" RegimenFiscal="601"/>'
_BUYER = (
    '<cfdi:Receptor Rfc="URE180429TM6" Nombre="UNIVERSIDAD ROBOTICA" DomicilioFiscalReceptor="86991" '
    'RegimenFiscalReceptor="601" UsoCFDI="G01"/>'
)
_STAMP = (
    '<cfdi:Complemento>{more}<tfd:TimbreFiscalDigital xmlns:tfd="http://www.sat.gob.mx/TimbreFiscalDigital" Version="1.1" '
    f'UUID="{_UUID}" FechaTimbrado="2026-05-04T10:05:00" SelloSAT="abc" RfcProvCertif="SPR190613I52"/></cfdi:Complemento>'
)


def _cfdi(attributes, body, *, version="4", buyer=_BUYER, relations="", complement=""):
    number = {"4": "4.0", "3": "3.3"}[version]
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/{version}" '
        f'Version="{number}" Fecha="2026-05-04T10:00:00" LugarExpedicion="20000" Exportacion="01" {attributes}>{relations}'
        f"{_SELLER}{buyer}{body}{_STAMP.format(more=complement)}</cfdi:Comprobante>"
    )


def _concept(quantity, price, amount, taxes="", *, discount=""):
    given = f' Descuento="{discount}"' if discount else ""
    return (
        f'<cfdi:Concepto ClaveProdServ="50211503" NoIdentificacion="UT421" Cantidad="{quantity}" ClaveUnidad="H87" Unidad="Pieza" '
        f'Descripcion="Cigarros" ValorUnitario="{price}" Importe="{amount}"{given} ObjetoImp="02">'
        f"<cfdi:Impuestos>{taxes}</cfdi:Impuestos></cfdi:Concepto>"
    )


def _tax(base, code, rate, amount, *, kind="Tasa"):
    given = "" if kind == "Exento" else f' TasaOCuota="{rate}" Importe="{amount}"'
    of = f' Base="{base}"' if base else ""
    return f'<cfdi:Traslado{of} Impuesto="{code}" TipoFactor="{kind}"{given}/>'


def _moved(*taxes):
    return f"<cfdi:Traslados>{''.join(taxes)}</cfdi:Traslados>"


_KEPT = (
    '<cfdi:Retenciones><cfdi:Retencion Base="900.00" Impuesto="001" TipoFactor="Tasa" TasaOCuota="0.100000" Importe="90.00"/>'
    '<cfdi:Retencion Base="900.00" Impuesto="002" TipoFactor="Tasa" TasaOCuota="0.106667" Importe="96.00"/></cfdi:Retenciones>'
)
_CONCEPT = _concept(
    "2", "500.00", "1000.00", _moved(_tax("900.00", "002", "0.160000", "144.00")) + _KEPT, discount="100.00"
)
FULL = _cfdi(
    'Serie="F" Folio="123" Moneda="MXN" TipoCambio="1" SubTotal="1000.00" Descuento="100.00" Total="858.00" '
    'TipoDeComprobante="I" MetodoPago="PUE" FormaPago="03" CondicionesDePago="Contado"',
    f'<cfdi:Conceptos>{_CONCEPT}</cfdi:Conceptos><cfdi:Impuestos TotalImpuestosRetenidos="186.00" '
    'TotalImpuestosTrasladados="144.00"><cfdi:Retenciones><cfdi:Retencion Impuesto="001" Importe="90.00"/><cfdi:Retencion '
    'Impuesto="002" Importe="96.00"/></cfdi:Retenciones>'
    + _moved(_tax("900.00", "002", "0.160000", "144.00"))
    + "</cfdi:Impuestos>",
)


def test_an_invoice_with_a_discount_and_two_taxes_kept_back():
    """2 x 500.00 less 100.00 = 900.00; IVA 16 % 144.00; ISR 10 % 90.00 and two thirds of the IVA 96.00 kept: 858.00."""
    status, codes, invoice = answer(FULL)
    assert (status, codes) == ("ok", [])
    assert (invoice["document_type"], invoice["invoice_number"]) == ("invoice", "F 123")
    assert (invoice["invoice_date"], invoice["currency"]) == ("2026-05-04", "MXN")
    assert "exchange_rate" not in invoice
    assert (invoice["subtotal"], invoice["discount_total"], invoice["net_total"]) == ("1000.00", "100.00", "900.00")
    assert (invoice["tax_total"], invoice["total"]) == ("144.00", "858.00")
    assert invoice["taxes"] == [
        {"name": "IVA", "rate": "16", "taxable_amount": "900.00", "amount": "144.00", "category": "S"}
    ]
    assert invoice["withholdings"] == [
        {"name": "ISR", "rate": "10", "amount": "90.00"}, {"name": "IVA", "rate": "10.6667", "amount": "96.00"},
    ]  # fmt: skip
    assert invoice["seller"] == {"name": "ESCUELA KEMPER URGATE", "tax_id": "EKU9003173C9", "tax_id_type": "TIN"}
    assert invoice["buyer"] == {
        "name": "UNIVERSIDAD ROBOTICA", "tax_id": "URE180429TM6", "tax_id_type": "TIN", "postal_code": "86991",
    }  # fmt: skip
    assert invoice["line_items"] == [
        {"description": "Cigarros", "product_code": "UT421", "quantity": "2", "unit": "H87", "unit_price": "500.00",
         "discount_amount": "100.00", "net_amount": "1000.00", "tax_rate": "16", "tax_amount": "144.00"}
    ]  # fmt: skip
    assert invoice["payment"] == {"terms": "Contado; in one payment", "method": "credit transfer"}
    assert invoice["fiscal"] == {
        "authority": "SAT", "receipt_number": _UUID, "signature": "abc", "timestamp": "2026-05-04T10:05:00",
    }  # fmt: skip


def test_the_older_version_without_a_folio_and_without_the_bases_of_the_taxes():
    """3.3: 100.00 at 16 %, 50.00 at 0 %, 20.00 exempt; IEPS of 8 % on the first and IVA on top of it: 195.28."""
    concepts = (
        _concept(
            "1", "100", "100", _moved(_tax("100", "003", "0.080000", "8.00"), _tax("108", "002", "0.160000", "17.28"))
        )
        + _concept("5", "10", "50", _moved(_tax("50", "002", "0.000000", "0")))
        + _concept("2", "10", "20", _moved(_tax("20", "002", "", "", kind="Exento")))
    )
    totals = (
        _tax("", "003", "0.080000", "8.00") + _tax("", "002", "0.160000", "17.28") + _tax("", "002", "0.000000", "0")
    )
    status, codes, invoice = answer(
        _cfdi(
            'Moneda="USD" TipoCambio="19.50" SubTotal="170" Total="195.28" TipoDeComprobante="I" MetodoPago="PPD" FormaPago="99"',
            f'<cfdi:Conceptos>{concepts}</cfdi:Conceptos><cfdi:Impuestos TotalImpuestosTrasladados="25.28">{_moved(totals)}'
            "</cfdi:Impuestos>",
            version="3",
            buyer='<cfdi:Receptor Rfc="XEXX010101000" Nombre="ACME INC" ResidenciaFiscal="USA" NumRegIdTrib="121585958"/>',
        )
    )
    assert (status, codes) == ("ok", [])
    assert invoice["invoice_number"] == _UUID
    assert (invoice["currency"], invoice["exchange_rate"]) == ("USD", "19.50")
    assert [(tax["name"], tax["rate"], tax["taxable_amount"], tax.get("category")) for tax in invoice["taxes"]] == [
        ("IEPS", "8", "100", None), ("IVA", "16", "108", "S"), ("IVA", "0", "50", "Z"),
    ]  # fmt: skip
    assert (invoice["net_total"], invoice["tax_total"], invoice["total"]) == ("170", "25.28", "195.28")
    assert [line.get("tax_rate") for line in invoice["line_items"]] == ["16", "0", None]
    assert invoice["buyer"] == {"name": "ACME INC", "tax_id": "121585958", "tax_id_type": "OTHER", "country": "US"}
    assert invoice["payment"] == {"terms": "in instalments or later"}


def test_a_credit_note_is_positive_and_names_the_stamp_of_its_invoice():
    concept = _concept("1", "10.00", "10.00", _moved(_tax("10.00", "002", "0.160000", "1.60")))
    status, codes, invoice = answer(
        _cfdi(
            'Folio="NC7" Moneda="MXN" SubTotal="10.00" Total="11.60" TipoDeComprobante="E" FormaPago="01"',
            f'<cfdi:Conceptos>{concept}</cfdi:Conceptos><cfdi:Impuestos TotalImpuestosTrasladados="1.60">'
            + _moved(_tax("10.00", "002", "0.160000", "1.60"))
            + "</cfdi:Impuestos>",
            relations='<cfdi:CfdiRelacionados TipoRelacion="01"><cfdi:CfdiRelacionado UUID="AA11"/></cfdi:CfdiRelacionados>',
        )
    )
    assert (status, codes) == ("ok", ["credit_note_positive"])
    assert (invoice["document_type"], invoice["invoice_number"]) == ("credit_note", "NC7")
    assert invoice["original_invoice"] == {"number": "AA11"}


def test_local_taxes_are_added_and_kept_back_with_the_others():
    """1000.00 with IVA 160.00, lodging tax 3 % 30.00, and 5.00 kept back for inspection: 1185.00."""
    local = (
        '<implocal:ImpuestosLocales xmlns:implocal="http://www.sat.gob.mx/implocal" version="1.0" TotaldeRetenciones="5.00" '
        'TotaldeTraslados="30.00"><implocal:RetencionesLocales ImpLocRetenido="5 al millar" TasadeRetencion="0.50" Importe="5.00"/>'
        '<implocal:TrasladosLocales ImpLocTrasladado="ISH" TasadeTraslado="3.00" Importe="30.00"/></implocal:ImpuestosLocales>'
    )
    concept = _concept("1", "1000.00", "1000.00", _moved(_tax("1000.00", "002", "0.160000", "160.00")))
    status, codes, invoice = answer(
        _cfdi(
            'Folio="9" Moneda="MXN" SubTotal="1000.00" Total="1185.00" TipoDeComprobante="I"',
            f'<cfdi:Conceptos>{concept}</cfdi:Conceptos><cfdi:Impuestos TotalImpuestosTrasladados="160.00">'
            + _moved(_tax("1000.00", "002", "0.160000", "160.00"))
            + "</cfdi:Impuestos>",
            complement=local,
        )
    )
    assert (status, codes) == ("ok", [])
    assert (invoice["tax_total"], invoice["total"]) == ("190.00", "1185.00")
    assert [(tax["name"], tax["rate"], tax["amount"]) for tax in invoice["taxes"]] == [
        ("IVA", "16", "160.00"), ("ISH", "3.00", "30.00"),
    ]  # fmt: skip
    assert invoice["withholdings"] == [{"name": "5 al millar", "rate": "0.50", "amount": "5.00"}]


def test_a_replacement_without_taxes_under_another_prefix():
    """The default namespace instead of a prefix; an invoice that replaces one and has no taxes at all."""
    text = _cfdi(
        'Folio="10" Moneda="MXN" SubTotal="200.00" Total="200.00" TipoDeComprobante="I"',
        '<cfdi:Conceptos><cfdi:Concepto Cantidad="4" ClaveUnidad="E48" Descripcion="Renta" ValorUnitario="50.00" Importe="200.00" '
        'ObjetoImp="01"/></cfdi:Conceptos>',
        relations='<cfdi:CfdiRelacionados TipoRelacion="04"><cfdi:CfdiRelacionado UUID="BB22"/></cfdi:CfdiRelacionados>',
    )
    status, codes, invoice = answer(
        text.replace("cfdi:", "").replace("xmlns:cfdi", "xmlns").replace("xmlns:cfdi=", "xmlns=")
    )
    assert (status, codes) == ("ok", [])
    assert (invoice["tax_total"], invoice["total"]) == ("0", "200.00")
    assert (invoice["document_type"], invoice["original_invoice"]) == ("invoice", {"number": "BB22"})


def test_a_receipt_for_a_payment_is_no_invoice():
    """Type P: no amounts, and the currency XXX, which ISO 4217 has for that."""
    status, codes, invoice = answer(
        _cfdi(
            'Folio="P1" Moneda="XXX" SubTotal="0" Total="0" TipoDeComprobante="P"',
            '<cfdi:Conceptos><cfdi:Concepto Cantidad="1" ClaveUnidad="ACT" Descripcion="Pago" ValorUnitario="0" Importe="0"/>'
            "</cfdi:Conceptos>",
        )
    )
    assert (status, codes) == ("needs_review", ["missing_field"])
    assert (invoice["document_type"], invoice["total"]) == ("other", "0")
